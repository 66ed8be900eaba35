"""A second factor that was set up before the account's address was proved may be somebody else's."""

from uuid import UUID

from app.adapters.database import Session
from app.platform.accounts.attachments import Attachment
from app.platform.second_factor import repository


class SecondFactorAttachment:
    """Confirmed or begun, with its recovery codes."""

    async def detach(self, session: Session, account_id: UUID) -> None:
        """Forget it."""
        await repository.remove(session, account_id)


attachment: Attachment = SecondFactorAttachment()
