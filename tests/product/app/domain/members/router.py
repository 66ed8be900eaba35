"""Members over HTTP: each route is one sentence, its docstring its documentation."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.adapters.database import Reader, Session
from app.domain.companies.errors import CompanyNotFound
from app.domain.members import service
from app.domain.members.access import CanReadMembers, CanWriteMembers
from app.domain.members.errors import MemberAlready, MemberNotFound
from app.domain.members.schemas import MemberCreate, MemberList, MemberRead
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.kit.pagination import Page
from app.platform.auth.dependencies import Tokens

router = routing.router("/v1/companies/{company_id}/members", "members")


@router.post("", status_code=201, responses=answers(CompanyNotFound, MemberNotFound, MemberAlready))
async def add_member(company_id: UUID, data: MemberCreate, caller: CanWriteMembers, session: Session) -> MemberRead:
    """Let an account belong to one of your companies."""
    return await service.add(session, company_id, data, caller)


@router.delete("/{member_id}", status_code=204, responses=answers(CompanyNotFound, MemberNotFound))
async def remove_member(
    company_id: UUID, member_id: UUID, caller: CanWriteMembers, session: Session, tokens: Tokens
) -> None:
    """Remove a member of one of your companies.

    The sessions of the account end.
    """
    await service.remove(session, tokens, company_id, member_id, caller)


@router.get("", responses=answers(CompanyNotFound, Invalid))
async def list_members(
    company_id: UUID, asked: Annotated[MemberList, Query()], caller: CanReadMembers, reader: Reader
) -> Page[MemberRead]:
    """List the members of one of your companies."""
    return await service.listed(reader, company_id, asked, caller)
