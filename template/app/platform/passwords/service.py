"""What the business says about changing and resetting passwords."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from pydantic import SecretStr

from app.adapters.database import Database, Session
from app.kit.access import Principal
from app.kit.passwords import Hasher, Passwords, refuse_guessable
from app.kit.tokens import Issuer
from app.platform.accounts import repository as accounts
from app.platform.accounts.errors import AccountGone
from app.platform.accounts.repository import Credentials
from app.platform.accounts.service import common_knowledge
from app.platform.attempts import service as attempts
from app.platform.attempts.service import Attempt, Counter, Guesses
from app.platform.audit import service as audit
from app.platform.auth import service as auth
from app.platform.links import service as links
from app.platform.links.errors import LinkRefused
from app.platform.links.service import Purpose
from app.platform.mail.letters import Letter
from app.platform.mail.schemas import MailPromised
from app.platform.mail.service import Post
from app.platform.passwords.errors import WrongPassword
from app.platform.passwords.schemas import PasswordChange, Reset, ResetRequest


@dataclass(frozen=True, slots=True)
class Prover:
    """Asks somebody who is signed in for their password again, where a stolen session must not be enough."""

    passwords: Passwords
    guesses: Counter

    async def of(self, caller: Principal, password: SecretStr, *, event: str, session: Session) -> Credentials:
        """The caller's account, if the password is theirs; a wrong one is counted, and recorded as `event` refused."""
        account, attempt = await self.checked(caller, password, event=event, session=session)
        await attempts.succeed(session, attempt)
        return account

    async def checked(
        self, caller: Principal, password: SecretStr, *, event: str, session: Session
    ) -> tuple[Credentials, Attempt]:
        """The same, and the attempt that still counts: nothing was asked of `session` where the password is right."""
        account = await accounts.credentials_of(self.guesses.transactions.primary, caller.account_id)
        if account is None:
            raise AccountGone
        attempt = await self.guesses.begin(account.email)
        if not await self.passwords.matches(password.get_secret_value(), account.password_hash):
            await audit.decided(session, event, "refused", account_id=account.id, reason="wrong password")
            raise WrongPassword
        return account, attempt


async def _prover(passwords: Hasher, guesses: Guesses) -> Prover:
    return Prover(passwords, guesses)


Proof = Annotated[Prover, Depends(_prover)]
"""What an operation that wants the password again asks."""


async def change(  # noqa: PLR0913, PLR0917 - what it works with
    session: Session,
    passwords: Hasher,
    issuer: Issuer,
    post: Post,
    data: PasswordChange,
    caller: Principal,
    *,
    guesses: Guesses,
) -> None:
    """Replace the caller's password if they know it, and end their other sessions."""
    account = await accounts.credentials_of(guesses.transactions.primary, caller.account_id)
    if account is None:
        raise AccountGone
    new = data.new_password.get_secret_value()
    refuse_guessable(new, field="new_password", known=common_knowledge(account.email))
    attempt = await guesses.begin(account.email)
    if not await passwords.matches(data.current_password.get_secret_value(), account.password_hash):
        await audit.decided(session, "passwords.change", "refused", account_id=account.id, reason="wrong password")
        raise WrongPassword
    hashed = await passwords.hash(new)
    now = await accounts.locked(session, account.id)
    if now is None or now.password_hash != account.password_hash:
        raise WrongPassword
    await attempts.succeed(session, attempt)
    await accounts.set_password(session, account.id, hashed)
    await auth.end_all(session, issuer, account.id, kept=caller.session_id)
    await audit.decided(session, "passwords.change", "granted", account_id=account.id)
    await post.put(session, Letter.PASSWORD_CHANGED, account.email)


async def request_reset(session: Session, post: Post, data: ResetRequest) -> MailPromised:
    """Have a link mailed; whether there is an account is looked up when the mail is written, not here."""
    await post.put(session, Letter.RESET_PASSWORD, data.email)
    return MailPromised.to(data.email)


async def reset(  # noqa: PLR0913, PLR0917 - what it works with
    transactions: Database, session: Session, passwords: Hasher, issuer: Issuer, post: Post, data: Reset
) -> None:
    """Set a new password with a link, which proves the address, too; every session of the account ends."""
    known = await links.presented(transactions.primary, Purpose.RESET_PASSWORD, data.token)
    account = await accounts.credentials_of(transactions.primary, known.account_id)
    if account is None or not links.holds(known, account.password_hash):
        raise LinkRefused
    new = data.password.get_secret_value()
    refuse_guessable(new, field="password", known=common_knowledge(account.email))
    hashed = await passwords.hash(new)
    known = await links.redeem(session, Purpose.RESET_PASSWORD, data.token)
    now = await accounts.locked(session, known.account_id)
    if now is None or not links.holds(known, now.password_hash):
        raise LinkRefused
    await accounts.set_password(session, account.id, hashed)
    await accounts.verify(session, account.id)
    await auth.end_all(session, issuer, account.id)
    await audit.decided(session, "passwords.reset", "granted", account_id=account.id)
    await post.put(session, Letter.PASSWORD_CHANGED, account.email)
