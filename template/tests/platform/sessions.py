"""Signing in and staying signed in, as the tests of several nouns do it."""

import httpx
import jwt

from tests.wire import Json, body

LOGIN = "/v1/auth/login"
REFRESH = "/v1/auth/refresh"
ME = "/v1/accounts/me"


def signed_in(client: httpx.Client, credentials: Json, agent: str = "a test") -> Json:
    """The tokens of a new session."""
    answer = client.post(LOGIN, json=credentials, headers={b"user-agent": agent.encode("latin-1")})
    assert answer.status_code == 200, answer.text
    return body(answer)


def refreshed(client: httpx.Client, tokens: Json) -> httpx.Response:
    """The answer to a refresh token."""
    return client.post(REFRESH, json={"refresh_token": tokens["refresh_token"]})


def bearer(tokens: Json) -> dict[str, str]:
    """The header that shows an access token."""
    return {"authorization": f"Bearer {tokens['access_token']}"}


def session_of(headers: dict[str, str]) -> str:
    """The session of the access token in a header."""
    token = headers["authorization"].removeprefix("Bearer ")
    return str(jwt.decode(token, options={"verify_signature": False})["sid"])
