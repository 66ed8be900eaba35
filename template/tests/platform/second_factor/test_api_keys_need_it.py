"""Keys for machines, where a second factor is demanded."""

from tests.conftest import PASSWORD
from tests.platform.second_factor.people import ITEMS, Person
from tests.wire import Service, body, problem

KEYS = "/v1/api-keys"


def test_a_key_that_was_made_without_one_does_not_go_round_it(strict: Service, person: Person) -> None:
    made = person.post(KEYS, name="Import", scopes=["items:read"], password=PASSWORD)
    weak = {"authorization": f"Bearer {body(made)['key']}"}
    person.enrol()
    person.refresh()
    made = person.post(KEYS, name="Import", scopes=["items:read"], password=PASSWORD)
    strong = {"authorization": f"Bearer {body(made)['key']}"}

    with strict.connect() as client:
        _ = problem(client.get(ITEMS, headers=weak), 403, "second-factor-required")
        assert client.get(ITEMS, headers=strong).status_code == 200
