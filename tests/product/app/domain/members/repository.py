"""Every statement about members, compiled once."""

from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select

from app.adapters.database import Command, Listing, Query, Reader, Session, arguments
from app.domain.members.models import Member
from app.domain.members.schemas import MemberList, MemberRead
from app.kit.ids import uuid7
from app.kit.pagination import Page

_LIST = Listing(MemberList, select(Member), MemberRead, of=Member.company_id)
_ONE = Query(
    select(Member).where(Member.company_id == bindparam("company_id"), Member.account_id == bindparam("account_id")),
    MemberRead,
)
_ADD = Command(
    insert(Member).values(arguments("id", "company_id", "account_id")).returning(Member),
    MemberRead,
)

_REMOVE = Command(
    delete(Member)
    .where(Member.company_id == bindparam("company_id"), Member.id == bindparam("member_id"))
    .returning(Member),
    MemberRead,
)


async def listed(reader: Reader, asked: MemberList, company_id: UUID) -> Page[MemberRead]:
    """A page of the members of a company."""
    return await _LIST.page(reader, asked, company_id)


async def one(reader: Reader | Session, company_id: UUID, account_id: UUID) -> MemberRead | None:
    """An account, as a member of a company."""
    return await reader.one(_ONE, company_id=company_id, account_id=account_id)


async def add(session: Session, company_id: UUID, account_id: UUID) -> MemberRead:
    """Let an account belong to a company."""
    return await session.only(_ADD, id=uuid7(), company_id=company_id, account_id=account_id)


async def remove(session: Session, company_id: UUID, member_id: UUID) -> MemberRead | None:
    """End a membership of a company, and give what it was."""
    return await session.one(_REMOVE, company_id=company_id, member_id=member_id)
