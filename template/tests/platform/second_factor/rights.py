"""Codes beside the password, and accounts that need one, or do not any more."""

from time import sleep, time

import httpx

from tests.platform.second_factor.people import FACTOR, code
from tests.security.rights import (
    ENDED,
    HOLDS,
    LOGIN,
    NOT_RENEWED,
    Answer,
    Credential,
    Nature,
    Somebody,
    State,
    Use,
    bearer,
    then_items,
)
from tests.wire import Json, Service, body

_REQUIRED = Answer(403, "second-factor-required")


def _enrol(of: Somebody) -> None:
    """Set a second factor up, and sign in with its recovery codes from now on."""
    if of.secret:
        return
    if (left := 30 - time() % 30) < 2:
        sleep(left)  # codes change every 30 s
    begun = of.post(FACTOR, password=of.password)
    assert begun.status_code == 201, begun.text
    of.secret = str(body(begun)["secret"])
    confirmed = of.post(f"{FACTOR}/confirmation", code=code(of.secret, steps=-1))
    assert confirmed.status_code == 200, confirmed.text
    left_over = iter(confirmed.json()["recovery_codes"])
    of.also = lambda: {"code": next(left_over)}
    of.pair = of.sign_in()


def _signing_in_with(sent: Json) -> Use:
    return lambda client: then_items(client, client.post(LOGIN, json=sent))


def _app_code(of: Somebody) -> Use:
    _enrol(of)
    return _signing_in_with(of.credentials | {"code": code(of.secret)})


def _recovery_code(of: Somebody) -> Use:
    _enrol(of)
    return _signing_in_with(of.credentials | of.also())


def _sent(of: Somebody, path: str, sent: Json) -> Use:
    headers = bearer(of.sign_in()["access_token"])

    def use(client: httpx.Client) -> httpx.Response:
        return client.post(f"{FACTOR}{path}", json={"password": of.password} | sent, headers=headers)

    return use


def _code_again(of: Somebody) -> Use:
    _enrol(of)
    return _sent(of, "/removal", {"code": code(of.secret)})


def _renewal(of: Somebody) -> Use:
    _enrol(of)
    return _sent(of, "/recovery-codes", {"code": code(of.secret)})


def _begin(of: Somebody) -> Use:
    return _sent(of, "", {})


def _demand(of: Somebody) -> Service:
    return of.start(SECOND_FACTOR_FOR="everybody")


def _remove(of: Somebody) -> None:
    answer = of.post(f"{FACTOR}/removal", password=of.password, code=of.also()["code"])
    assert answer.status_code == 204, answer.text


_DEMANDED = {
    Nature.SESSION: _REQUIRED,
    Nature.RENEWAL: _REQUIRED,
    Nature.MACHINE: _REQUIRED,
    Nature.PASSWORD: _REQUIRED,
    Nature.CODE: HOLDS,
    Nature.ADDRESS_LINK: HOLDS,
    Nature.RESET_LINK: HOLDS,
}
_REMOVED = {
    Nature.SESSION: ENDED,
    Nature.RENEWAL: NOT_RENEWED,
    Nature.MACHINE: ENDED,
    Nature.PASSWORD: HOLDS,
    # As the password alone: a code of what is gone proves nothing.
    Nature.CODE: HOLDS,
    Nature.ADDRESS_LINK: HOLDS,
    Nature.RESET_LINK: HOLDS,
}
_DEMAND = "second factor demanded, not set up"

CREDENTIALS = (
    Credential("password and a code of the app", Nature.CODE, _app_code, once=True, hashes=True),
    Credential("password and a recovery code", Nature.CODE, _recovery_code, once=True, hashes=True),
    Credential(
        "code, asked again in a session", Nature.SESSION, _code_again, once=True, hashes=True, although={_DEMAND: HOLDS}
    ),
)
FLIGHTS = (
    Credential("new recovery codes", Nature.SESSION, _renewal, hashes=True),
    Credential("beginning a second factor", Nature.SESSION, _begin, hashes=True),
)
STATES = (
    State(_DEMAND, _DEMANDED, _demand),
    State("second factor removed", _REMOVED, _remove, _enrol),
)
