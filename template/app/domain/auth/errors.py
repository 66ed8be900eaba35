"""What can go wrong with signing in; each says its own status."""

from app.kit.errors import Unauthorized


class WrongCredentials(Unauthorized, keeps_writes=True):
    """The e-mail address or the password is wrong."""


class RefreshTokenRefused(Unauthorized, keeps_writes=True):
    """The refresh token is not valid: sign in again."""


class RefreshTokenReused(Unauthorized, keeps_writes=True):
    """The refresh token was used before, so somebody has a copy of it: this session has been ended. Sign in again."""
