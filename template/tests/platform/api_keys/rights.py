"""Keys of machines, and making one."""

from tests.security.rights import Credential, Nature, Somebody, Use, bearer, items
from tests.wire import body

_KEYS = "/v1/api-keys"


def _key(of: Somebody) -> Use:
    made = of.post(_KEYS, of.sign_in(), name="Import", scopes=["items:read"], password=of.password)
    assert made.status_code == 201, made.text
    headers = bearer(body(made)["key"])
    return lambda client: items(client, headers)


def _creation(of: Somebody) -> Use:
    headers = bearer(of.sign_in()["access_token"])
    sent = {"name": "Import", "scopes": ["items:read"], "password": of.password}
    return lambda client: client.post(_KEYS, json=sent, headers=headers)


CREDENTIALS = (Credential("API key", Nature.MACHINE, _key),)
FLIGHTS = (Credential("making an API key", Nature.SESSION, _creation, hashes=True),)
