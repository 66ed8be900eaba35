"""The shapes of password resets."""

from app.kit.schemas import In
from app.platform.accounts.schemas import Email, Password
from app.platform.links.schemas import Secret


class ResetRequest(In):
    """The address of an account whose password is lost."""

    email: Email


class Reset(In):
    """A new password, and the secret of the link that was mailed."""

    token: Secret
    password: Password
