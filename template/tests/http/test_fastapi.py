"""FastAPI keeps its word here: what it documents is asked of this service and of plain FastAPI, and answered alike."""

import re
from collections.abc import AsyncIterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from app import main, registry
from app.kit import routing
from app.kit.errors import NotFound, answers
from app.platform.accounts.access import CanReadOwnAccount
from tests.conftest import Start
from tests.http import conformance
from tests.http.conformance import ANYONE, CALLED, FEATURES, FINISHED, Ask, Feature, Thing
from tests.wire import Service, eventually, problem, running

PREFIX = "/v1/fastapi"
PAGE = Path(__file__).parents[2] / "docs" / "fastapi.md"
_REFUSED = 400

# FastAPI's own, for one route with several methods.
pytestmark = pytest.mark.filterwarnings("ignore:Duplicate Operation ID")


def _there(feature: Feature) -> bool:
    return not feature.needs or find_spec(feature.needs) is not None


def _declare(router: APIRouter) -> APIRouter:
    for each in FEATURES:
        if _there(each):
            each.declare(router)
    return router


@pytest.fixture(scope="module")
def ours(database_url: str) -> Iterator[Service]:
    """The service, with every feature declared on a router of its own."""
    assert database_url
    nouns = registry.routers()
    router = _declare(routing.router(PREFIX, "fastapi", dependencies=ANYONE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "routers", lambda: [*nouns, router])
        app = main.create_app()
    conformance.prepare(app)
    with running(app) as service:
        yield service


@pytest.fixture(scope="module")
def plain() -> Iterator[Service]:
    """Plain FastAPI, with the same declared."""
    app = FastAPI()
    app.include_router(_declare(APIRouter(prefix=PREFIX, dependencies=ANYONE)))
    conformance.prepare(app)
    with running(app) as service:
        yield service


def _answer(client: httpx.Client, ask: Ask) -> tuple[httpx.Response, list[str]]:
    """What an application answers, and what ran in it, background tasks included."""
    CALLED.clear()
    FINISHED.clear()
    answer = client.request(
        ask.method,
        PREFIX + ask.path,
        json=ask.json,
        content=ask.content,
        data=ask.form,
        files=ask.files or None,
        # Uvicorn ends a connection on which something was raised that nobody expected: the next request needs another.
        headers={"Connection": "close"} | ask.headers,
    )
    eventually(lambda: bool(FINISHED))
    return answer, list(CALLED)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda each: each.name)
def test_it_works_as_in_fastapi(ours: Service, plain: Service, feature: Feature) -> None:
    if not _there(feature):
        pytest.skip(f"{feature.name} need {feature.needs.replace('_', '-')}, which is not installed")
    overrides = {conformance.original: conformance.replacement} if feature.name == conformance.OVERRIDES else {}
    plain.app.dependency_overrides = ours.app.dependency_overrides = overrides
    with ours.connect() as client, plain.connect() as other:
        for ask in feature.asks:
            expected, wanted = _answer(other, ask)
            found, called = _answer(client, ask)

            assert found.status_code == expected.status_code, (ask, found.text, expected.text)
            if expected.status_code >= _REFUSED and found.headers["content-type"] == "application/problem+json":
                _assert_same_refusal(found, expected)
            else:
                assert found.content == expected.content, ask
                for name in ask.compare:
                    assert found.headers.get_list(name) == expected.headers.get_list(name), (ask, name)
            assert called == wanted, ask


def _assert_same_refusal(found: httpx.Response, expected: httpx.Response) -> None:
    """Every error is a problem document here; a detail that somebody wrote is in it."""
    if "x-a" in expected.headers:
        assert found.json()["detail"] == expected.json()["detail"]
        assert found.headers["x-a"] == expected.headers["x-a"]


def test_the_page_names_every_feature_that_is_tested() -> None:
    rows = re.findall(r"^\| (.+?) \| works", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert rows == [each.name for each in FEATURES]


@pytest.mark.parametrize("yields", [False, True])
def test_who_may_not_is_told_before_a_body_is_read(start: Start, *, yields: bool) -> None:
    router = routing.router("/v1/guarded", "guarded")

    async def once(data: Thing, caller: CanReadOwnAccount) -> Thing:
        """Answer whoever may."""
        assert caller
        return data

    async def again(data: Thing, caller: CanReadOwnAccount) -> AsyncIterable[Thing]:
        """Answer whoever may."""
        assert caller
        yield data

    router.add_api_route("", again if yields else once, methods=["POST"], responses=answers(NotFound))
    with start(router).connect() as client:
        for content, media in ((b"{", "application/json"), (b"x", "text/plain"), (b"{}", "application/json")):
            answer = client.post("/v1/guarded", content=content, headers={"content-type": media})
            _ = problem(answer, 401, "unauthorized")


def test_a_body_is_read_alike_where_an_answer_is_yielded(start: Start) -> None:
    with start(_declare(routing.router(PREFIX, "fastapi", dependencies=ANYONE))).connect() as client:
        path = f"{PREFIX}/t7"
        json = {"content-type": "application/json"}
        _ = problem(client.post(path, content=b"{", headers=json), 422, "invalid")
        _ = problem(client.post(path, content=b'{"name": NaN}', headers=json), 422, "invalid")
        _ = problem(
            client.post(path, content=b"{}", headers={"content-type": "text/plain"}), 415, "unsupported-media-type"
        )


def test_what_a_body_of_several_parameters_does_not_declare_is_refused(start: Start) -> None:
    router = _declare(routing.router(PREFIX, "fastapi", dependencies=ANYONE))
    with start(router, ENVIRONMENT="development").connect() as client:
        sent = {"one": {"name": "a"}, "two": {"name": "b"}, "count": 3, "other": 1}
        said = problem(client.post(f"{PREFIX}/b3", json=sent), 422, "invalid")["errors"]
        drawn = client.get("/openapi.json").json()

    assert said == [{"pointer": "#/other", "detail": "this operation does not take it; accepted: count, one, two"}]
    (schema,) = [
        each for name, each in drawn["components"]["schemas"].items() if name.startswith("Body_") and "b3" in name
    ]
    assert schema["additionalProperties"] is False
