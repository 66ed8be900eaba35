"""The house rules: a service that breaks one does not start and says what to mend; and what only a test can see."""

import ast
import re
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import asynccontextmanager
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Literal, cast

import pytest
from fastapi import APIRouter, Cookie, Depends, FastAPI, Header, Query, WebSocket
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from starlette.applications import Starlette

from app import house, main, registry
from app.adapters.database import Base, Session
from app.house import HouseRuleBroken
from app.http.probes import Status
from app.kit import discovery, routing, state
from app.kit.access import Principal, Restrictions, public, require
from app.kit.authentication import Authenticators
from app.kit.errors import NotFound, answers, type_by_constraint
from app.kit.schemas import In, Line
from app.platform.accounts.access import CanReadOwnAccount

ROOT = Path(__file__).parents[1]
OK = Status(status="ok")
ANYONE = [public("a test has no account")]


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch) -> Callable[[APIRouter], str]:
    """What the service says when it is to start with one more router."""

    def made(router: APIRouter) -> str:
        nouns = registry.routers()
        monkeypatch.setattr(registry, "routers", lambda: [*nouns, router])
        with pytest.raises(HouseRuleBroken) as refused:
            _ = main.create_app()
        first, *broken = str(refused.value).splitlines()
        assert first == "The service does not start:"
        assert len(broken) == 1, broken
        return broken[0]

    return made


Refusal = Callable[[APIRouter], str]


Again = Annotated[Principal, Depends(require("bad:read"))]


@pytest.fixture
def router() -> APIRouter:
    """A router for one bad route."""
    return routing.router("/v1/bad", "bad")


def test_a_route_without_an_access_rule(refusal: Refusal, router: APIRouter) -> None:
    @router.get("")
    async def bad() -> Status:
        """Say nothing of who may."""
        return OK

    said = refusal(router)
    assert said.startswith("  - GET /v1/bad has no access rule.")
    assert "access.py" in said
    assert 'public("…")' in said


def test_a_route_with_two_access_rules(refusal: Refusal, router: APIRouter) -> None:
    @router.get("")
    async def bad(caller: CanReadOwnAccount, again: Again) -> Status:
        """Say it twice."""
        assert caller == again
        return OK

    assert refusal(router).startswith("  - GET /v1/bad has 2 access rules. Keep one")


def test_a_route_that_may_fail_and_declares_no_errors(refusal: Refusal, router: APIRouter) -> None:
    @router.delete("/{name}", status_code=204, dependencies=ANYONE)
    async def bad(name: Line) -> None:
        """Name no error."""
        assert name

    said = refusal(router)
    assert said.startswith("  - DELETE /v1/bad/{name} declares no error answers")
    assert "responses=answers(" in said


def test_a_route_without_a_response_model(refusal: Refusal, router: APIRouter) -> None:
    async def bad() -> Status:
        """Return who knows what."""
        return OK

    bad.__annotations__.clear()
    router.add_api_route("", bad, dependencies=ANYONE)

    said = refusal(router)
    assert said.startswith("  - GET /v1/bad has no response model.")
    assert "status_code=204" in said


def test_a_route_without_a_docstring(refusal: Refusal, router: APIRouter) -> None:
    @router.get("", dependencies=ANYONE)
    async def bad() -> Status:
        return OK

    assert refusal(router).startswith("  - GET /v1/bad has no summary. Write the endpoint's docstring")


def test_a_route_of_another_router(refusal: Refusal) -> None:
    router = APIRouter(prefix="/v1/bad")

    @router.get("", dependencies=ANYONE)
    async def bad() -> Status:
        """Go around the house."""
        return OK

    said = refusal(router)
    assert said.startswith("  - /v1/bad was not created by `routing.router()`.")
    assert "routing.router(" in said


@pytest.mark.parametrize("hidden", [False, True])
def test_what_is_left_out_of_the_document_keeps_every_rule(
    refusal: Refusal, router: APIRouter, *, hidden: bool
) -> None:
    @router.get("/free", include_in_schema=not hidden)
    async def free() -> Status:
        """Say nothing of who may."""
        return OK

    assert refusal(router).startswith("  - GET /v1/bad/free has no access rule.")


def test_an_input_without_bounds_that_is_left_out_of_the_document(refusal: Refusal, router: APIRouter) -> None:
    @router.get("", include_in_schema=False, dependencies=ANYONE)
    async def bad(given: str) -> Status:
        """Take anything."""
        assert given
        return OK

    assert refusal(router).startswith("  - GET /v1/bad takes an unbounded input: query given")


def test_a_plain_function_without_a_response_model(refusal: Refusal, router: APIRouter) -> None:
    def bad() -> Status:
        """Return who knows what."""
        return OK

    bad.__annotations__.clear()
    router.add_api_route("", bad, dependencies=ANYONE)

    assert refusal(router).startswith("  - GET /v1/bad has no response model.")


