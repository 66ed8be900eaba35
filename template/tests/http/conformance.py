"""What FastAPI documents, feature by feature: declared once, and asked of the service and of plain FastAPI alike.

The names are those of docs/fastapi.md, which tests/http/test_fastapi.py compares.
"""

import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    File,
    Form,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
    UploadFile,
)
from fastapi import Path as PathParameter
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBasicCredentials, OAuth2PasswordBearer, SecurityScopes
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from app.kit import routing
from app.kit.access import public
from app.kit.errors import BadRequest, NotFound, answers
from app.kit.schemas import In, Line

ANYONE = [public("a test has no account")]
MAY_FAIL = answers(NotFound, BadRequest)
Small = Annotated[int, Field(ge=0, le=99)]


@dataclass(frozen=True)
class Ask:
    """One request, and what of its answer is compared."""

    path: str
    method: str = "GET"
    json: object = None
    content: bytes | None = None
    form: dict[str, str] | None = None
    files: tuple[tuple[str, tuple[str, bytes, str]], ...] = ()
    headers: dict[str, str] = field(default_factory=dict[str, str])
    compare: tuple[str, ...] = ("content-type",)


@dataclass(frozen=True)
class Feature:
    """One feature: how it is declared, and what is asked of it."""

    name: str
    declare: Callable[[APIRouter], None]
    asks: tuple[Ask, ...]
    needs: str = ""
    """The package that FastAPI wants for it."""


FEATURES: list[Feature] = []
CALLED: list[str] = []
"""What ran, in order, in the application that was asked last."""
FINISHED: list[str] = []
"""One entry for each request that is over, background tasks included."""


def feature(
    name: str, *asks: Ask | str, needs: str = ""
) -> Callable[[Callable[[APIRouter], None]], Callable[[APIRouter], None]]:
    """Add a feature to the table."""

    def added(declare: Callable[[APIRouter], None]) -> Callable[[APIRouter], None]:
        FEATURES.append(
            Feature(name, declare, tuple(Ask(each) if isinstance(each, str) else each for each in asks), needs)
        )
        return declare

    return added


class Thing(In):
    """A body."""

    name: Line
    size: Small = 1


class Shown(BaseModel):
    """An answer."""

    name: str
    size: int = 1
    note: str | None = None


class Secretive(Shown):
    """An answer with more than is shown."""

    secret: str = "hidden"


class Aliased(In):
    """Names on the wire that differ from those in Python."""

    given_name: Line = Field(alias="givenName")


class AliasedOut(BaseModel):
    """The same in an answer."""

    given_name: str = Field(serialization_alias="givenName")


