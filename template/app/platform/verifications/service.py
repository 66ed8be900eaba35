"""What the business says about confirming addresses."""

from uuid import UUID

from app.adapters.database import Database, Reader, Session
from app.platform.accounts import attachments
from app.platform.accounts import service as accounts
from app.platform.accounts.dependencies import Passwords
from app.platform.accounts.passwords import refuse_guessable
from app.platform.auth import service as auth
from app.platform.auth.dependencies import Tokens
from app.platform.links import service as links
from app.platform.links.errors import LinkRefused
from app.platform.links.service import Known, Purpose
from app.platform.mail import service as mail
from app.platform.mail.schemas import MailPromised
from app.platform.verifications import repository
from app.platform.verifications.letters import VERIFY_EMAIL
from app.platform.verifications.schemas import Verification, VerificationRequest


async def request(session: Session, data: VerificationRequest) -> MailPromised:
    """Have another link mailed, if there is an account that waits for one."""
    await mail.put(session, VERIFY_EMAIL, data.email)
    return MailPromised.to(data.email)


async def verify(
    transactions: Database, session: Session, passwords: Passwords, tokens: Tokens, data: Verification
) -> None:
    """Confirm the address of an account with a link; who proves it first may choose the password."""
    known = await links.presented(transactions.primary, Purpose.VERIFY_EMAIL, data.token)
    hashed = await _chosen(transactions.primary, passwords, known, data)
    # Before the link, as the deletion of an account does: so nobody waits in a circle.
    account = await accounts.locked(session, known.account_id)
    known = await links.redeem(session, Purpose.VERIFY_EMAIL, data.token)
    if account is None or account.disabled_at is not None or not links.holds(known, account.email):
        raise LinkRefused
    first = await confirm(session, tokens, account.id)
    if hashed is None:
        return
    if not first:
        # A password that somebody has chosen since is changed with that one, or by a mail that says so.
        raise LinkRefused
    await accounts.set_password(session, account.id, hashed)


async def _chosen(reader: Reader, passwords: Passwords, known: Known, data: Verification) -> str | None:
    """The hash of the password that was sent along, made before anything is locked."""
    if data.password is None:
        return None
    account = await accounts.credentials_of(reader, known.account_id)
    if account is None:
        raise LinkRefused
    new = data.password.get_secret_value()
    refuse_guessable(new, account.email, field="password")
    return await passwords.hash(new)


async def confirm(session: Session, tokens: Tokens, account_id: UUID) -> bool:
    """Note that somebody has shown an address to be theirs; False when that was known. The account's row is locked.

    Whoever signed up may have been somebody else. So the first proof ends what was attached to the account before it:
    every credential that it was given, and whatever else opens it. What it owns stays, and so does its password, unless
    the owner sends another one with the proof.
    """
    if not await repository.add(session, account_id):
        return False
    await auth.revoke_all(session, tokens, account_id)
    await attachments.detach_all(session, account_id)
    return True
