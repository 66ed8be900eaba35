"""The shapes of verifications."""

from app.kit.schemas import In
from app.platform.accounts.schemas import Email
from app.platform.links.schemas import Secret


class VerificationRequest(In):
    """The address that is to be confirmed."""

    email: Email


class Verification(In):
    """The secret of the link that was mailed."""

    token: Secret
