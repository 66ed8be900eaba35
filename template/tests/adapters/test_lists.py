"""Lists that are filtered and sorted by declaration: every row once, in order, however it is asked for."""

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, cast
from uuid import UUID

import httpx
import pytest
from fastapi import Query as Parameter
from pydantic import Field
from sqlalchemy import Enum, Numeric, String, insert, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.adapters.database import Listing, Query, Reader
from app.adapters.encryption import Encrypted
from app.kit import routing
from app.kit.access import public
from app.kit.errors import Invalid, answers
from app.kit.ids import uuid7
from app.kit.pagination import Listed, Page
from app.kit.schemas import Identified, Line
from proof.queries.statements import Named
from tests import database as databases
from tests.conftest import Start
from tests.wire import Json, body, problem, rows


class Status(StrEnum):
    """What a booking is."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"


class Tables(DeclarativeBase):
    """Tables of the tests' own."""


class Booking(Tables):
    """A booking."""

    __tablename__: str = "listed_bookings"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID]
    status: Mapped[Status] = mapped_column(Enum(Status, native_enum=False, values_callable=list))
    room: Mapped[str | None] = mapped_column(String(20))
    price: Mapped[Decimal] = mapped_column(Numeric(8, 2))
    secret: Mapped[bytes | None] = mapped_column(Encrypted())


class BookingRead(Identified):
    """A booking."""

    status: Status
    room: str | None
    price: Decimal


class BookingList(Listed):
    """Which bookings, and in which order."""

    status: Status | None = None
    room: Line | None = None
    sort: Literal["newest", "oldest", "price", "-price"] = "newest"


Small = Annotated[int, Field(ge=0, le=99)]
_ROWS = select(Booking.id, Booking.owner_id, Booking.status, Booking.room, Booking.price)
OWNED = Listing(BookingList, _ROWS, BookingRead, of=Booking.owner_id, together=[("status", "room")])
router = routing.router("/v1/listed-by-a-test", "lists")
OWNER, OTHER = UUID(int=1), UUID(int=2)


@router.get("", dependencies=[public("a test has no account")], responses=answers(Invalid))
async def list_of_a_test(asked: Annotated[BookingList, Parameter()], reader: Reader) -> Page[BookingRead]:
    """List bookings."""
    return await OWNED.page(reader, asked, OWNER)


@pytest.fixture(scope="module")
def bookings(template: str) -> Iterator[tuple[str, list[Json]]]:
    """A database with bookings of two owners, and those of one of them as a client sees them, the oldest first."""
    url = databases.create(template, secrets.token_hex(4))
    values = [
        (owner, BookingRead(id=uuid7(), status=status, room=room, price=Decimal(number).quantize(Decimal("0.01"))))
        for number in range(4)
        for owner in (OWNER, OTHER)
        for status in Status
        for room in ("blue", "red", None)
    ]

    async def fill() -> None:
        engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
        async with engine.begin() as connection:
            await connection.run_sync(Tables.metadata.create_all)
            await connection.execute(insert(Booking), [{"owner_id": owner, **dict(each)} for owner, each in values])
        await engine.dispose()

    asyncio.run(fill())
    yield url, [each.model_dump(mode="json") for owner, each in values if owner == OWNER]
    databases.drop(url)


@pytest.fixture
def client(start: Start, bookings: tuple[str, list[Json]]) -> Iterator[httpx.Client]:
    """A client of a service with a list."""
    with start(router, DATABASE_URL=bookings[0]).connect() as made:
        yield made


ASKED = [
    {**filters, "sort": sort}
    for filters in ({}, {"status": "draft"}, {"room": "red"}, {"status": "draft", "room": "red"})
    for sort in ("newest", "oldest", "price", "-price")
]


@pytest.mark.parametrize("asked", ASKED, ids=[" ".join(each.values()) for each in ASKED])
def test_every_row_comes_once_and_in_order(
    client: httpx.Client, bookings: tuple[str, list[Json]], asked: Mapping[str, str]
) -> None:
    sort = asked["sort"]
    wanted = [
        each for each in bookings[1] if all(each[name] == value for name, value in asked.items() if name != "sort")
    ]
    wanted.sort(key=lambda each: (str(each["price"]) if "price" in sort else "", str(each["id"])))
    if sort in {"newest", "-price"}:
        wanted.reverse()

    found: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/v1/listed-by-a-test", params={**asked, **cursor, "limit": 2})
        assert page.status_code == 200, page.text
        found += rows(page)
        if (following := body(page)["next_cursor"]) is None:
            break
        cursor = {"cursor": str(following)}

    assert found == wanted


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("sort=name", "'newest', 'oldest', 'price' or '-price'"),
        ("status=lost", "'draft' or 'confirmed'"),
        ("colour=red", "this operation does not take it; accepted: cursor, limit, room, sort, status"),
        ("cursor=AAAA", "not a cursor of this list in this order"),
        ("cursor=!", "pattern"),
        ("limit=0", "greater than or equal to 1"),
    ],
)
def test_what_can_not_be_asked_is_refused(client: httpx.Client, asked: str, said: str) -> None:
    assert said in str(problem(client.get(f"/v1/listed-by-a-test?{asked}"), 422)["errors"])


def test_a_cursor_is_of_its_order(client: httpx.Client) -> None:
    cursor = body(client.get("/v1/listed-by-a-test?limit=1&sort=price"))["next_cursor"]

    refused = client.get("/v1/listed-by-a-test", params={"cursor": str(cursor), "sort": "-price"})
    assert "in this order" in str(problem(refused, 422)["errors"])


def test_make_queries_knows_what_each_argument_may_be() -> None:
    for each in OWNED.statements.values():
        named = Named("list", cast("Query[object]", each))
        assert len(named.places) == len(each.names) - 1, each.sql


def test_filters_are_combined_as_declared() -> None:
    alone = Listing(BookingList, select(Booking), BookingRead, of=Booking.owner_id)
    asked = BookingList(status=Status.DRAFT, room="red")

    with pytest.raises(Invalid) as refused:
        asyncio.run(alone.page(cast("Reader", None), asked, OWNER))
    assert refused.value.fields == dict.fromkeys(("query room", "query status"), "can't be combined; these can: none")


class ByRoom(Listed):
    """By a column that may be empty."""

    sort: Literal["room"] = "room"


class BySecret(Listed):
    """By a column that is encrypted."""

    secret: Line | None = None
    sort: Literal["newest"] = "newest"


class Disordered(Listed):
    """Without an order."""


class Everything(BookingList):
    """In more ways than there can be indexes for."""

    size: Small | None = None
    floor: Small | None = None
    weight: Small | None = None
    height: Small | None = None
    depth: Small | None = None
    colour: Small | None = None
    kind: Small | None = None
    made: Small | None = None
    shape: Small | None = None
    use: Small | None = None
    age: Small | None = None
    seats: Small | None = None
    doors: Small | None = None
    windows: Small | None = None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (ByRoom, "not sorted by room, which may be NULL"),
        (BySecret, "secret is none"),
        (Disordered, "needs its orders"),
        (Everything, "up to 64"),
    ],
)
def test_a_list_that_no_index_could_serve_is_refused(asked: type[Listed], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        _ = Listing(asked, select(Booking), BookingRead, of=Booking.owner_id)
