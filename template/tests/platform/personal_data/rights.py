"""What is left of an account that was erased, and erasing one."""

from tests.platform.accounts.rights import GONE
from tests.security.rights import Credential, Nature, Somebody, State, Use, bearer

_ERASURE = "/v1/accounts/me/erasure"


def _erase(of: Somebody) -> None:
    answer = of.post(_ERASURE, password=of.password)
    assert answer.status_code == 204, answer.text


def _erasure(of: Somebody) -> Use:
    headers = bearer(of.sign_in()["access_token"])
    return lambda client: client.post(_ERASURE, json={"password": of.password}, headers=headers)


FLIGHTS = (Credential("erasing the account", Nature.SESSION, _erasure, hashes=True),)
STATES = (State("erased by its owner", GONE, _erase),)
