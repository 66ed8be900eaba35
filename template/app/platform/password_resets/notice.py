"""Tells the owners of accounts by mail what happened to them."""

from typing import Final

from app.adapters.database import Session
from app.platform.accounts.notices import Notice, Notifier
from app.platform.mail import service as mail
from app.platform.mail.schemas import MailPromised
from app.platform.password_resets.letters import ALREADY_REGISTERED, PASSWORD_CHANGED
from app.platform.verifications.letters import VERIFY_EMAIL

_LETTERS: Final = {
    Notice.SIGNED_UP: VERIFY_EMAIL,
    Notice.ADDRESS_TAKEN: ALREADY_REGISTERED,
    Notice.PASSWORD_CHANGED: PASSWORD_CHANGED,
}


class ByMail:
    """Puts a letter in for each notice."""

    promise: str = MailPromised.DETAIL

    async def tell(self, session: Session, notice: Notice, email: str) -> None:
        """Have the letter sent that says it."""
        await mail.put(session, _LETTERS[notice], email)


notice: Notifier = ByMail()
