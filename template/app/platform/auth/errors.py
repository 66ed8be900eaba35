"""What can go wrong with signing in; each says its own status."""

from app.kit.errors import Forbidden, NotFound, Unauthorized


class WrongCredentials(Unauthorized, keeps_writes=True):
    """The e-mail address or the password is wrong."""


class AccountDisabled(Forbidden, keeps_writes=True):
    """This account is disabled: contact the operator of the service."""


class RefreshTokenRefused(Unauthorized, keeps_writes=True):
    """The refresh token is not valid: sign in again."""


class RefreshTokenReused(Unauthorized, keeps_writes=True):
    """The refresh token was already used and may be stolen, so the session was ended. Sign in again."""


class SessionNotFound(NotFound):
    """You have no open session with this id."""


class NoSession(Forbidden):
    """This credential does not belong to a session."""
