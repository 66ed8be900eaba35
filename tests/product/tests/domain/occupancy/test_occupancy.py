"""Occupancy over HTTP."""

from tests.conftest import Start
from tests.wire import body, header, problem


def test_how_many_rooms_are_taken_may_be_cached_and_has_a_rate_of_its_own(start: Start) -> None:
    with start().connect() as client:
        answers = [client.get("/v1/occupancy") for _ in range(11)]

    assert {each.status_code for each in answers[:10]} == {200}
    assert body(answers[0]).keys() == {"rooms"}
    assert header(answers[0], "cache-control") == "public, max-age=60"
    _ = problem(answers[10], 429)
    assert header(answers[10], "cache-control") == "no-store"
