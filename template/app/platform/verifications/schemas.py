"""The shapes of verifications."""

from pydantic import Field

from app.kit.schemas import In
from app.platform.accounts.schemas import Email, Password
from app.platform.links.schemas import Secret


class VerificationRequest(In):
    """The address that is to be confirmed."""

    email: Email


class Verification(In):
    """The secret of the link that was mailed, and the password that the owner of the address chooses."""

    token: Secret
    password: Password | None = Field(
        default=None,
        description="The password from now on. Without it, the one of whoever signed up stays, who may be a stranger",
    )
