"""What the business says about looking after accounts."""

from uuid import UUID

from app.adapters.database import Reader, Session
from app.kit import pagination
from app.kit.errors import Invalid
from app.platform.accounts import gates, management
from app.platform.accounts import service as accounts
from app.platform.accounts.management import ManagedAccount
from app.platform.admin.errors import AccountChanged, AccountNotFound, LastAdmin
from app.platform.admin.roles import ADMIN
from app.platform.admin.schemas import AccountChange, AccountLookup, AuditEntryRead, AuditPage
from app.platform.audit import service as audit
from app.platform.auth import credentials
from app.platform.auth import service as auth
from app.platform.auth.dependencies import Tokens


async def newest(reader: Reader, limit: int, cursor: str | None) -> pagination.Page[ManagedAccount]:
    """A page of the accounts, newest first."""
    rows = await management.newest(reader, pagination.after(cursor), limit + 1)
    return pagination.page(rows, limit)


async def look_up(session: Session, data: AccountLookup) -> ManagedAccount:
    """The account with an address; that somebody asked is recorded."""
    account = await management.by_email(session, data.email)
    if account is None:
        raise AccountNotFound
    await audit.decided(session, "accounts.looked-up", "granted", account_id=account.id)
    return account


async def get(reader: Reader, account_id: UUID) -> ManagedAccount:
    """One account; AccountNotFound when there is none."""
    account = await management.one(reader, account_id)
    if account is None:
        raise AccountNotFound
    return account


async def change(
    session: Session, tokens: Tokens, account_id: UUID, data: AccountChange, expected: int | None
) -> ManagedAccount:
    """Change what an account may do; its sessions end, because their tokens say what it could do before."""
    # Before the account itself, as everybody does who may take the last admin away: so nobody waits in a circle.
    admins = await management.holders(session, ADMIN)
    account = await management.held(session, account_id)
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
    changed = await management.change(session, account_id, role=role, disabled=disabled)
    if role != account.role:
        await audit.decided(session, "accounts.role-given", "granted", account_id=account_id, reason=f"now {role}")
    if disabled != was_disabled:
        event = "accounts.disabled" if disabled else "accounts.enabled"
        await audit.decided(session, event, "granted", account_id=account_id)
    # What is disabled has no credentials left; a new role ends only what says the old one.
    await (auth.revoke_all if disabled else auth.end_all)(session, tokens, account_id)
    return changed


async def end_sessions(session: Session, tokens: Tokens, account_id: UUID) -> None:
    """Sign an account out everywhere; AccountNotFound when there is none."""
    if await management.held(session, account_id) is None:
        raise AccountNotFound
    await auth.end_all(session, tokens, account_id)


async def entries(  # noqa: PLR0913, PLR0917 - a filter each
    reader: Reader, limit: int, cursor: str | None, subject: str | None, actor: UUID | None, request: str | None
) -> AuditPage:
    """A page of the audit trail, newest first."""
    if sum(each is not None for each in (subject, actor, request)) > 1:
        one = "give one of subject, actor and request_id"
        raise Invalid("The filters were refused.", fields={"query subject": one})
    before = int(cursor) if cursor else audit.NEWEST
    rows = await audit.entries(reader, limit + 1, before, subject=subject, actor=actor, request=request)
    shown = [AuditEntryRead.model_validate(each, from_attributes=True) for each in rows[:limit]]
    return AuditPage(data=shown, next_cursor=str(shown[-1].position) if len(rows) > limit else None)


async def appoint(session: Session, email: str, password_hash: str | None) -> bool:
    """Make an account an admin, new or one that every gate is open to; whether there was one to make or promote.

    For the command line alone. The next request of one that is promoted needs a new sign-in.
    """
    if password_hash is not None:
        made = await accounts.add(session, email, password_hash)
        if made is None:
            return False
        for gate in gates.gates():
            await gate.vouch(session, made.id)
    account = await management.by_email(session, email)
    if account is None or await gates.refusal(session, account.id, appointment=True):
        return False
    _ = await management.change(session, account.id, role=ADMIN, disabled=False)
    _ = await credentials.revoke_all(session, account.id)
    await audit.decided(session, "accounts.role-given", "granted", account_id=account.id, reason="by app create-admin")
    return True
