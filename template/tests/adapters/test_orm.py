"""The ORM, in the transaction of a Session: relationships, encryption, the trail, limits and errors as there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Annotated, cast
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import Field
from sqlalchemy import (
    JSON,
    Boolean,
    ForeignKey,
    String,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship, selectinload

from app.adapters.database import DatabaseSettings, Query, Session
from app.adapters.database.work import Database
from app.adapters.encryption import matches
from app.adapters.orm import OrmSession, within
from app.kit import routing
from app.kit.crypto import Unreadable
from app.kit.errors import Conflict, answers, type_by_constraint
from app.kit.ids import uuid7
from app.kit.schemas import In, Line
from app.platform.accounts.access import CanReadOwnAccount
from app.platform.accounts.models import Account
from app.settings import settings
from tests.conftest import SignUp, Sql, Start, email_index, new_address
from tests.wire import body, eventually, problem


class Tables(DeclarativeBase):
    """Tables of the tests' own."""


class Room(Tables):
    """A room with its bookings."""

    __tablename__: str = "orm_rooms"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(String(20), unique=True)
    facts: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    bookings: Mapped[list["Booking"]] = relationship(
        back_populates="room", lazy="raise", cascade="all, delete-orphan", order_by="Booking.hour"
    )


class Booking(Tables):
    """An hour of a room."""

    __tablename__: str = "orm_bookings"
    __table_args__: tuple[object, ...] = (UniqueConstraint("room_id", "hour", name="uq_orm_bookings_hour"),)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    room_id: Mapped[UUID] = mapped_column(ForeignKey("orm_rooms.id"))
    hour: Mapped[int]
    room: Mapped[Room] = relationship(back_populates="bookings", lazy="raise")


SLOW, LOST = 1, 2
Row = dict[str, object]
_END = Query(select(func.pg_terminate_backend(func.pg_backend_pid(), type_=Boolean).label("ended")), Row)


class HourTaken(Conflict):
    """Two bookings of a room may not have the same hour."""


