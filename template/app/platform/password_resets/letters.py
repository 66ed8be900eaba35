"""The letters that have a password chosen anew, and the one that says that it was."""

from typing import Final

from app import defaults
from app.adapters.database import Session
from app.adapters.mail.messages import Message
from app.platform.accounts.schemas import Credentials
from app.platform.links import service as links
from app.platform.links.service import Purpose
from app.platform.mail.writing import Writer, Written

ALREADY_REGISTERED: Final = "already-registered"
RESET_PASSWORD: Final = "reset-password"  # noqa: S105 - a letter's name, not a secret
PASSWORD_CHANGED: Final = "password-changed"  # noqa: S105 - as above


def _with_link(subject: str, before: str, after: str) -> Writer:
    """What writes a letter with a link that sets a new password."""

    async def write(session: Session, account: Credentials, base: str) -> Written | None:
        if account.disabled_at is not None:
            return None
        link = await links.issue(session, account.id, Purpose.RESET_PASSWORD, account.password_hash, base)
        if link is None:
            return None
        return Written(Message(account.email, subject, f"{before}\n\n{link.address}\n\n{after}\n"), link)

    return write


async def _password_changed(_session: Session, account: Credentials, _base: str) -> Written | None:
    message = Message(
        account.email,
        f"Your password for {defaults.PROJECT_NAME} was changed",
        "Your password was changed, and your other sessions have been ended.\n\n"
        "If it was not you, ask for a new password at once: the one who did it is then signed out.\n",
    )
    return Written(message)


letters: dict[str, Writer] = {
    ALREADY_REGISTERED: _with_link(
        f"You already have an account with {defaults.PROJECT_NAME}",
        f"Somebody signed up for {defaults.PROJECT_NAME} with this address, which has an account already. "
        "Nothing was changed. If it was you, sign in; if you no longer know the password, choose a new one "
        "within 30 minutes:",
        "If it was not you, there is nothing to do.",
    ),
    RESET_PASSWORD: _with_link(
        f"Choose a new password for {defaults.PROJECT_NAME}",
        "Somebody asked for a new password for this address. If it was you, choose one within 30 minutes:",
        "If it was not you, there is nothing to do: your password stays as it is.",
    ),
    PASSWORD_CHANGED: _password_changed,
}
