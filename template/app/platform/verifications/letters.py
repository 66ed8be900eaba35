"""The letter that has an address confirmed."""

from typing import Final

from app import defaults
from app.adapters.database import Session
from app.adapters.mail.messages import Message
from app.platform.accounts.schemas import Credentials
from app.platform.links import service as links
from app.platform.links.service import Purpose
from app.platform.mail.writing import Writer, Written
from app.platform.verifications import repository

VERIFY_EMAIL: Final = "verify-email"


async def _verify_email(session: Session, account: Credentials, base: str) -> Written | None:
    if account.disabled_at is not None or await repository.has(session, account.id):
        return None
    link = await links.issue(session, account.id, Purpose.VERIFY_EMAIL, account.email, base)
    if link is None:
        return None
    message = Message(
        account.email,
        f"Confirm your address for {defaults.PROJECT_NAME}",
        f"Somebody signed up for {defaults.PROJECT_NAME} with this address. If it was you, confirm it within a day:\n\n"
        f"{link.address}\n\n"
        "Whoever has used the account before is signed out then: sign in again with your password.\n\n"
        "If it was not you, do not open the link: without it nobody can show that the address is theirs.\n",
    )
    return Written(message, link)


letters: dict[str, Writer] = {VERIFY_EMAIL: _verify_email}
