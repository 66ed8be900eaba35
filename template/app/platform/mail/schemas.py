"""The shapes of mail."""

from typing import ClassVar, Self

from pydantic import Field

from app.kit.schemas import Out


class MailPromised(Out):
    """A mail is on its way, if there is a reason for one. Nobody learns here whether an address is known."""

    DETAIL: ClassVar[str] = "If this address can get a mail from us, it is on its way: read on there."

    email: str = Field(description="The address as it was given, in small letters")
    detail: str

    @classmethod
    def to(cls, email: str) -> Self:
        """The answer for an address, known or not."""
        return cls(email=email, detail=cls.DETAIL)
