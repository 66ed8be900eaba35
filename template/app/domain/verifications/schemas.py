"""The shapes of verifications."""

from app.domain.accounts.schemas import Email
from app.domain.links.schemas import Secret
from app.kit.schemas import In


class VerificationRequest(In):
    """The address that is to be confirmed."""

    email: Email


class Verification(In):
    """The secret of the link that was mailed."""

    token: Secret
