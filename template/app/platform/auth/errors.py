"""What can go wrong with signing in; each says its own status."""

from app.kit.errors import Forbidden, NotFound, Unauthorized


class WrongCredentials(Unauthorized, keeps_writes=True):
    """The e-mail address or the password is wrong."""


class AccountDisabled(Forbidden, keeps_writes=True):
    """This account has been disabled: ask whoever runs the service."""


class RefreshTokenRefused(Unauthorized, keeps_writes=True):
    """The refresh token is not valid: sign in again."""


class RefreshTokenReused(Unauthorized, keeps_writes=True):
    """The refresh token was used before, so somebody has a copy of it: this session has been ended. Sign in again."""


class SessionNotFound(NotFound):
    """You have no open session with this id."""


class NoSession(Forbidden):
    """You did not sign in with a session, so there is none to speak of."""
