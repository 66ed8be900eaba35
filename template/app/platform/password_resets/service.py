"""What the business says about resetting passwords."""

from app.adapters.database import Database, Session
from app.platform.accounts import notices
from app.platform.accounts import service as accounts
from app.platform.accounts.dependencies import Passwords
from app.platform.accounts.notices import Notice
from app.platform.accounts.passwords import refuse_guessable
from app.platform.attempts import service as attempts
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.audit import service as audit
from app.platform.auth import service as auth
from app.platform.auth.dependencies import Tokens
from app.platform.links import service as links
from app.platform.links.errors import LinkRefused
from app.platform.links.service import Purpose
from app.platform.mail import service as mail
from app.platform.mail.schemas import MailPromised
from app.platform.password_resets.letters import RESET_PASSWORD
from app.platform.password_resets.schemas import Reset, ResetRequest
from app.platform.verifications import service as verifications


async def request(session: Session, data: ResetRequest) -> MailPromised:
    """Have a link mailed; whether there is an account is looked up when the mail is written, not here."""
    await mail.put(session, RESET_PASSWORD, data.email)
    return MailPromised.to(data.email)


async def reset(  # noqa: PLR0913 - what it works with
    transactions: Database,
    session: Session,
    passwords: Passwords,
    tokens: Tokens,
    data: Reset,
    *,
    guesses: AttemptCounter,
) -> None:
    """Set a new password with a link, which proves the address, too; every credential of the account is revoked.

    Wrong passwords that were given before keep nobody out any more. Wrong codes do: who reads the mails must not get to
    guess those without end.
    """
    known = await links.presented(transactions.primary, Purpose.RESET_PASSWORD, data.token)
    account = await accounts.credentials_of(transactions.primary, known.account_id)
    if account is None or account.disabled_at is not None or not links.holds(known, account.password_hash):
        raise LinkRefused
    new = data.password.get_secret_value()
    refuse_guessable(new, account.email, field="password")
    hashed = await passwords.hash(new)
    # Before the link, as the deletion of an account does: so nobody waits in a circle.
    now = await accounts.locked(session, known.account_id)
    known = await links.redeem(session, Purpose.RESET_PASSWORD, data.token)
    if now is None or now.disabled_at is not None or not links.holds(known, now.password_hash):
        raise LinkRefused
    await accounts.set_password(session, account.id, hashed)
    here = guesses.of(account.email)
    await attempts.lift(session, here.account, here.pair)
    if not await verifications.confirm(session, tokens, account.id):
        await auth.revoke_all(session, tokens, account.id)
    await audit.decided(session, "passwords.reset", "granted", account_id=account.id)
    await notices.tell(session, Notice.PASSWORD_CHANGED, account.email)