@pytest.mark.skipif(bool(discovery.offered("route_adapter")), reason="this service speaks WebSockets")
def test_a_web_socket(refusal: Refusal, router: APIRouter) -> None:
    @router.websocket("")
    async def bad(socket: WebSocket) -> None:
        """Speak another protocol."""
        await socket.accept()

    said = refusal(router)
    assert said.startswith("  - /v1/bad is a WebSocket, which this service does not speak.")
    assert "EventSourceResponse" in said


def test_a_session_that_would_end_before_the_answer_begins(refusal: Refusal, router: APIRouter) -> None:
    @router.get("", dependencies=ANYONE)
    async def bad(session: Session) -> AsyncIterable[Status]:
        """Yield what is no longer there."""
        assert session
        yield OK

    said = refusal(router)
    assert said.startswith("  - GET /v1/bad goes on after its answer has begun, and takes what ends before")
    assert "Reader" in said


@asynccontextmanager
async def _lifespan(_: object) -> AsyncGenerator[None]:
    yield


@pytest.mark.parametrize(
    "router",
    [
        APIRouter(prefix="/v1/bad", lifespan=_lifespan),
        APIRouter(prefix="/v1/bad", on_startup=[lambda: None]),
        APIRouter(prefix="/v1/bad", on_shutdown=[lambda: None]),
    ],
    ids=["lifespan", "startup", "shutdown"],
)
def test_a_router_with_a_lifespan(refusal: Refusal, router: APIRouter) -> None:
    assert refusal(router).startswith("  - /v1/bad has a lifespan or startup and shutdown functions. Open and close")


@pytest.mark.parametrize(
    "router",
    [APIRouter(prefix="/v1/bad", max_body_size=9), APIRouter(prefix="/v1/bad", form_limits={"max_files": 1})],
    ids=["body", "form"],
)
def test_a_router_with_bounds_of_its_own(refusal: Refusal, router: APIRouter) -> None:
    assert refusal(router).startswith("  - /v1/bad bounds the bodies of its routes. Declare it at each:")


def test_dependencies_of_the_application() -> None:
    app = FastAPI(dependencies=ANYONE, openapi_url=None)
    state.keep(app, Authenticators([], Restrictions([])))

    with pytest.raises(HouseRuleBroken, match=r"FastAPI\(dependencies=…\) reaches no route here"):
        house.inspect(app)


def test_a_mount(refusal: Refusal, router: APIRouter) -> None:
    router.mount("/v1/bad/files", Starlette())

    said = refusal(router)
    assert said.startswith("  - /v1/bad/files is a mount")
    assert "`routing.router()`" in said


def test_a_router_in_a_router(refusal: Refusal, router: APIRouter) -> None:
    router.include_router(routing.router("/more", "more"))

    said = refusal(router)
    assert said.startswith("  - A router was included into another one by `include_router`.")
    assert "in a router.py of its own folder" in said


@pytest.mark.parametrize("lazy", ["select", "raise"])
def test_a_relationship_that_loads_lazily(lazy: Literal["select", "raise"], monkeypatch: pytest.MonkeyPatch) -> None:
    class Tables(DeclarativeBase):
        """Tables of the test's own."""

    class Folder(Tables):
        """A folder in another one."""

        __tablename__: str = "folders"
        id: Mapped[int] = mapped_column(primary_key=True)
        inside_id: Mapped[int] = mapped_column(ForeignKey("folders.id"))
        inside: Mapped["Folder"] = relationship(lazy=lazy, remote_side="Folder.id")

    monkeypatch.setattr(house, "Base", Tables)
    if lazy == "raise":
        assert main.create_app()
        return
    with pytest.raises(HouseRuleBroken, match=r"Folder\.inside loads lazily"):
        _ = main.create_app()


