"""The shapes of signing in."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from app.kit.schemas import Identified, In, Out
from app.platform.accounts.schemas import Email


class Login(In):
    """An address and its password."""

    email: Email
    # No minimum: what is too short to be a password is a wrong one, and the answer must not tell them apart.
    password: Annotated[SecretStr, Field(max_length=128, examples=["correct horse battery 7"])]


class Refresh(In):
    """A refresh token."""

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=100)]


class TokenPair(Out):
    """What a session hands out."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`")
    refresh_token: str = Field(description="Good for one `POST /v1/auth/refresh`, which returns the next one")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds until the access token expires")


class SessionRead(Identified):
    """One of your sessions."""

    created_at: datetime = Field(description="When you signed in")
    last_used_at: datetime = Field(description="When it was last renewed")
    expires_at: datetime = Field(description="When it ends if it is not renewed")
    user_agent: str | None = Field(description="What the client called itself when you signed in")
    address: str | None = Field(description="From where you signed in: an address, or only its network")
    current: bool = Field(description="Whether it is the session of this request")
