"""What the business says about members."""

from uuid import UUID

from app.adapters.database import Reader, Session
from app.domain.companies import service as companies
from app.domain.members import repository
from app.domain.members.errors import MemberNotFound
from app.domain.members.schemas import MemberCreate, MemberList, MemberRead
from app.kit.access import Principal
from app.kit.pagination import Page
from app.platform.auth import service as auth
from app.platform.auth.tokens import Tokens


async def add(session: Session, company_id: UUID, data: MemberCreate, caller: Principal) -> MemberRead:
    """A new member of a company of the caller."""
    _ = await companies.get(session, company_id, caller)
    return await repository.add(session, company_id, data.account_id)


async def remove(session: Session, tokens: Tokens, company_id: UUID, member_id: UUID, caller: Principal) -> None:
    """End a membership in a company of the caller, and the sessions of the member."""
    _ = await companies.get(session, company_id, caller)
    removed = await repository.remove(session, company_id, member_id)
    if removed is None:
        raise MemberNotFound
    await auth.end_all(session, tokens, removed.account_id)


async def listed(reader: Reader, company_id: UUID, asked: MemberList, caller: Principal) -> Page[MemberRead]:
    """A page of the members of a company of the caller."""
    _ = await companies.get(reader, company_id, caller)
    return await repository.listed(reader, asked, company_id)


async def belongs(reader: Reader | Session, company_id: UUID, account_id: UUID) -> bool:
    """Whether an account belongs to a company."""
    return await repository.one(reader, company_id, account_id) is not None
