"""An account for the tests of the platform's nouns."""

import httpx
import pytest

from tests.conftest import PASSWORD, new_address
from tests.wire import Json


@pytest.fixture
def credentials(client: httpx.Client) -> Json:
    """The address and the password of a new account."""
    made: Json = {"email": new_address(), "password": PASSWORD}
    assert client.post("/v1/accounts", json=made).status_code == 202
    return made