@pytest.mark.parametrize("path", ["/{one}", "/{other}"])
def test_the_same_operation_twice(refusal: Refusal, router: APIRouter, path: str) -> None:
    @router.get("/{one}", dependencies=ANYONE, responses=answers(NotFound))
    async def first(one: Line) -> Status:
        """Answer."""
        assert one
        return OK

    async def second() -> Status:
        """Never answer."""
        return OK

    router.add_api_route(path, second, dependencies=ANYONE, responses=answers(NotFound))

    said = refusal(router)
    assert said.startswith(f"  - GET /v1/bad{path} is declared twice, by {first.__module__}.first and by ")
    assert said.endswith(f"{__name__}.second. Give one of them a path or a method of its own.")


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (Annotated[str, Query()], "query given (text without a maximum length)"),
        (Annotated[str | None, Query()], "query given (text without a maximum length)"),
        (Annotated[str, Header()], "header given (text without a maximum length)"),
        (Annotated[str, Cookie()], "cookie given (text without a maximum length)"),
        (Annotated[str, Query(max_length=9)], "query given (text that may hold control characters)"),
        (Annotated[str, Query(max_length=9, pattern="^.*$")], "query given (text that may hold control characters)"),
        (Annotated[str, Header(max_length=9, pattern="[a-z]")], "header given (text that may hold control characters)"),
        (Annotated[int, Query()], "query given (a number without a minimum and a maximum)"),
        (Annotated[int, Query(ge=1)], "query given (a number without a minimum and a maximum)"),
        (Annotated[float, Query(lt=1)], "query given (a number without a minimum and a maximum)"),
        (Annotated[list[bool], Query()], "query given (a list without a maximum of entries)"),
        (Annotated[list[str], Query(max_length=3)], "query given[] (text without a maximum length)"),
    ],
)
def test_a_parameter_without_bounds(refusal: Refusal, router: APIRouter, kind: type, place: str) -> None:
    async def bad(given: object) -> Status:
        """Take anything."""
        assert given
        return OK

    bad.__annotations__["given"] = kind
    router.add_api_route("", bad, dependencies=ANYONE)

    assert refusal(router).startswith(f"  - GET /v1/bad takes an unbounded input: {place}. Give it a length")


class Nested(In):
    """Inside."""

    text: str


class Open(BaseModel):
    """Takes unknown fields."""

    fine: bool


class Free(BaseModel):
    """Takes unknown fields, and says so."""

    model_config = ConfigDict(extra="allow")


class Bounded(In):
    """Every kind of input that has bounds."""

    flag: bool | None
    choice: Literal["a", "b"]
    text: Line
    number: Annotated[int, Field(ge=0, lt=10)]
    several: Annotated[list[Line], Field(max_length=3)]
    named: Annotated[dict[Line, bool], Field(max_length=3)]


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (str, "body.given (text without a maximum length)"),
        (Annotated[str, Field(max_length=9)], "body.given (text that may hold control characters)"),
        (
            Annotated[list[Annotated[str, Field(max_length=9)]], Field(max_length=2)],
            "body.given[] (text that may hold control characters)",
        ),
        (int, "body.given (a number without a minimum and a maximum)"),
        (Annotated[float, Field(ge=0)], "body.given (a number without a minimum and a maximum)"),
        (list[Line], "body.given (a list without a maximum of entries)"),
        (Annotated[list[int], Field(max_length=2)], "body.given[] (a number without a minimum and a maximum)"),
        (dict[str, bool], "body.given (an object that takes unknown fields)"),
        (Annotated[dict[str, bool], Field(max_length=9)], "body.given (a name in it) (text without a maximum length)"),
        (Annotated[dict[Line, int], Field(max_length=9)], "body.given.* (a number without a minimum and a maximum)"),
        (object, "body.given (any value)"),
        (Nested, "body.given.text (text without a maximum length)"),
        (Annotated[list[Nested], Field(max_length=2)], "body.given[].text (text without a maximum length)"),
        (Bounded | Nested, "body.given.text (text without a maximum length)"),
        (Open, "body.given (an object that takes unknown fields)"),
        (Free, "body.given (an object that takes unknown fields)"),
    ],
)
def test_a_body_without_bounds(refusal: Refusal, router: APIRouter, kind: type, place: str) -> None:
    model = type("Body", (In,), {"__annotations__": {"given": kind}, "__module__": __name__, "__doc__": "A body."})

    async def bad(data: In) -> Status:
        """Take anything."""
        assert data
        return OK

    bad.__annotations__["data"] = model
    router.add_api_route("", bad, methods=["POST"], dependencies=ANYONE, responses=answers(NotFound))

    assert refusal(router).startswith(f"  - POST /v1/bad takes an unbounded input: {place}. Give it a length")


def test_what_has_its_bounds_starts(monkeypatch: pytest.MonkeyPatch, router: APIRouter) -> None:
    @router.post("", dependencies=ANYONE, responses=answers(NotFound))
    async def good(data: Bounded) -> Status:
        """Take what fits."""
        assert data
        return OK

    nouns = registry.routers()
    monkeypatch.setattr(registry, "routers", lambda: [*nouns, router])

    assert main.create_app()


def test_a_noun_whose_router_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("app.platform.accounts.router.router")

    with pytest.raises(TypeError, match=r"app\.platform\.accounts\.router has no router\. Begin it with"):
        _ = registry.routers()


def tables() -> list[Table]:
    """Every table of the service."""
    registry.load_models()
    _ = registry.routers()
    return list(Base.metadata.tables.values())


