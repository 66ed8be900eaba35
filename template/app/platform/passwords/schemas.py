"""The shapes of passwords."""

from typing import Annotated

from pydantic import Field, SecretStr

from app.kit.schemas import In
from app.platform.accounts.schemas import Password


class PasswordChange(In):
    """A new password, and the one that it replaces."""

    current_password: Annotated[SecretStr, Field(max_length=128, examples=["correct horse battery 7"])]
    new_password: Password
