"""What the business says about changing passwords."""

from dataclasses import dataclass

from pydantic import SecretStr

from app.adapters.database import Session
from app.kit.access import Principal
from app.platform.accounts import notices
from app.platform.accounts import service as accounts
from app.platform.accounts.dependencies import Passwords
from app.platform.accounts.errors import AccountGone
from app.platform.accounts.notices import Notice
from app.platform.accounts.passwords import refuse_guessable
from app.platform.accounts.schemas import Credentials
from app.platform.attempts import service as attempts
from app.platform.attempts.service import Attempt, AttemptCounter
from app.platform.audit import service as audit
from app.platform.auth import service as auth
from app.platform.auth.dependencies import Tokens
from app.platform.passwords.errors import WrongPassword
from app.platform.passwords.schemas import PasswordChange


@dataclass(frozen=True, slots=True)
class Reauthentication:
    """Asks somebody who is signed in for their password again, where a stolen session must not be enough."""

    passwords: Passwords
    guesses: AttemptCounter

    async def of(self, caller: Principal, password: SecretStr, *, event: str, session: Session) -> Credentials:
        """The caller's account, if the password is theirs; a wrong one is counted, and recorded as `event` refused."""
        account, attempt = await self.checked(caller, password, event=event, session=session)
        now = await held(session, caller, account)
        await attempts.succeed(session, attempt)
        return now

    async def checked(
        self, caller: Principal, password: SecretStr, *, event: str, session: Session
    ) -> tuple[Credentials, Attempt]:
        """The same, and the attempt that still counts: nothing was asked of `session` where the password is right."""
        account = await accounts.credentials_of(self.guesses.database.primary, caller.account_id)
        if account is None:
            raise AccountGone
        attempt = await self.guesses.begin(account.email)
        if not await self.passwords.matches(password.get_secret_value(), account.password_hash):
            await audit.decided(session, event, "refused", account_id=account.id, reason="wrong password")
            raise WrongPassword
        return account, attempt


async def held(session: Session, caller: Principal, account: Credentials) -> Credentials:
    """The account under a lock, if nothing that counts has changed while its password was looked at."""
    now = await auth.held(session, caller)
    if now.password_hash != account.password_hash:
        raise WrongPassword
    return now


async def change(  # noqa: PLR0913 - what it works with
    session: Session,
    passwords: Passwords,
    tokens: Tokens,
    data: PasswordChange,
    caller: Principal,
    *,
    guesses: AttemptCounter,
) -> None:
    """Replace the caller's password if they know it, and end their other sessions."""
    account = await accounts.credentials_of(guesses.database.primary, caller.account_id)
    if account is None:
        raise AccountGone
    new = data.new_password.get_secret_value()
    refuse_guessable(new, account.email, field="new_password")
    attempt = await guesses.begin(account.email)
    if not await passwords.matches(data.current_password.get_secret_value(), account.password_hash):
        await audit.decided(session, "passwords.change", "refused", account_id=account.id, reason="wrong password")
        raise WrongPassword
    hashed = await passwords.hash(new)
    _ = await held(session, caller, account)
    await attempts.succeed(session, attempt)
    await accounts.set_password(session, account.id, hashed)
    await auth.end_all(session, tokens, account.id, kept=caller.session_id)
    await audit.decided(session, "passwords.change", "granted", account_id=account.id)
    await notices.tell(session, Notice.PASSWORD_CHANGED, account.email)


async def replace(session: Session, email: str, hashed: str) -> bool:
    """Replace a lost password, and revoke the account's credentials; False when there is no such account.

    For the command line alone, where an operator vouches for whoever asked.
    """
    account = await accounts.credentials(session, email)
    if account is None:
        return False
    await accounts.set_password(session, account.id, hashed)
    await attempts.lift(session, attempts.account_key(email))
    await auth.revoke_all(session, None, account.id)
    await audit.decided(session, "passwords.change", "granted", account_id=account.id, reason="by app set-password")
    await notices.tell(session, Notice.PASSWORD_CHANGED, email)
    return True