class Color(StrEnum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


class Filters(In):
    """A query as a model."""

    limit: Small = 10
    color: Color | None = None
    tags: Annotated[list[Line], Field(max_length=5)] = Field(default_factory=list)


class Cat(In):
    """One of two."""

    kind: Literal["cat"]
    lives: Small


class Dog(In):
    """The other one."""

    kind: Literal["dog"]
    tricks: Small


class Headers(BaseModel):
    """Headers as a model."""

    model_config = ConfigDict(extra="ignore")

    x_color: Color = Color.RED


@feature("path parameters", "/p1/7", "/p1/seven")
def _(router: APIRouter) -> None:
    @router.get("/p1/{number}", responses=MAY_FAIL)
    async def path(number: Annotated[int, PathParameter(ge=0, le=99)]) -> dict[str, int]:
        """Take a number."""
        return {"number": number}


@feature("path convertors", "/p2/7/a/b.txt", "/p2/x/a")
def _(router: APIRouter) -> None:
    @router.get("/p2/{number:int}/{rest:path}", responses=MAY_FAIL)
    async def path(request: Request, number: Annotated[int, PathParameter(ge=0, le=99)], rest: Line) -> list[str]:
        """Take a number and a path."""
        return [str(number), rest, type(request.path_params["number"]).__name__]


@feature("enumerations and literals", "/p3/red/a", "/p3/green/a", "/p3/red/c")
def _(router: APIRouter) -> None:
    @router.get("/p3/{color}/{letter}", responses=MAY_FAIL)
    async def path(color: Color, letter: Literal["a", "b"]) -> list[str]:
        """Take one of several."""
        return [color, letter]


@feature("query parameters, with and without a default", "/q1?a=1", "/q1?a=1&b=2", "/q1", "/q1?a=x")
def _(router: APIRouter) -> None:
    @router.get("/q1")
    async def query(a: Small, b: Small = 5, c: Color | None = None) -> list[int | Color | None]:
        """Take a query."""
        return [a, b, c]


@feature("lists in the query", "/q2?tag=a&tag=b", "/q2")
def _(router: APIRouter) -> None:
    @router.get("/q2")
    async def query(tag: Annotated[list[Line], Query(max_length=5)] = []) -> list[str]:  # noqa: B006
        """Take several."""
        return tag


@feature("aliases of parameters", "/q3?item-query=a", "/q3?q=b", "/q3")
def _(router: APIRouter) -> None:
    @router.get("/q3")
    async def query(
        q: Annotated[Line | None, Query(validation_alias=AliasChoices("item-query", "q"))] = None,
    ) -> dict[str, str | None]:
        """Take another name."""
        return {"q": q}


@feature("a query as a model", "/q4", "/q4?limit=3&color=red&tags=a&tags=b", "/q4?limit=300", "/q4?other=1")
def _(router: APIRouter) -> None:
    @router.get("/q4")
    async def query(filters: Annotated[Filters, Query()]) -> Filters:
        """Take a model."""
        return filters


@feature("headers", Ask("/h1", headers={"x-token": "a"}), "/h1")
def _(router: APIRouter) -> None:
    @router.get("/h1")
    async def header(x_token: Annotated[Line | None, Header()] = None) -> dict[str, str | None]:
        """Take a header."""
        return {"token": x_token}


@feature("headers as a model", Ask("/h2", headers={"x-color": "blue"}), "/h2", Ask("/h2", headers={"x-color": "?"}))
def _(router: APIRouter) -> None:
    @router.get("/h2")
    async def header(given: Annotated[Headers, Header()]) -> Headers:
        """Take headers."""
        return given


@feature("parameters of `Cookie()`", Ask("/c1", headers={"cookie": "taste=sweet"}), "/c1")
def _(router: APIRouter) -> None:
    @router.get("/c1")
    async def cookie(taste: Annotated[Line | None, Cookie()] = None) -> dict[str, str | None]:
        """Take it."""
        return {"taste": taste}


@feature(
    "a body as a model",
    Ask("/b1", "POST", {"name": "a"}),
    Ask("/b1", "POST", {"name": "a", "size": 7}),
    Ask("/b1", "POST", {"size": 7}),
    Ask("/b1", "POST", [1]),
    Ask("/b1", "POST"),
)
def _(router: APIRouter) -> None:
    @router.post("/b1", responses=MAY_FAIL)
    async def body(data: Thing) -> Thing:
        """Take a body."""
        return data


@feature("a body that may be left out", Ask("/b2", "POST"), Ask("/b2", "POST", {"name": "a"}))
def _(router: APIRouter) -> None:
    @router.post("/b2", responses=MAY_FAIL)
    async def body(data: Thing | None = None) -> dict[str, bool]:
        """Take a body, or none."""
        return {"given": data is not None}


@feature(
    "a body of several parameters",
    Ask("/b3", "POST", {"one": {"name": "a"}, "two": {"name": "b"}, "count": 3}),
    Ask("/b3", "POST", {"one": {"name": "a"}}),
)
def _(router: APIRouter) -> None:
    @router.post("/b3", responses=MAY_FAIL)
    async def body(one: Thing, two: Thing, count: Annotated[Small, Body()]) -> list[Thing | int]:
        """Take several."""
        return [one, two, count]


@feature("an embedded body", Ask("/b4", "POST", {"data": {"name": "a"}}), Ask("/b4", "POST", {"name": "a"}))
def _(router: APIRouter) -> None:
    @router.post("/b4", responses=MAY_FAIL)
    async def body(data: Annotated[Thing, Body(embed=True)]) -> Thing:
        """Take an embedded one."""
        return data


@feature("a list as the body", Ask("/b5", "POST", [{"name": "a"}, {"name": "b"}]), Ask("/b5", "POST", {}))
def _(router: APIRouter) -> None:
    @router.post("/b5", responses=MAY_FAIL)
    async def body(data: Annotated[list[Thing], Body(max_length=9)]) -> list[Thing]:
        """Take a list."""
        return data


@feature(
    "one of several models",
    Ask("/b6", "POST", {"kind": "cat", "lives": 9}),
    Ask("/b6", "POST", {"kind": "dog", "tricks": 2}),
    Ask("/b6", "POST", {"kind": "cow"}),
)
def _(router: APIRouter) -> None:
    @router.post("/b6", responses=MAY_FAIL)
    async def body(data: Annotated[Cat | Dog, Body(discriminator="kind")]) -> Cat | Dog:
        """Take one of two."""
        return data


@feature("aliases of fields", Ask("/b7", "POST", {"givenName": "Ada"}), Ask("/b7", "POST", {"given_name": "Ada"}))
def _(router: APIRouter) -> None:
    @router.post("/b7", responses=MAY_FAIL)
    async def body(data: Aliased) -> AliasedOut:
        """Take and give other names."""
        return AliasedOut(given_name=data.given_name)


@feature("`response_model_by_alias=False`", "/b8")
def _(router: APIRouter) -> None:
    @router.get("/b8", response_model_by_alias=False)
    async def body() -> AliasedOut:
        """Give the names of Python."""
        return AliasedOut(given_name="Ada")


@feature(
    "forms",
    Ask("/f1", "POST", form={"name": "a", "size": "7"}),
    Ask("/f1", "POST", form={"size": "x"}),
    Ask("/f1", "POST"),
    Ask("/f2", "POST", form={"name": "a"}),
    Ask("/f2", "POST", form={"name": "a", "other": "b"}),
    needs="python_multipart",
)
def _(router: APIRouter) -> None:
    @router.post("/f1", responses=MAY_FAIL)
    async def fields(name: Annotated[Line, Form()], size: Annotated[Small, Form()] = 1) -> Thing:
        """Take fields."""
        return Thing(name=name, size=size)

    @router.post("/f2", responses=MAY_FAIL)
    async def model(data: Annotated[Thing, Form()]) -> Thing:
        """Take a model."""
        return data


@feature(
    "files in forms",
    Ask("/f3", "POST", files=(("file", ("a.txt", b"content", "text/plain")),)),
    Ask("/f3", "POST", form={"file": "a"}),
    Ask("/f4", "POST", files=tuple(("files", (f"{each}.txt", b"x" * each, "text/plain")) for each in range(3))),
    Ask("/f5", "POST", form={"name": "a"}, files=(("file", ("a.txt", b"content", "text/plain")),)),
    Ask("/f6", "POST", files=(("file", ("a.txt", b"content", "text/plain")),)),
    needs="python_multipart",
)
def _(router: APIRouter) -> None:
    @router.post("/f3", responses=MAY_FAIL)
    async def one(file: UploadFile) -> list[str | int | None]:
        """Take a file."""
        return [file.filename, file.content_type, file.size, (await file.read()).decode()]

    @router.post("/f4", responses=MAY_FAIL)
    async def several(files: Annotated[list[UploadFile], File(max_length=9)]) -> list[int | None]:
        """Take files."""
        return [each.size for each in files]

    @router.post("/f5", responses=MAY_FAIL)
    async def both(file: Annotated[bytes, File(max_length=99)], name: Annotated[Line, Form()]) -> list[str]:
        """Take a file as bytes, and a field."""
        return [name, file.decode()]

    async def later(file: UploadFile) -> None:
        CALLED.append((await file.read()).decode())

    @router.post("/f6", responses=MAY_FAIL)
    async def background(file: UploadFile, tasks: BackgroundTasks) -> str:
        """Read it later."""
        tasks.add_task(later, file)
        return "later"


@feature("the body as bytes", Ask("/b9", "POST", content=b"\0\1", headers={"content-type": "application/octet-stream"}))
def _(router: APIRouter) -> None:
    @router.post("/b9", responses=MAY_FAIL)
    async def body(
        data: Annotated[bytes, Body(media_type="application/octet-stream", max_length=99)],
    ) -> dict[str, int]:
        """Take bytes."""
        return {"length": len(data)}


@feature("the request itself, its raw body", Ask("/b10", "POST", content=b"signed", headers={"x-a": "b"}))
def _(router: APIRouter) -> None:
    @router.post("/b10", responses=MAY_FAIL)
    async def body(request: Request) -> list[str]:
        """Take the request."""
        return [(await request.body()).decode(), request.headers["x-a"], request.url.path, request.method]


@feature("what is common to requests and WebSockets", "/b11")
def _(router: APIRouter) -> None:
    @router.get("/b11")
    async def connection(connection: HTTPConnection) -> dict[str, str]:
        """Take the connection."""
        return {"type": connection.scope["type"]}


@feature("another response model than what is returned", "/r1")
def _(router: APIRouter) -> None:
    @router.get("/r1", response_model=Shown)
    async def answer() -> Secretive:
        """Hide a field."""
        return Secretive(name="a")


@feature("a dictionary as the response model", "/r2")
def _(router: APIRouter) -> None:
    @router.get("/r2", response_model=Shown)
    async def answer() -> dict[str, object]:
        """Give a dictionary."""
        return {"name": "a", "secret": "x"}


@feature("an object as the response model", "/r3")
def _(router: APIRouter) -> None:
    @dataclass
    class Row:
        name: str
        size: int = 3
        note: None = None

    @router.get("/r3", response_model=list[Shown])
    async def answer() -> list[Row]:
        """Give objects."""
        return [Row("a"), Row("b")]


@feature("an answer that does not fit its model", "/r4")
def _(router: APIRouter) -> None:
    @router.get("/r4", response_model=Shown)
    async def answer() -> dict[str, object]:
        """Give something else."""
        return {"name": 1}


@feature(
    "`response_model_exclude_none`, `…_unset`, `…_defaults`, `…_include`, `…_exclude`",
    "/r5",
    "/r6",
    "/r7",
    "/r8",
    "/r9",
)
def _(router: APIRouter) -> None:
    async def answer() -> Shown:
        """Leave something out."""
        return Shown(name="a", size=1)

    router.add_api_route("/r5", answer, response_model_exclude_none=True)
    router.add_api_route("/r6", answer, response_model_exclude_unset=True)
    router.add_api_route("/r7", answer, response_model_exclude_defaults=True)
    router.add_api_route("/r8", answer, response_model_include={"name"})
    router.add_api_route("/r9", answer, response_model_exclude={"size"})


@feature("values of Python as answers", "/r10", "/r11")
def _(router: APIRouter) -> None:
    @router.get("/r10")
    async def number() -> int:
        """Give a number."""
        return 7

    @router.get("/r11")
    async def several() -> list[Shown] | None:
        """Give nothing."""
        return None


@feature("`status_code`", Ask("/s1", "POST"), Ask("/s2", "DELETE", compare=()))
def _(router: APIRouter) -> None:
    @router.post("/s1", status_code=201)
    async def made() -> Shown:
        """Make it."""
        return Shown(name="a")

    @router.delete("/s2", status_code=204)
    async def gone() -> None:
        """Remove it."""


@feature(
    "the response as a parameter: status, headers, `set_cookie`",
    Ask("/s3", compare=("content-type", "x-cat", "set-cookie")),
)
def _(router: APIRouter) -> None:
    @router.get("/s3")
    async def answer(response: Response) -> Shown:
        """Say more."""
        response.status_code = 203
        response.headers["x-cat"] = "alone"
        response.set_cookie("taste", "sweet")
        return Shown(name="a")


@feature("the response as a parameter of a dependency", Ask("/s4", compare=("x-cat",)))
def _(router: APIRouter) -> None:
    async def cat(response: Response) -> None:
        response.headers["x-cat"] = "deep"

    @router.get("/s4", dependencies=[Depends(cat)])
    async def answer() -> Shown:
        """Say more."""
        return Shown(name="a")


@feature("a response that is returned", Ask("/s5", compare=("content-type", "x-a")), "/s6")
def _(router: APIRouter) -> None:
    @router.get("/s5", response_class=JSONResponse)
    async def answer() -> Response:
        """Return one."""
        return JSONResponse({"a": 1}, status_code=202, headers={"x-a": "b"})

    @router.get("/s6", response_model=Shown)
    async def either() -> Response:
        """Return one instead of the model."""
        return PlainTextResponse("plain")


@feature("`response_class`", "/s7", "/s8", Ask("/s9", compare=("location",)))
def _(router: APIRouter) -> None:
    @router.get("/s7", response_class=HTMLResponse)
    async def html() -> str:
        """Give HTML."""
        return "<p>"

    @router.get("/s8", response_class=PlainTextResponse, status_code=202)
    async def text() -> str:
        """Give text."""
        return "text"

    @router.get("/s9", response_class=RedirectResponse)
    async def elsewhere() -> str:
        """Send elsewhere."""
        return "/v1/elsewhere"


@feature("files", "/s10")
def _(router: APIRouter) -> None:
    file = Path(tempfile.gettempdir()) / "conformance.txt"
    _ = file.write_text("a file")

    @router.get("/s10", response_class=FileResponse)
    async def answer() -> FileResponse:
        """Give a file."""
        return FileResponse(file)


@feature("`StreamingResponse`", "/t1")
def _(router: APIRouter) -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        for each in range(3):
            yield str(each).encode()

    @router.get("/t1", response_class=StreamingResponse)
    async def answer() -> StreamingResponse:
        """Stream."""
        return StreamingResponse(chunks(), media_type="text/plain")


@feature("lines of JSON, by `yield`", "/t2", "/t3")
def _(router: APIRouter) -> None:
    @router.get("/t2")
    async def answer() -> AsyncIterable[Shown]:
        """Yield models."""
        for each in range(3):
            yield Shown(name=str(each))

    @router.get("/t3")
    def plain() -> Iterator[Shown]:
        """Yield models."""
        for each in range(3):
            yield Shown(name=str(each))


@feature("bytes, by `yield`", "/t4")
def _(router: APIRouter) -> None:
    @router.get("/t4", response_class=StreamingResponse)
    async def answer() -> AsyncIterable[bytes]:
        """Yield bytes."""
        yield b"one"
        yield b"two"


@feature("server-sent events", Ask("/t5", compare=("content-type", "x-accel-buffering")), "/t6")
def _(router: APIRouter) -> None:
    @router.get("/t5", response_class=EventSourceResponse)
    async def answer() -> AsyncIterable[Shown]:
        """Yield events."""
        for each in range(3):
            yield Shown(name=str(each))

    @router.get("/t6", response_class=EventSourceResponse)
    async def named() -> AsyncIterable[ServerSentEvent]:
        """Yield named events."""
        yield ServerSentEvent(data={"a": 1}, event="made", id="7", retry=1000)


@feature(
    "a body, and an answer by `yield`",
    Ask("/t7", "POST", {"name": "a"}),
    Ask("/t7", "POST", {}),
    Ask("/t7", "POST"),
)
def _(router: APIRouter) -> None:
    @router.post("/t7", responses=MAY_FAIL)
    async def answer(data: Thing) -> AsyncIterable[Thing]:
        """Yield what came."""
        yield data


@feature(
    "`HTTPException`: any status, detail, headers",
    *(f"/e1/{status}" for status in (400, 401, 402, 404, 409, 418, 429, 499, 500, 503)),
)
def _(router: APIRouter) -> None:
    @router.get("/e1/{status}", responses=MAY_FAIL)
    async def fail(status: Annotated[int, PathParameter(ge=400, le=599)]) -> Shown:
        """Fail."""
        raise HTTPException(status, detail="a reason", headers={"x-a": "b"})


@feature("exception handlers: for a class, a status, or whatever nobody expected", "/e2", "/e3", "/e4", "/e5")
def _(router: APIRouter) -> None:
    @router.get("/e2")
    async def own() -> Shown:
        """Fail in an own way."""
        raise Special

    @router.get("/e3")
    async def by_status() -> Shown:
        """Fail with a status that has a handler."""
        raise HTTPException(451)

    @router.get("/e4")
    def unexpected() -> Shown:
        """Fail."""
        raise LookupError

    @router.get("/e5")
    async def expected() -> Shown:
        """Fail with the status of a bug."""
        raise HTTPException(500, "a reason", {"x-a": "b"})


class Unforeseen(Exception):
    """What a handler is added for."""


class Special(Unforeseen):
    """What inherits the handler."""


def handled(status: int) -> Callable[[Request, Exception], Response]:
    """A handler that answers with a status."""

    def handler(request: Request, error: Exception) -> Response:
        return JSONResponse({"handled": type(error).__name__, "path": request.url.path}, status_code=status)

    return handler


@feature("dependencies of dependencies, each called once", "/d1?q=a")
def _(router: APIRouter) -> None:
    calls: list[str] = []

    async def inner(q: Line) -> str:
        calls.append("inner")
        return q

    async def outer(given: Annotated[str, Depends(inner)]) -> str:
        return given + "!"

    @router.get("/d1")
    async def answer(one: Annotated[str, Depends(inner)], two: Annotated[str, Depends(outer)]) -> list[str]:
        """Depend twice."""
        found = [one, two, *calls]
        calls.clear()
        return found


@feature("`use_cache=False`", "/d2")
def _(router: APIRouter) -> None:
    calls: list[str] = []

    async def inner() -> int:
        calls.append("")
        return len(calls)

    @router.get("/d2")
    async def answer(
        one: Annotated[int, Depends(inner)], two: Annotated[int, Depends(inner, use_cache=False)]
    ) -> list[int]:
        """Depend twice."""
        calls.clear()
        return [one, two]


class Pages:
    """A class as a dependency."""

    def __init__(self, skip: Small = 0) -> None:
        self.skip: int = skip


class Checker:
    """An object as a dependency."""

    def __init__(self, word: str) -> None:
        self.word: str = word

    def __call__(self, q: Line = "") -> bool:
        """Find the word."""
        return self.word in q


@feature("classes and objects as dependencies", "/d3?skip=4", "/d4?q=a%20word")
def _(router: APIRouter) -> None:
    @router.get("/d3")
    async def answer(pages: Annotated[Pages, Depends()]) -> int:
        """Depend on a class."""
        return pages.skip

    @router.get("/d4")
    async def checked(found: Annotated[bool, Depends(Checker("word"))]) -> bool:
        """Depend on an object."""
        return found


@feature("plain functions: endpoints and dependencies", "/d5?q=a")
def _(router: APIRouter) -> None:
    def inner(q: Line) -> str:
        return q * 2

    @router.get("/d5")
    def answer(given: Annotated[str, Depends(inner)]) -> dict[str, str]:
        """Be plain."""
        return {"given": given}


@feature("dependencies with `yield`", "/d6", "/d7", "/d8", "/d16")
def _(router: APIRouter) -> None:
    async def opened() -> AsyncGenerator[str]:
        CALLED.append("open")
        try:
            yield "it"
        except HTTPException:
            CALLED.append("failed")
            raise
        finally:
            CALLED.append("closed")

    def plainly(one: Annotated[str, Depends(opened)]) -> Generator[str]:
        CALLED.append("plainly open")
        yield one + " plainly"
        CALLED.append("plainly closed")

    @router.get("/d6")
    async def answer(given: Annotated[str, Depends(plainly)]) -> str:
        """Use it."""
        CALLED.append("used")
        return given

    @router.get("/d7")
    async def failing(given: Annotated[str, Depends(opened)]) -> str:
        """Fail with it."""
        raise HTTPException(409, given)

    @router.get("/d8", response_class=StreamingResponse)
    async def streaming(given: Annotated[str, Depends(opened)]) -> StreamingResponse:
        """Use it while the answer is sent."""

        async def chunks() -> AsyncGenerator[str]:
            CALLED.append("streaming")
            yield given

        return StreamingResponse(chunks())

    async def lent() -> AsyncGenerator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "lent.txt"
            _ = file.write_text("lent")
            yield file

    @router.get("/d16", response_class=FileResponse)
    async def sending(file: Annotated[Path, Depends(lent)]) -> FileResponse:
        """Have the file for as long as it is sent."""
        return FileResponse(file, media_type="text/plain")


@feature('`scope="function"`', "/d9")
def _(router: APIRouter) -> None:
    async def opened() -> AsyncGenerator[str]:
        yield "it"
        CALLED.append("closed")

    @router.get("/d9", response_class=StreamingResponse)
    async def streaming(given: Annotated[str, Depends(opened, scope="function")]) -> StreamingResponse:
        """Have it closed before the answer."""

        async def chunks() -> AsyncGenerator[str]:
            CALLED.append("streaming")
            yield given

        return StreamingResponse(chunks())


@feature("dependencies of a router and of a route", Ask("/d10", compare=("x-order",)))
def _(router: APIRouter) -> None:
    async def first(response: Response) -> None:
        response.headers.append("x-order", "first")

    async def second(response: Response) -> None:
        response.headers.append("x-order", "second")

    inner = routing.router(router.prefix, "inner", dependencies=[*ANYONE, Depends(first)])

    @inner.get("/d10", dependencies=[Depends(second)])
    async def answer() -> str:
        """Have both."""
        return ""

    router.routes.extend(inner.routes)


@feature("`Security` and its scopes", "/d11")
def _(router: APIRouter) -> None:
    async def checked(scopes: SecurityScopes) -> list[str]:
        return scopes.scopes

    async def between(found: Annotated[list[str], Security(checked, scopes=["inner"])]) -> list[str]:
        return found

    @router.get("/d11")
    async def answer(
        found: Annotated[list[str], Security(between, scopes=["outer"])],
        other: Annotated[list[str], Security(checked, scopes=["alone"])],
    ) -> list[list[str]]:
        """Ask for scopes."""
        return [found, other]


@feature("what is shared below `Security`, and what is not", "/d15")
def _(router: APIRouter) -> None:
    calls: list[str] = []

    async def shared() -> str:
        calls.append("shared")
        return ""

    async def scoped(scopes: SecurityScopes, one: Annotated[str, Depends(shared)]) -> str:
        calls.append(scopes.scope_str + one)
        return scopes.scope_str

    async def plain(one: Annotated[str, Depends(shared)]) -> str:
        calls.append("plain" + one)
        return one

    @router.get("/d15")
    async def answer(
        first: Annotated[str, Security(scoped, scopes=["a"])],
        second: Annotated[str, Security(scoped, scopes=["b"])],
        third: Annotated[str, Security(plain, scopes=["c"])],
        fourth: Annotated[str, Depends(plain)],
        fifth: Annotated[str, Depends(shared)],
    ) -> list[str]:
        """Share one, and ask twice for another."""
        found = [first, second, third, fourth, fifth, *calls]
        calls.clear()
        return found


@feature(
    "FastAPI's own security schemes",
    Ask("/d12", headers={"x-key": "k"}),
    "/d12",
    Ask("/d13", headers={"authorization": "Basic YTpi"}),
    "/d13",
    "/d14",
)
def _(router: APIRouter) -> None:
    @router.get("/d12")
    async def by_key(key: Annotated[str, Depends(APIKeyHeader(name="x-key"))]) -> str:
        """Take a key."""
        return key

    @router.get("/d13")
    async def basic(given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> str:
        """Take a name and a password."""
        return given.username

    @router.get("/d14")
    async def bearer(token: Annotated[str | None, Depends(OAuth2PasswordBearer("t", auto_error=False))]) -> str:
        """Take a token."""
        return str(token)


async def original(q: Line = "original") -> str:
    """What is overridden."""
    return q


async def replacement(r: Line = "replacement") -> str:
    """What takes its place."""
    return r


OVERRIDES = "`dependency_overrides`"


@feature(OVERRIDES, "/o1", "/o1?r=b", "/o2")
def _(router: APIRouter) -> None:
    @router.get("/o1")
    async def answer(given: Annotated[str, Depends(original)]) -> str:
        """Depend."""
        return given

    @router.get("/o2")
    async def lines(given: Annotated[str, Depends(original)]) -> AsyncIterable[Shown]:
        """Depend, and yield."""
        yield Shown(name=given)


@feature("background tasks", "/k1", "/k2", "/k3")
def _(router: APIRouter) -> None:
    async def later(word: str) -> None:
        CALLED.append(word)

    def plainly(word: str) -> None:
        CALLED.append(word)

    async def dependency(tasks: BackgroundTasks) -> AsyncGenerator[None]:
        tasks.add_task(plainly, "of the dependency")
        yield
        CALLED.append("closed")

    @router.get("/k1")
    async def answer(tasks: BackgroundTasks) -> Shown:
        """Do it later."""
        tasks.add_task(later, "first")
        tasks.add_task(plainly, "second")
        CALLED.append("answered")
        return Shown(name="a")

    @router.get("/k2", dependencies=[Depends(dependency)])
    async def both(tasks: BackgroundTasks) -> Shown:
        """Do both later."""
        tasks.add_task(later, "of the endpoint")
        return Shown(name="a")

    @router.get("/k3", response_class=JSONResponse)
    async def returned() -> Response:
        """Return what does it."""
        return JSONResponse({}, background=BackgroundTask(later, "of the response"))


@feature(
    "other methods, and several at once",
    Ask("/m1", "PUT"),
    Ask("/m1", "PATCH"),
    Ask("/m1", "POST"),
    Ask("/m2", "HEAD", compare=()),
    Ask("/m3", "OPTIONS"),
)
def _(router: APIRouter) -> None:
    @router.api_route("/m1", methods=["PUT", "PATCH"])
    async def answer(request: Request) -> str:
        """Say which."""
        return request.method

    @router.head("/m2", status_code=204)
    async def head() -> None:
        """Answer HEAD."""

    @router.options("/m3")
    async def options() -> str:
        """Answer OPTIONS."""
        return "options"


@feature("`url_for` and `request.state`", Ask("/m4", compare=("x-state",)))
def _(router: APIRouter) -> None:
    @router.get("/m4")
    async def named_route(request: Request, response: Response) -> str:
        """Find itself."""
        response.headers["x-state"] = request.state.given
        return request.url_for("named_route").path


class Middleware:
    """What `add_middleware` adds."""

    def __init__(self, app: ASGIApp, word: str) -> None:
        self._app: ASGIApp = app
        self._word: str = word

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leave a word for whoever comes inside."""
        if scope["type"] == "http":
            scope.setdefault("state", {})["given"] = self._word
        try:
            await self._app(scope, receive, send)
        finally:
            FINISHED.append(scope["type"])


def prepare(app: FastAPI) -> None:
    """What features need of the application itself."""
    app.add_middleware(Middleware, word="state")
    app.add_exception_handler(Unforeseen, handled(418))
    app.add_exception_handler(451, handled(200))
    app.add_exception_handler(Exception, handled(502))
