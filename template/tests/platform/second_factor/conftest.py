"""People for the tests of the second factor, and a service that demands one."""

import httpx
import pytest

from tests.conftest import Sql, Start
from tests.platform.second_factor.people import Person, new
from tests.wire import Service


@pytest.fixture
def person(client: httpx.Client, sql: Sql) -> Person:
    """Somebody who has just signed up; nobody has guessed yet."""
    _ = sql("DELETE FROM sign_in_attempts")
    return new(client)


@pytest.fixture
def enrolled(person: Person) -> Person:
    """Somebody with a second factor."""
    person.enrol()
    return person


@pytest.fixture
def strict(start: Start) -> Service:
    """A service that demands a second factor of everybody."""
    return start(SECOND_FACTOR_FOR="everybody")
