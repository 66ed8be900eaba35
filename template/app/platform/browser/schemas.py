"""The shapes of sessions in browsers."""

from pydantic import Field

from app.kit.schemas import Out


class CsrfToken(Out):
    """What proves that a request comes from a page of this site."""

    csrf_token: str = Field(description="Send it as `X-CSRF-Token` with whatever is not a GET; good for the session")


class BrowserSession(CsrfToken):
    """What a page gets to know of its session; the tokens themselves are in cookies that it can't read."""

    expires_in: int = Field(description="Seconds until the access token expires")