@pytest.fixture(autouse=True)
def tables(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tables, empty."""
    monkeypatch.setitem(type_by_constraint, "uq_orm_bookings_hour", HourTaken)

    async def change(*, there: bool) -> None:
        engine = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
        async with engine.begin() as connection:
            await connection.run_sync(Tables.metadata.create_all if there else Tables.metadata.drop_all)
        await engine.dispose()

    asyncio.run(change(there=True))
    yield
    asyncio.run(change(there=False))


def with_orm(*uses: Callable[[AsyncSession, Session], Awaitable[None]]) -> None:
    """Run each in a transaction of its own; every connection is back at the end."""

    async def run() -> None:
        database = Database(DatabaseSettings.read(), settings().key_ring)
        try:
            for use in uses:
                async with database.transaction() as session, within(session) as orm:
                    await use(orm, session)
        finally:
            assert database.lent == 0
            await database.close()

    asyncio.run(run())


async def booked(orm: AsyncSession, _session: object = None) -> None:
    """Add a room with two bookings."""
    orm.add(Room(name="blue", facts={"seats": 4}, bookings=[Booking(hour=10), Booking(hour=9)]))


def test_objects_are_written_with_the_commit_and_read_with_their_relationships() -> None:
    async def read(orm: AsyncSession, session: Session) -> None:
        room = (await orm.scalars(select(Room).options(selectinload(Room.bookings)))).one()
        assert (room.name, room.facts, [each.hour for each in room.bookings]) == ("blue", {"seats": 4}, [9, 10])
        rows = await session.all(Query(select(Booking.hour).order_by(Booking.hour), Row))
        assert rows == [{"hour": 9}, {"hour": 10}]
        _ = room.bookings.pop(0)
        room.name = "red"

    async def changed(orm: AsyncSession, _session: Session) -> None:
        room = (await orm.scalars(select(Room).options(joinedload(Room.bookings)))).unique().one()
        assert (room.name, [each.hour for each in room.bookings]) == ("red", [10])
        streamed = [each.name async for each in await orm.stream_scalars(select(Room))]
        assert streamed == ["red"]
        await orm.delete(room)

    async def gone(orm: AsyncSession, _session: Session) -> None:
        assert (await orm.scalars(select(Booking))).all() == []

    with_orm(booked, read, changed, gone)


def test_both_ways_are_one_transaction() -> None:
    async def use(orm: AsyncSession, session: Session) -> None:
        await booked(orm)
        await orm.flush()
        assert len(await session.all(Query(select(Booking.id), Row))) == 2
        raise HourTaken

    async def empty(orm: AsyncSession, _session: Session) -> None:
        assert (await orm.scalars(select(Room))).all() == []

    with pytest.raises(HourTaken):
        with_orm(use)
    with_orm(empty)


def test_statements_that_change_many_rows() -> None:
    async def use(orm: AsyncSession, _session: Session) -> None:
        _ = await orm.execute(insert(Room), [{"name": f"r{number}"} for number in range(3)])
        _ = await orm.execute(update(Room).where(Room.name != "r0").values(facts={"new": True}))
        _ = await orm.execute(upsert(Room).values(name="r0", facts={}).on_conflict_do_nothing())
        _ = await orm.execute(delete(Room).where(Room.name == "r2"))

    async def read(orm: AsyncSession, _session: Session) -> None:
        found = await orm.execute(select(Room.name, Room.facts).order_by(Room.name))
        assert [tuple(each) for each in found] == [("r0", {}), ("r1", {"new": True})]

    with_orm(use, read)


def test_what_may_fail_alone_fails_alone() -> None:
    async def use(orm: AsyncSession, _session: Session) -> None:
        await booked(orm)
        await orm.flush()
        with pytest.raises(IntegrityError):
            async with orm.begin_nested():
                orm.add(Room(name="blue"))
        orm.add(Room(name="green"))

    async def read(orm: AsyncSession, _session: Session) -> None:
        assert sorted(await orm.scalars(select(Room.name))) == ["blue", "green"]

    with_orm(use, read)


@pytest.mark.parametrize("end", ["commit", "rollback", "begin", "connection commit", "connection rollback"])
def test_the_transaction_is_not_ended_by_hand(end: str) -> None:
    async def use(orm: AsyncSession, _session: Session) -> None:
        if end.startswith("connection"):
            await booked(orm)
            await getattr(await orm.connection(), end.split()[1])()
        elif end == "begin":
            async with orm.begin():
                pass
        else:
            await getattr(orm, end)()

    with pytest.raises(RuntimeError, match="is committed before the answer leaves"):
        with_orm(use)


def test_an_error_that_was_caught_is_not_taken_for_success() -> None:
    async def use(orm: AsyncSession, _session: Session) -> None:
        orm.add_all([Room(name="same"), Room(name="same")])
        with suppress(IntegrityError):
            await orm.flush()

    async def go_on(orm: AsyncSession, session: Session) -> None:
        await use(orm, session)
        with pytest.raises(PendingRollbackError):
            _ = await orm.scalars(select(Room))

    for each in (use, go_on):
        with pytest.raises(RuntimeError, match="nothing was committed"):
            with_orm(each)


def test_a_relationship_that_was_not_asked_for_is_refused_and_not_loaded() -> None:
    async def use(orm: AsyncSession, _session: Session) -> None:
        room = (await orm.scalars(select(Room))).one()
        with pytest.raises(Exception, match="lazy='raise'"):
            _ = room.bookings

    with_orm(booked, use)


def test_an_encrypted_column_is_sealed_found_and_opened(sql: Sql, someone: httpx.Client) -> None:
    me = body(someone.get("/v1/accounts/me"))
    other = new_address()
    finding = {"email": str(me["email"]).upper()}

    async def change(orm: AsyncSession, _session: Session) -> None:
        account = await orm.scalar(select(Account).where(matches(Account.email_index, "email")), finding)
        assert account is not None
        assert (str(account.id), account.email) == (me["id"], me["email"])
        account.email = other

    async def read(orm: AsyncSession, _session: Session) -> None:
        account = await orm.get_one(Account, UUID(str(me["id"])))
        assert account.email == other
        await orm.refresh(account)
        assert account.email == other
        assert not orm.dirty

    async def refused(orm: AsyncSession, _session: Session) -> None:
        with pytest.raises(TypeError, match="opens only as a part of its object"):
            _ = await orm.scalars(select(Account.email))
        with pytest.raises(TypeError, match="never true"):
            _ = await orm.scalars(select(Account).where(Account.email == other))
        with pytest.raises(TypeError, match="give it as a parameter"):
            _ = await orm.execute(insert(Account).values(id=uuid4(), email=other, email_index=b""))

    with_orm(change, read, refused)
    [row] = sql("SELECT email, email_index FROM accounts WHERE id = $1", UUID(str(me["id"])))
    assert row["email_index"] == email_index(other)
    assert other.encode() not in cast("bytes", row["email"])


def test_a_value_that_was_moved_is_not_shown(sql: Sql, someone: httpx.Client, someone_else: httpx.Client) -> None:
    mine, theirs = (UUID(str(body(each.get("/v1/accounts/me"))["id"])) for each in (someone, someone_else))
    _ = sql("UPDATE accounts SET email = (SELECT email FROM accounts WHERE id = $2) WHERE id = $1", mine, theirs)

    async def read(orm: AsyncSession, _session: Session) -> None:
        _ = await orm.get_one(Account, mine)

    try:
        with pytest.raises(Unreadable):
            with_orm(read)
    finally:
        _ = sql("DELETE FROM accounts WHERE id = $1", mine)


router = routing.router("/v1/orm", "orm")


class HourCreate(In):
    """An hour of a room."""

    hour: Annotated[int, Field(ge=0, le=23)]
    room: Line


@router.post("", status_code=201, responses=answers(HourTaken))
async def book(data: HourCreate, orm: OrmSession, session: Session, caller: CanReadOwnAccount) -> HourCreate:
    """Book an hour, and change the caller's address."""
    account = await orm.get_one(Account, caller.account_id)
    account.email = new_address()
    room = await orm.scalar(select(Room).where(Room.name == data.room)) or Room(name=data.room)
    orm.add(Booking(room=room, hour=data.hour))
    await orm.flush()
    if data.hour == SLOW:
        _ = await orm.execute(text("SELECT pg_sleep(60)"))
    if data.hour == LOST:
        _ = await session.all(_END)
    return data


def test_a_request_is_committed_before_its_answer_and_known_to_the_trail(
    start: Start, sign_up: SignUp, sql: Sql
) -> None:
    service = start(router, DATABASE_POOL_SIZE="1")
    client = sign_up(service)
    for hour in (8, 9):
        made = client.post("/v1/orm", json={"hour": hour, "room": "blue"})
        assert made.status_code == 201, made.text
    [entry] = sql("SELECT * FROM audit_entries WHERE request_id = $1", made.headers["x-request-id"])
    assert (entry["event"], str(entry["actor_id"])) == ("accounts.updated", entry["subject_id"])
    assert len(sql("SELECT * FROM orm_bookings")) == 2

    # The answer is the one of the constraint, and nothing of the operation remains.
    problem(client.post("/v1/orm", json={"hour": 9, "room": "blue"}), 409, "hour-taken")
    eventually(lambda: service.lent == 0)


@pytest.mark.parametrize("hour", [SLOW, LOST])
def test_a_database_that_fails_is_503_and_leaves_the_service_ready(start: Start, sign_up: SignUp, hour: int) -> None:
    service = start(router, DATABASE_POOL_SIZE="1", DATABASE_STATEMENT_TIMEOUT_MS="1000")
    client = sign_up(service)
    problem(client.post("/v1/orm", json={"hour": hour, "room": "blue"}), 503, "unavailable")
    eventually(lambda: service.lent == 0)
    made = client.post("/v1/orm", json={"hour": 9, "room": "blue"})
    assert made.status_code == 201, made.text
