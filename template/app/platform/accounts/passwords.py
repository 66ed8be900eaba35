"""What a password of an account has to be."""

from typing import Final

from app import defaults
from app.kit.errors import Invalid
from app.kit.guessable import guessable

NAMES: Final = (defaults.PROJECT_NAME, defaults.PROJECT_SLUG)


def refuse_guessable(password: str, email: str, *, field: str) -> None:
    """Refuse a new password that is guessed first; `field` names the place in the body that it came in."""
    known = (email, *email.split("@"), *NAMES)
    reason = guessable(password, known, mixed=defaults.PASSWORD_MIXES)
    if reason is not None:
        raise Invalid("The password was refused.", fields={f"#/{field}": f"the password {reason}"})
