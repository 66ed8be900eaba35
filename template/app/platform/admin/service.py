"""What the business says about looking after accounts."""

from uuid import UUID

from app.adapters.database import Reader, Session
from app.kit import pagination
from app.kit.access import ADMIN
from app.kit.errors import Invalid
from app.kit.tokens import Issuer
from app.platform.accounts import repository as accounts
from app.platform.accounts.errors import LastAdmin
from app.platform.admin import repository
from app.platform.admin.errors import AccountChanged, AccountNotFound
from app.platform.admin.schemas import AccountChange, AccountLookup, AuditEntryRead, AuditPage, ManagedAccount
from app.platform.audit import repository as trail
from app.platform.audit import service as audit
from app.platform.auth import repository as sessions
from app.platform.auth import service as auth


async def newest(reader: Reader, limit: int, cursor: str | None) -> pagination.Page[ManagedAccount]:
    """A page of the accounts, newest first."""
    rows = await repository.newest(reader, pagination.after(cursor), limit + 1)
    return pagination.page(rows, limit)


async def look_up(session: Session, data: AccountLookup) -> ManagedAccount:
    """The account with an address; that somebody asked is recorded."""
    account = await repository.by_email(session, data.email)
    if account is None:
        raise AccountNotFound
    await audit.decided(session, "accounts.looked-up", "granted", account_id=account.id)
    return account


async def get(reader: Reader, account_id: UUID) -> ManagedAccount:
    """One account; AccountNotFound when there is none."""
    account = await repository.by_id(reader, account_id)
    if account is None:
        raise AccountNotFound
    return account


async def change(
    session: Session, issuer: Issuer, account_id: UUID, data: AccountChange, expected: int | None
) -> ManagedAccount:
    """Change what an account may do; its sessions end, because their tokens say what it could do before."""
    # Before the account itself, as everybody does who may take the last admin away: so nobody waits in a circle.
    admins = await accounts.admins(session)
    account = await repository.locked(session, account_id)
    if account is None:
        raise AccountNotFound
    if expected is not None and expected != account.version:
        raise AccountChanged
    was_disabled = account.disabled_at is not None
    role = data.role if "role" in data.model_fields_set else account.role
    disabled = data.disabled if "disabled" in data.model_fields_set else was_disabled
    if (role, disabled) == (account.role, was_disabled):
        return account
    if admins == [account_id] and (role != ADMIN or disabled):
        raise LastAdmin
    changed = await repository.change(session, account_id, role=role, disabled=disabled)
    if role != account.role:
        await audit.decided(session, "accounts.role-given", "granted", account_id=account_id, reason=f"now {role}")
    if disabled != was_disabled:
        event = "accounts.disabled" if disabled else "accounts.enabled"
        await audit.decided(session, event, "granted", account_id=account_id)
    if disabled:
        await auth.revoke_all(session, issuer, account_id)
    else:
        await auth.end_all(session, issuer, account_id)
    return changed


async def end_sessions(session: Session, issuer: Issuer, account_id: UUID) -> None:
    """Sign an account out everywhere; AccountNotFound when there is none."""
    if await repository.locked(session, account_id) is None:
        raise AccountNotFound
    await auth.end_all(session, issuer, account_id)


async def entries(  # noqa: PLR0913, PLR0917 - a filter each
    reader: Reader, limit: int, cursor: str | None, subject: str | None, actor: UUID | None, request: str | None
) -> AuditPage:
    """A page of the audit trail, newest first."""
    if sum(each is not None for each in (subject, actor, request)) > 1:
        one = "give one of subject, actor and request_id"
        raise Invalid("The filters were refused.", fields={"query subject": one})
    before = int(cursor) if cursor else trail.NEWEST
    if actor is not None:
        rows = await trail.of_actor(reader, actor, limit + 1, before)
    elif subject is not None:
        rows = await trail.of_subject(reader, subject, limit + 1, before)
    elif request is not None:
        rows = await trail.of_request(reader, request, limit + 1, before)
    else:
        rows = await trail.newest(reader, limit + 1, before)
    shown = [AuditEntryRead.model_validate(each, from_attributes=True) for each in rows[:limit]]
    return AuditPage(data=shown, next_cursor=str(shown[-1].position) if len(rows) > limit else None)


async def appoint(session: Session, email: str, password_hash: str | None) -> bool:
    """Make an account an admin, new or with an address that is confirmed; whether there was one to make or promote.

    For the command line alone. An account whose address nobody has confirmed may be somebody else's, so it stays as it
    is. The next request of one that is promoted needs a new sign-in.
    """
    if password_hash is not None:
        made = await accounts.add(session, email, password_hash)
        if made is None:
            return False
        await accounts.verify(session, made.id)
    account = await repository.by_email(session, email)
    if account is None or account.email_verified_at is None:
        return False
    _ = await repository.change(session, account.id, role=ADMIN, disabled=False)
    _ = await sessions.end_all(session, account.id, None)
    await audit.decided(session, "accounts.role-given", "granted", account_id=account.id, reason="by app create-admin")
    return True
