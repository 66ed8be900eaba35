"""The shapes of signing in."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from app.domain.accounts.schemas import Email
from app.kit.schemas import In, Out


class Login(In):
    """An address and its password."""

    email: Email
    # No minimum: what is too short to be a password is a wrong one, and the answer must not tell them apart.
    password: Annotated[SecretStr, Field(max_length=128, examples=["correct horse battery"])]


class Refresh(In):
    """A refresh token."""

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=100)]


class TokenPair(Out):
    """What a session hands out."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`")
    refresh_token: str = Field(description="Good for one `POST /v1/auth/refresh`, which returns the next one")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds until the access token expires")
