"""What the service writes to people. Links are made here, when a letter is written, so that none is ever stored."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app import defaults
from app.adapters.database import Session
from app.kit.mail import Message
from app.platform.accounts import repository as accounts
from app.platform.accounts.repository import Credentials
from app.platform.links import service as links
from app.platform.links.service import Issued, Purpose


class Letter(StrEnum):
    """The letters there are."""

    VERIFY_EMAIL = "verify-email"
    ALREADY_REGISTERED = "already-registered"
    RESET_PASSWORD = "reset-password"  # noqa: S105 - a letter's name, not a secret
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - as above


@dataclass(frozen=True, slots=True)
class Written:
    """A letter that is ready to leave, and the link in it."""

    message: Message
    link: Issued | None = None


async def written(session: Session, letter: str, recipient: str, base: str) -> Written | None:
    """The letter for an address; None when there is nobody to write to or nothing to say."""
    account = await accounts.credentials(session, recipient)
    if account is None or letter not in _WRITERS:
        return None
    return await _WRITERS[Letter(letter)](session, account, base)


async def _verify_email(session: Session, account: Credentials, base: str) -> Written | None:
    if account.email_verified_at is not None:
        return None
    link = await links.issue(session, account.id, Purpose.VERIFY_EMAIL, account.email, base)
    if link is None:
        return None
    message = Message(
        account.email,
        f"Confirm your address for {defaults.PROJECT_NAME}",
        f"Somebody signed up for {defaults.PROJECT_NAME} with this address. If it was you, confirm it within a day:\n\n"
        f"{link.address}\n\n"
        "If it was not you, do not open the link: without it nobody can show that the address is theirs.\n",
    )
    return Written(message, link)


async def _already_registered(session: Session, account: Credentials, base: str) -> Written | None:
    link = await links.issue(session, account.id, Purpose.RESET_PASSWORD, account.password_hash, base)
    if link is None:
        return None
    message = Message(
        account.email,
        f"You already have an account with {defaults.PROJECT_NAME}",
        f"Somebody signed up for {defaults.PROJECT_NAME} with this address, which has an account already. "
        "Nothing was changed. If it was you, sign in; if you no longer know the password, choose a new one "
        "within 30 minutes:\n\n"
        f"{link.address}\n\n"
        "If it was not you, there is nothing to do.\n",
    )
    return Written(message, link)


async def _reset_password(session: Session, account: Credentials, base: str) -> Written | None:
    link = await links.issue(session, account.id, Purpose.RESET_PASSWORD, account.password_hash, base)
    if link is None:
        return None
    message = Message(
        account.email,
        f"Choose a new password for {defaults.PROJECT_NAME}",
        "Somebody asked for a new password for this address. If it was you, choose one within 30 minutes:\n\n"
        f"{link.address}\n\n"
        "If it was not you, there is nothing to do: your password stays as it is.\n",
    )
    return Written(message, link)


async def _password_changed(_session: Session, account: Credentials, _base: str) -> Written | None:
    message = Message(
        account.email,
        f"Your password for {defaults.PROJECT_NAME} was changed",
        "Your password was changed, and your other sessions have been ended.\n\n"
        "If it was not you, ask for a new password at once: the one who did it is then signed out.\n",
    )
    return Written(message)


_WRITERS: Final[Mapping[Letter, Callable[[Session, Credentials, str], Awaitable[Written | None]]]] = {
    Letter.VERIFY_EMAIL: _verify_email,
    Letter.ALREADY_REGISTERED: _already_registered,
    Letter.RESET_PASSWORD: _reset_password,
    Letter.PASSWORD_CHANGED: _password_changed,
}
