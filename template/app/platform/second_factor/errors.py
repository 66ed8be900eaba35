"""What can go wrong with a second factor; each says its own status."""

from app.kit.errors import Conflict, Forbidden, Unauthorized


class SecondFactorNeeded(Unauthorized, keeps_writes=True):
    """This account has a second factor: sign in again with `code`, from your authenticator app or a recovery code."""


class WrongCode(Unauthorized, keeps_writes=True):
    """The code is wrong, expired or already used."""


class CodeRefused(Forbidden, keeps_writes=True):
    """The code is wrong, expired or already used. Nothing was changed."""


class SecondFactorRequired(Forbidden):
    """Your account needs a second factor: set one up with `POST /v1/auth/second-factor`, then refresh or sign in."""


class SecondFactorActive(Conflict):
    """Your account has a second factor already: remove it before you set up another one."""


class NoSecondFactor(Conflict):
    """Your account has no second factor: begin with `POST /v1/auth/second-factor`."""
