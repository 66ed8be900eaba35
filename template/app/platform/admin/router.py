"""Other people's accounts over HTTP."""

from uuid import UUID

from app.adapters.database import Reader, Session
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.kit.etags import IfMatch
from app.kit.pagination import Cursor, Page, PageSize
from app.platform.accounts.management import ManagedAccount
from app.platform.admin import service
from app.platform.admin.access import CanManageAccounts, CanReadAudit
from app.platform.admin.errors import AccountChanged, AccountNotFound, LastAdmin
from app.platform.admin.schemas import (
    AccountChange,
    AccountLookup,
    Actor,
    AuditCursor,
    AuditPage,
    RequestId,
    Subject,
)
from app.platform.auth.dependencies import Tokens

router = routing.router("/v1/admin", "admin")


@router.get("/accounts")
async def list_accounts(
    _caller: CanManageAccounts, reader: Reader, limit: PageSize = 20, cursor: Cursor = None
) -> Page[ManagedAccount]:
    """List the accounts.

    Newest first. Follow `next_cursor` until it is null; a later page costs what the first one does.
    """
    return await service.newest(reader, limit, cursor)


@router.post("/accounts/lookups", responses=answers(AccountNotFound))
async def look_up_account(data: AccountLookup, _caller: CanManageAccounts, session: Session) -> ManagedAccount:
    """Find the account with an address.

    The address is sent in the body, so that it stands in no log of a proxy. The audit trail keeps that you asked.
    """
    return await service.look_up(session, data)


@router.get("/accounts/{account_id}", responses=answers(AccountNotFound))
async def read_account(account_id: UUID, _caller: CanManageAccounts, reader: Reader) -> ManagedAccount:
    """Read an account.

    The `ETag` of the answer is its version: send it as `If-Match` with a change.
    """
    return await service.get(reader, account_id)


@router.patch("/accounts/{account_id}", responses=answers(AccountNotFound, AccountChanged, LastAdmin))
async def change_account(
    account_id: UUID,
    data: AccountChange,
    *,
    _caller: CanManageAccounts,
    session: Session,
    tokens: Tokens,
    if_match: IfMatch = None,
) -> ManagedAccount:
    """Change what an account may do, or keep it from signing in.

    A change ends all of its sessions. The last admin can be neither disabled nor made a member.
    """
    return await service.change(session, tokens, account_id, data, if_match)


@router.delete("/accounts/{account_id}/sessions", status_code=204, responses=answers(AccountNotFound))
async def end_account_sessions(account_id: UUID, _caller: CanManageAccounts, session: Session, tokens: Tokens) -> None:
    """Sign an account out everywhere.

    All of its tokens are refused, by every instance within two seconds.
    """
    return await service.end_sessions(session, tokens, account_id)


@router.get("/audit-entries", responses=answers(Invalid))
async def list_audit_entries(
    *,
    _caller: CanReadAudit,
    reader: Reader,
    subject: Subject = None,
    actor: Actor = None,
    request_id: RequestId = None,
    limit: PageSize = 20,
    cursor: AuditCursor = None,
) -> AuditPage:
    """Read the audit trail.

    Newest first: everything, or what was done to a row, by an account, or in a request.
    """
    return await service.entries(reader, limit, cursor, subject, actor, request_id)