def test_every_constraint_that_a_client_can_run_into_has_its_error() -> None:
    unnamed = [
        str(each.name)
        for table in tables()
        for each in (*table.constraints, *table.indexes)
        if isinstance(each, UniqueConstraint | ExcludeConstraint) or (isinstance(each, Index) and each.unique)
        # A digest of 256 random bits: nobody can choose one, so nobody can collide.
        if [column.name for column in each.columns] != ["digest"]
        # Nor does anybody run into an address that has an account: they would learn that it has one.
        if each.name != "uq_accounts_email_index"
        if str(each.name) not in type_by_constraint
    ]

    assert not unnamed, f"errors.py of the noun needs a class for {unnamed}: class NameTaken(Conflict, constraint=…)"


def test_every_error_of_a_constraint_names_one_that_exists() -> None:
    known = {str(each.name) for table in tables() for each in (*table.constraints, *table.indexes)}

    assert set(type_by_constraint) <= known


def test_every_foreign_key_has_an_index_that_begins_with_its_columns() -> None:
    for table in tables():
        indexed = [[column.name for column in each.columns] for each in table.indexes]
        indexed += [[c.name for c in each.columns] for each in table.constraints if isinstance(each, UniqueConstraint)]
        indexed.append([column.name for column in table.primary_key.columns])
        for key in table.constraints:
            if isinstance(key, ForeignKeyConstraint):
                columns = [column.name for column in key.columns]
                assert any(each[: len(columns)] == columns for each in indexed), f"{table.name}: index {columns}"


def sources() -> list[tuple[Path, ast.Module]]:
    """Every module of the service."""
    return [(file, ast.parse(file.read_text(encoding="utf-8"))) for file in sorted((ROOT / "app").rglob("*.py"))]


NOUN = re.compile(r"app\.((?:platform|domain)\.\w+)(?:\.(\w+))?")


def imports() -> list[tuple[Path, str, str, str]]:
    """What a file of a noun imports of another noun: the file, its noun, the other one, and which module of that."""
    found: list[tuple[Path, str, str, str]] = []
    for file, tree in sources():
        here = NOUN.match(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for each in ast.walk(tree) if here else ():
            names = [each.module or ""] if isinstance(each, ast.ImportFrom) else []
            if isinstance(each, ast.ImportFrom | ast.Import):
                names += [f"{each.module}.{a.name}" if isinstance(each, ast.ImportFrom) else a.name for a in each.names]
            found += [
                (file.relative_to(ROOT), here[1], there[1], there[2] or "")
                for there in map(NOUN.match, names)
                if here and there and here[1] != there[1]
            ]
    return found


def test_no_noun_reads_what_another_one_stores() -> None:
    foreign = {
        f"{file} imports {module} of {there}"
        for file, _, there, module in imports()
        if module in {"repository", "models"}
    }

    assert not foreign, f"ask the other noun's service: {sorted(foreign)}"


def test_no_noun_depends_on_one_that_depends_on_it() -> None:
    graph: dict[str, set[str]] = {}
    for _, here, there, _ in imports():
        graph.setdefault(here, set()).add(there)

    try:
        assert list(TopologicalSorter(graph).static_order())
    except CycleError as circle:
        pytest.fail(f"let one of them offer a hook to the other: {' ← '.join(cast('list[str]', circle.args[1]))}")


def test_nothing_uses_base_http_middleware() -> None:
    for file, tree in sources():
        names = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
        names |= {alias.name for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) for alias in each.names}
        assert "BaseHTTPMiddleware" not in names, f"{file}: write pure ASGI, as app/http/ does"


def test_no_noun_commits() -> None:
    for file, tree in sources():
        if file.is_relative_to(ROOT / "app/domain") or file.is_relative_to(ROOT / "app/platform"):
            called = {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)}
            assert not called & {"commit", "rollback"}, f"{file}: the Session commits, before the answer leaves"


def test_the_kit_knows_nothing_of_this_service() -> None:
    for file, tree in sources():
        if file.is_relative_to(ROOT / "app/kit"):
            imported = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) and each.module}
            # Itself is all that it may name: `from app.kit import …`.
            strange = {name for name in imported if name.startswith("app") and not f"{name}.".startswith("app.kit.")}
            assert not strange, f"{file.name} imports {strange}: the kit could move to another company unchanged"


def test_every_module_says_what_it_is_for() -> None:
    assert [str(file) for file, tree in sources() if not ast.get_docstring(tree)] == []


def test_every_noun_has_tests() -> None:
    for router in sorted((ROOT / "app").glob("*/*/router.py")):
        tests = ROOT / "tests" / router.parent.relative_to(ROOT / "app")
        assert list(tests.glob("test_*.py")), f"{tests.relative_to(ROOT)}/ is empty"


def test_no_room_is_a_junk_room() -> None:
    junk = {"utils", "common", "core", "helpers", "misc"}

    assert not {each.stem for each in (ROOT / "app").rglob("*")} & junk
