"""Many people signing in at once, with passwords hashed as in production."""

import threading
from functools import partial
from statistics import median
from time import perf_counter

from tests.conftest import PASSWORD, Start, new_address
from tests.wire import Json, Service, at_once

# Each of them four times at once: oftener is held for guessing.
_PEOPLE = 5
_EACH = 4
_STALL = 0.05


def test_twenty_logins_at_once_stall_nobody(start: Start) -> None:
    service = start(ENVIRONMENT="development", REQUEST_SECONDS="60")
    people: list[Json] = [{"email": new_address(), "password": PASSWORD} for _ in range(_PEOPLE)]
    with service.connect() as client:
        for credentials in people:
            assert client.post("/v1/accounts", json=credentials).status_code == 202

    # The median: others may be busy on this machine, and a hash on the event loop would hold up every beat.
    assert median(_beats(service, people * _EACH)) < _STALL


def _beats(service: Service, people: list[Json]) -> list[float]:
    """The answer times of a heartbeat while everybody signs in."""
    done = threading.Event()
    beats: list[float] = []

    def beat() -> int:
        with service.connect() as client:
            while not done.is_set():
                begun = perf_counter()
                assert client.get("/livez").status_code == 200
                beats.append(perf_counter() - begun)
                _ = done.wait(0.01)
        return 200

    def log_in(credentials: Json) -> int:
        with service.connect() as client:
            return client.post("/v1/auth/login", json=credentials).status_code

    def everybody() -> int:
        try:
            return max(at_once([partial(log_in, each) for each in people]))
        finally:
            done.set()

    assert at_once([beat, everybody]) == [200, 200]
    return beats
