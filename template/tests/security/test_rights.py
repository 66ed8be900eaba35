"""No credential outlives its account's right to it: every cell of the table over HTTP, and with races."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import httpx
import pytest

from app import main
from app.platform.auth import revocation
from tests.conftest import Sql, Start
from tests.security import rights
from tests.security.rights import Answer, Credential, Somebody, State, bearer, expected, items
from tests.wire import Service, eventually, meanwhile, problem, running

_PAGE = Path(__file__).parents[2] / "docs/security/credentials.md"


@pytest.fixture(scope="module")
def elsewhere(database_url: str) -> Iterator[Service]:
    """Another instance, which is asked sooner than once a second."""
    assert database_url
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revocation, "EVERY_SECONDS", 0.02)
        with running(main.create_app()) as found:
            yield found


@pytest.fixture
def somebody(service: Service, sql: Sql, start: Start) -> Iterator[Somebody]:
    """Somebody who has just signed up; nobody has guessed yet."""
    _ = sql("DELETE FROM sign_in_attempts")
    with ExitStack() as stack:
        found = Somebody(service, sql, start, stack)
        found.sign_up()
        yield found


def _names(cell: tuple[Credential, State]) -> str:
    return ": ".join(each.name for each in cell)


def _answers(answer: httpx.Response, wanted: Answer) -> None:
    if wanted.status:
        _ = problem(answer, wanted.status, wanted.kind)
    else:
        assert answer.is_success, answer.text


_CELLS = list(product(rights.credentials(), rights.states()))


@pytest.mark.parametrize("cell", _CELLS, ids=_names)
def test_each_credential_in_each_state(somebody: Somebody, elsewhere: Service, cell: tuple[Credential, State]) -> None:
    credential, state = cell
    wanted = expected(credential, state)
    state.prepare(somebody)
    use = credential.issue(somebody)
    other = somebody.sign_in()
    with somebody.service.connect() as here, elsewhere.connect() as there:
        if not credential.once:
            for client in (here, there):
                assert use(client).is_success

        asked = state.put(somebody)

        if asked is not None:
            with asked.connect() as another:
                _answers(use(another), wanted)
            return
        if not state.outside:
            _answers(use(here), wanted)
        if not credential.once:
            eventually(lambda: use(there).status_code == wanted.status or not wanted.status)
            _answers(use(there), wanted)
        elif state.outside:
            # It has one use, so another credential tells when this instance has learnt of it.
            eventually(lambda: items(there, bearer(other["access_token"])).status_code == 401)
            _answers(use(there), wanted)


# A setting changes with a restart, which no request lives through.
_CHANGES = [each for each in rights.states() if "demanded" not in each.name]
_RACES = list(product([each for each in (*rights.credentials(), *rights.flights()) if each.hashes], _CHANGES))


@pytest.mark.parametrize("cell", _RACES, ids=_names)
def test_what_happens_while_a_password_is_looked_at_counts(
    somebody: Somebody, monkeypatch: pytest.MonkeyPatch, cell: tuple[Credential, State]
) -> None:
    credential, state = cell
    wanted = expected(credential, state)
    state.prepare(somebody)
    use = credential.issue(somebody)
    happened = meanwhile(monkeypatch, lambda: state.put(somebody))

    with somebody.service.connect() as client:
        answer = use(client)

    assert happened()
    if wanted.status:
        # Which of the two it is that no longer holds, the session or the password, depends on what is looked at first.
        assert answer.status_code in {wanted.status, 401, 403}, answer.text
    else:
        assert answer.is_success, answer.text


def test_the_page_shows_the_table() -> None:
    rows = re.findall(r"^\| (.+) \|$", _PAGE.read_text(encoding="utf-8").split("\n## ")[1], re.MULTILINE)

    shown = {row.split(" | ")[0]: row.split(" | ")[1:] for row in rows if not row.startswith("---")}
    states = rights.states()
    assert shown.pop("credential") == [each.name for each in states]
    assert shown == {each.name: [expected(each, state).cell for state in states] for each in rights.credentials()}
