"""People with accounts, and perhaps with an app that shows codes."""

import base64
from dataclasses import dataclass
from time import sleep, time

import httpx
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tests.conftest import PASSWORD, new_address
from tests.wire import Json, body

FACTOR = "/v1/auth/second-factor"
LOGIN = "/v1/auth/login"
REFRESH = "/v1/auth/refresh"
ME = "/v1/accounts/me"
ITEMS = "/v1/items"


def code(secret: str, *, steps: int = 0) -> str:
    """What an app shows now, or some steps later."""
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(int(time()) + 30 * steps).decode()  # noqa: S303 - as apps do


@dataclass
class Person:
    """Somebody with an account, and perhaps an app."""

    client: httpx.Client
    credentials: Json
    pair: Json
    secret: str = ""
    recovery: tuple[str, ...] = ()

    @property
    def headers(self) -> dict[str, str]:
        """What proves who it is."""
        return {"authorization": f"Bearer {self.pair['access_token']}"}

    def post(self, path: str, **sent: object) -> httpx.Response:
        """Send something, signed in."""
        return self.client.post(path, json=sent, headers=self.headers)

    def sign_in(self, **also: object) -> httpx.Response:
        """Sign in, with a code for example."""
        return self.client.post(LOGIN, json=self.credentials | also)

    def refresh(self) -> None:
        """Renew the session."""
        answer = self.client.post(REFRESH, json={"refresh_token": self.pair["refresh_token"]})
        assert answer.status_code == 200, answer.text
        self.pair = body(answer)

    def enrol(self) -> None:
        """Set up a second factor."""
        begun = self.post(FACTOR, password=PASSWORD)
        assert begun.status_code == 201, begun.text
        self.secret = str(body(begun)["secret"])
        # The code of the step before, so that the one of now is still good.
        confirmed = self.post(f"{FACTOR}/confirmation", code=code(self.secret, steps=-1))
        assert confirmed.status_code == 200, confirmed.text
        self.recovery = tuple(confirmed.json()["recovery_codes"])


def new(client: httpx.Client) -> Person:
    """Somebody who has just signed up."""
    if (left := 30 - time() % 30) < 2:
        sleep(left)  # codes change every 30 s; a test is shorter than two
    credentials: Json = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=credentials).status_code == 202
    answer = client.post(LOGIN, json=credentials)
    assert answer.status_code == 200, answer.text
    return Person(client, credentials, body(answer))
