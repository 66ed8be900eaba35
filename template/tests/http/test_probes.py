"""What orchestrators and monitors ask."""

import os

import httpx
import pytest

from app.kit.addresses import truncated
from tests.conftest import Start
from tests.http import trouble
from tests.wire import body, header, problem


def token() -> str:
    """What the monitoring sends."""
    return os.environ["METRICS_TOKEN"]


def test_the_process_is_alive(client: httpx.Client) -> None:
    assert body(client.get("/livez")) == {"status": "ok"}


def test_liveness_passes_no_limit_but_is_measured(start: Start) -> None:
    with start(MAX_BODY_BYTES="1024").connect() as client:
        alive = client.request("GET", "/livez", content=b" " * 2000)
        _ = client.head("/livez")
        metrics = client.get("/metrics", headers={"authorization": f"Bearer {token()}"}).text

    assert body(alive) == {"status": "ok"}
    for method in ("GET", "HEAD"):
        assert f'http_request_duration_seconds_count{{method="{method}",route="/livez",status="200"}}' in metrics


def test_metrics_tell_of_every_route_by_its_template(start: Start) -> None:
    with start(trouble.router).connect() as client:
        for path in ("/v1/accounts/me", "/nowhere", "/v1/trouble/bug"):
            _ = client.get(path)
        response = client.get("/metrics", headers={"authorization": f"Bearer {token()}"})

    assert response.status_code == 200
    assert header(response, "content-type").startswith("text/plain")
    counted = 'http_request_duration_seconds_count{method="GET",route="%s",status="%s"}'
    assert counted % ("/v1/accounts/me", 401) in response.text
    assert counted % ("/v1/trouble/bug", 500) in response.text
    assert "nowhere" not in response.text
    assert "http_unhandled_errors_total" in response.text
    assert "http_requests_in_flight 1.0" in response.text


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", "TOKEN", "Bearer TOKENx", "Bearer  TOKEN"])
def test_metrics_need_their_token(client: httpx.Client, authorization: str) -> None:
    given = authorization.replace("TOKEN", token())
    response = client.get("/metrics", headers={"authorization": given} if given else None)

    _ = problem(response, 401, "unauthorized")
    assert token() not in response.text


def test_a_member_is_no_monitor(someone: httpx.Client) -> None:
    _ = problem(someone.get("/metrics"), 401, "unauthorized")


def test_without_a_token_in_the_settings_there_are_no_metrics(start: Start) -> None:
    with start(METRICS_TOKEN="").connect() as client:
        _ = problem(client.get("/metrics", headers={"authorization": "Bearer"}), 404, "not-found")


@pytest.mark.parametrize(
    ("address", "kept"),
    [("203.0.113.7", "203.0.113.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("a socket", "")],
)
def test_of_an_address_its_network_is_kept(address: str, kept: str) -> None:
    assert truncated(address) == kept
