"""Every type that a column may have comes back as plain SQLAlchemy would give it, and every form of statement runs."""

import asyncio
import enum
import secrets
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import partial
from ipaddress import ip_address, ip_network
from typing import cast

import asyncpg
import pytest
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Computed,
    Date,
    DateTime,
    Double,
    Enum,
    Float,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    Select,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    TypeDecorator,
    Uuid,
    any_,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import TypeEngine

from app.adapters.database import Command, DatabaseSettings, Query, arguments
from app.adapters.database.work import Database, Session
from app.kit.errors import Conflict, Unavailable, type_by_constraint
from app.platform.auth.errors import RefreshTokenReused
from app.settings import settings
from tests import database as databases

Row = dict[str, object]


class Colour(enum.Enum):
    """A type of the database's own."""

    RED = "red"
    BLUE = "blue"


def _values(kind: type[Colour]) -> list[str]:
    return [each.value for each in kind]


class Shouted(TypeDecorator[str]):
    """A type that Python makes of another one."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: object) -> str | None:
        """To the database."""
        del dialect
        return None if value is None else value.lower()

    def process_result_value(self, value: str | None, dialect: object) -> str | None:
        """From the database."""
        del dialect
        return None if value is None else value.upper()


UTC = timezone.utc  # noqa: UP017 - a value like the others
MOMENT = datetime(2026, 11, 27, 12, 30, 15, 123456, UTC)
THING: object = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}

EMPTY: Range[int] = Range(empty=True)

VALUES: list[tuple[str, object, object]] = [
    ("smallint", SmallInteger(), 7),
    ("integer", Integer(), -7),
    ("bigint", BigInteger(), 2**62),
    ("numeric", Numeric(), Decimal("1234567890.123456789012345")),
    ("money", Numeric(12, 2), Decimal("10.50")),
    ("numeric as float", Numeric(12, 2, asdecimal=False), 10.5),
    ("float", Float(), 0.1),
    ("float as decimal", Float(asdecimal=True), Decimal("0.5")),
    ("double", Double(), 1e300),
    ("real", pg.REAL(), 0.5),
    ("boolean", Boolean(), True),
    ("varchar", String(20), "Blue kettle 🫖"),
    ("text", Text(), "a\nb"),
    ("bytes", LargeBinary(), b"\x00\xff"),
    ("bytea", pg.BYTEA(), b"\x00\xff"),
    ("uuid", Uuid(), uuid.uuid4()),
    ("uuid as text", Uuid(as_uuid=False), str(uuid.uuid4())),
    ("date", Date(), date(2026, 11, 27)),
    ("time", Time(), time(12, 30, 1, 5)),
    ("time of a zone", Time(timezone=True), time(12, 30, 1, 5, UTC)),
    ("timestamp", DateTime(), datetime(2026, 11, 27, 12, 30)),  # noqa: DTZ001 - the type has no zone
    ("moment", DateTime(timezone=True), MOMENT),
    ("interval", Interval(), timedelta(days=3, seconds=7, microseconds=9)),
    ("interval of PostgreSQL", pg.INTERVAL(), timedelta(hours=30)),
    ("json", JSON(), THING),
    ("jsonb", pg.JSONB(), THING),
    ("jsonb text", pg.JSONB(), "a text"),
    ("enum", Enum(Colour, name="colour"), Colour.BLUE),
    (
        "enum of values",
        Enum(Colour, name="colour_value", values_callable=_values),
        Colour.RED,
    ),
    ("enum as text", Enum(Colour, native_enum=False, length=20), Colour.BLUE),
    ("enums", ARRAY(Enum(Colour, name="colour")), [Colour.RED, Colour.BLUE]),
    ("texts", ARRAY(Text()), ["a", "b,c", 'd"']),
    ("numbers", ARRAY(Integer()), [1, None, 3]),
    ("decimals", ARRAY(Numeric(12, 2)), [Decimal("1.20"), Decimal("3.40")]),
    ("uuids", ARRAY(Uuid()), [uuid.uuid4()]),
    ("two dimensions", ARRAY(Integer(), dimensions=2), [[1, 2], [3, 4]]),
    ("documents", ARRAY(pg.JSONB()), [THING, {"x": 1}]),
    ("inet", pg.INET(), ip_address("192.0.2.7")),
    ("cidr", pg.CIDR(), ip_network("2001:db8::/32")),
    ("macaddr", pg.MACADDR(), "08:00:2b:01:02:03"),
    ("int4range", pg.INT4RANGE(), Range(1, 7)),
    ("int4range without end", pg.INT4RANGE(), Range(1, None)),
    ("empty range", pg.INT8RANGE(), EMPTY),
    ("numrange", pg.NUMRANGE(), Range(Decimal("1.5"), Decimal("2.5"), bounds="(]")),
    ("daterange", pg.DATERANGE(), Range(date(2026, 1, 1), date(2027, 1, 1))),
    ("tstzrange", pg.TSTZRANGE(), Range(MOMENT, MOMENT + timedelta(hours=1))),
    ("ranges", ARRAY(pg.INT4RANGE()), [Range(1, 3), Range(5, 7)]),
    ("multirange", pg.INT4MULTIRANGE(), pg.ranges.MultiRange([Range(1, 3), Range(5, 7)])),
    ("bits", pg.BIT(4), pg.BitString("0101")),
    ("hstore", pg.HSTORE(), {"a": "1", "b": None, 'c"': "=>"}),
    ("tsvector", pg.TSVECTOR(), "'blue':1 'kettle':2"),
    ("a type of Python's own", Shouted(20), "LOUD"),
]


With = Callable[[Callable[[Session], Awaitable[None]]], None]


class _Undo(Exception):
    """Ends a transaction whose rows no other test is to see."""


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Database]:
    """The database at an address, as the service uses it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        database = Database(DatabaseSettings.read(), settings().key_ring)
    try:
        yield database
        assert database.lent == 0
    finally:
        await database.close()


def transacting(url: str, use: Callable[[Session], Awaitable[None]]) -> None:
    """Run something in a transaction of that database."""

    async def run() -> None:
        async with opened(url) as database, database.transaction() as session:
            await use(session)

    asyncio.run(run())


def typed(kind: object, name: str) -> Table:
    """A table with a column of a type."""
    return Table(
        name, MetaData(), Column("id", Integer, primary_key=True), Column("value", cast("TypeEngine[object]", kind))
    )


@pytest.fixture(scope="module")
def typeful(template: str) -> Iterator[tuple[str, list[tuple[object, object]]]]:
    """A database with a table for each type, and rows that plain SQLAlchemy has written."""
    url = databases.create(template, secrets.token_hex(4), empty=True)

    async def fill() -> list[tuple[object, object]]:
        engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
        found: list[tuple[object, object]] = []
        async with engine.begin() as connection:
            await connection.execute(text("CREATE EXTENSION hstore"))
            for index, (_, kind, value) in enumerate(VALUES):
                table = typed(kind, f"typed_{index}")
                await connection.run_sync(table.metadata.create_all)
                await connection.execute(insert(table).values(id=1, value=value))
                await connection.execute(insert(table).values(id=2, value=None))
                rows = (await connection.execute(select(table.c.value).order_by(table.c.id))).scalars().all()
                found.append((rows[0], rows[1]))
        await engine.dispose()
        return found

    yield url, asyncio.run(fill())
    databases.drop(url)


@pytest.mark.parametrize("index", range(len(VALUES)), ids=[name for name, _, _ in VALUES])
def test_a_value_comes_back_as_plain_sqlalchemy_gives_it(
    typeful: tuple[str, list[tuple[object, object]]], index: int
) -> None:
    url, found = typeful
    _, kind, value = VALUES[index]
    table = typed(kind, f"typed_{index}")
    add = Command(insert(table).values(arguments("id", "value")).returning(table), dict[str, object])
    fixed = Command(insert(table).values(id=5, value=value).returning(table), dict[str, object])
    by_id = Query(select(table).where(table.c.id == bindparam("number")), dict[str, object])

    async def use(session: Session) -> None:
        theirs = [await session.only(by_id, number=number) for number in (1, 2)]
        ours = [await session.only(add, id=3, value=value), await session.only(add, id=4, value=None)]
        assert tuple(each["value"] for each in theirs) == found[index]
        assert tuple(each["value"] for each in ours) == found[index]
        assert found[index][0] == value
        assert type(theirs[0]["value"]) is type(found[index][0])
        assert (await session.only(fixed))["value"] == value

    transacting(url, use)


TABLE = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text, unique=True),
    Column("size", Integer),
    Column("double", Integer, Computed("size * 2", persisted=True)),
    Column("kind", Text, default="plain"),
    Column("token", Uuid, default=uuid.uuid4),
    Column("changes", Integer, default=0, onupdate=7),
)
THINGS = TABLE.c
ADD = Command(insert(TABLE).values(arguments("id", "name", "size")).returning(TABLE), Row)
ALL = Query(select(THINGS.id, THINGS.name, THINGS.size).order_by(THINGS.id), Row)
COUNT = Query(select(func.count().label("many")).select_from(TABLE), Row)


@pytest.fixture(scope="module")
def things(template: str) -> Iterator[str]:
    """The address of a database that has one table."""
    url = databases.create(template, secrets.token_hex(4), empty=True)
    databases.execute(url, str(CreateTable(TABLE).compile(dialect=pg.dialect())))
    yield url
    databases.drop(url)


@pytest.fixture
def with_things(things: str) -> With:
    """Run something in a transaction that has three things in it and is rolled back."""

    async def use(what: Callable[[Session], Awaitable[None]], session: Session) -> None:
        await session.many(ADD, [{"id": number, "name": f"n{number}", "size": number * 10} for number in (1, 2, 3)])
        await what(session)
        raise _Undo

    def run(what: Callable[[Session], Awaitable[None]]) -> None:
        with pytest.raises(_Undo):
            transacting(things, partial(use, what))

    return run


@pytest.mark.parametrize(
    ("condition", "given", "found"),
    [
        (THINGS.id.in_([1, 3]), {}, [1, 3]),
        (THINGS.id.not_in([1, 3]) & (THINGS.name == bindparam("named")), {"named": "n2"}, [2]),
        (THINGS.id.in_([]), {}, []),
        (tuple_(THINGS.id, THINGS.name).in_([(1, "n1"), (2, "n3")]), {}, [1]),
        (THINGS.id == any_(bindparam("ids", type_=ARRAY(Integer))), {"ids": [2, 3]}, [2, 3]),
        (THINGS.id == any_(bindparam("ids", type_=ARRAY(Integer))), {"ids": []}, []),
        (THINGS.id == select(func.max(THINGS.id)).scalar_subquery(), {}, [3]),
        (THINGS.name.like(bindparam("like")), {"like": "n%"}, [1, 2, 3]),
        (THINGS.size.between(bindparam("low"), 20), {"low": 15}, [2]),
        (text("size > :least"), {"least": 20}, [3]),
    ],
)
def test_conditions_hold(with_things: With, condition: ColumnElement[bool], given: Row, found: list[int]) -> None:
    query = Query(select(THINGS.id).where(condition).order_by(THINGS.id), Row)

    async def use(session: Session) -> None:
        assert [each["id"] for each in await session.all(query, **given)] == found

    with_things(use)


def test_a_null_in_a_statement_is_written(with_things: With) -> None:
    clear = Command(update(TABLE).where(THINGS.id == bindparam("number")).values(name=None).returning(TABLE), Row)

    async def use(session: Session) -> None:
        assert (await session.only(clear, number=1))["name"] is None

    with_things(use)


def test_what_the_database_computes_comes_back(with_things: With) -> None:
    async def use(session: Session) -> None:
        assert (await session.only(ADD, id=4, name="n4", size=21))["double"] == 42

    with_things(use)


def test_defaults_of_python_are_filled_in_anew_each_time_and_an_argument_wins(with_things: With) -> None:
    change = Command(update(TABLE).where(THINGS.id == bindparam("number")).values(size=1).returning(TABLE), Row)

    async def use(session: Session) -> None:
        first = await session.only(ADD, id=4, name="n4", size=1)
        second = await session.only(ADD, id=5, name="n5", size=1, kind="other")
        assert (first["kind"], first["changes"], second["kind"]) == ("plain", 0, "other")
        assert isinstance(first["token"], uuid.UUID)
        assert first["token"] != second["token"]
        assert (await session.only(change, number=4))["changes"] == 7

    with_things(use)


def test_a_conflict_may_be_an_update(with_things: With) -> None:
    added = pg.insert(TABLE).values(arguments("id", "name", "size"))
    put = Command(
        added.on_conflict_do_update(index_elements=["name"], set_={"size": added.excluded.size}).returning(TABLE), Row
    )
    leave = Command(added.on_conflict_do_nothing().returning(TABLE), Row)

    async def use(session: Session) -> None:
        assert (await session.only(put, id=9, name="n2", size=99))["id"] == 2
        assert await session.one(leave, id=9, name="n2", size=7) is None
        assert [each["size"] for each in await session.all(ALL)] == [10, 99, 30]

    with_things(use)


def test_ctes_windows_and_raw_sql_run(with_things: With) -> None:
    ranked = select(THINGS.id, func.rank().over(order_by=THINGS.size.desc()).label("place")).cte("ranked")
    first = Query(select(ranked).where(ranked.c.place <= bindparam("most")), Row)
    numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < 4))
    counted = Query(select(func.array_agg(numbers.c.n, type_=ARRAY(Integer)).label("all")), Row)
    raw = Query(
        text("SELECT id, jsonb_build_object('size', size) AS said FROM things WHERE id >= :least ORDER BY id").columns(
            column("id", Integer), column("said", pg.JSONB)
        ),
        Row,
    )
    removed = delete(TABLE).where(THINGS.id == bindparam("number")).returning(THINGS.name).cte("removed")
    moved = Command(select(removed.c.name), Row)

    async def use(session: Session) -> None:
        assert await session.all(first, most=1) == [{"id": 3, "place": 1}]
        assert await session.only(counted) == {"all": [1, 2, 3, 4]}
        assert await session.all(raw, least=3) == [{"id": 3, "said": {"size": 30}}]
        assert await session.only(moved, number=3) == {"name": "n3"}
        assert await session.only(COUNT) == {"many": 2}

    with_things(use)


def test_several_rows_of_one_statement_and_a_batch_are_stored(with_things: With) -> None:
    both = Command(insert(TABLE).values([{"id": 7, "name": "n7"}, {"id": 8, "name": "n8"}]).returning(TABLE), Row)

    async def use(session: Session) -> None:
        rows = await session.all(both)
        assert [each["name"] for each in rows] == ["n7", "n8"]
        assert rows[0]["token"] != rows[1]["token"]
        await session.many(ADD, [{"id": number, "name": f"n{number}", "size": 1} for number in range(100, 1100)])
        assert await session.only(COUNT) == {"many": 1005}

    with_things(use)


def test_a_part_of_a_transaction_may_fail_alone(with_things: With) -> None:
    async def fail(session: Session) -> None:
        async with session.nested():
            _ = await session.only(ADD, id=4, name="n4", size=1)
            async with session.nested():
                _ = await session.only(ADD, id=5, name="n5", size=1)
            _ = await session.only(ADD, id=6, name="n1", size=1)

    async def use(session: Session) -> None:
        with pytest.raises(asyncpg.UniqueViolationError):
            await fail(session)
        assert await session.only(COUNT) == {"many": 3}
        async with session.nested():
            _ = await session.only(ADD, id=4, name="n4", size=1)
        assert await session.only(COUNT) == {"many": 4}

    with_things(use)


def test_a_refusal_that_keeps_its_writes_keeps_those_of_its_part(with_things: With) -> None:
    async def refuse(session: Session) -> None:
        async with session.nested():
            _ = await session.only(ADD, id=4, name="n4", size=1)
            raise RefreshTokenReused

    async def use(session: Session) -> None:
        with pytest.raises(RefreshTokenReused):
            await refuse(session)
        assert await session.only(COUNT) == {"many": 4}

    with_things(use)


def test_locked_rows_are_skipped_and_advisory_locks_exclude(things: str) -> None:
    add = [{"id": number, "name": f"lock{number}", "size": 1} for number in (1, 2)]
    take = Query(select(THINGS.id).order_by(THINGS.id).limit(1).with_for_update(skip_locked=True), Row)
    lock = Query(select(func.pg_try_advisory_xact_lock(bindparam("key", type_=BigInteger)).label("got")), Row)
    clear = Command(delete(TABLE).returning(THINGS.id), Row)

    async def run() -> None:
        async with opened(things) as database:
            async with database.transaction() as session:
                await session.many(ADD, add)
            async with database.transaction() as one, database.transaction() as other:
                assert (await one.only(take), await other.only(take)) == ({"id": 1}, {"id": 2})
                assert (await one.only(lock, key=7), await other.only(lock, key=7)) == ({"got": True}, {"got": False})
            async with database.transaction() as session:
                _ = await session.all(clear)

    asyncio.run(run())


def test_the_drivers_own_connection_is_inside_the_transaction(with_things: With) -> None:
    async def use(session: Session) -> None:
        connection = await session.connection()
        _ = await connection.copy_records_to_table("things", records=[(9, "n9")], columns=["id", "name"])
        assert await session.only(COUNT) == {"many": 4}

    with_things(use)


def test_what_the_drivers_own_connection_refuses_has_its_meaning(things: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(type_by_constraint, "things_pkey", Conflict)

    async def use(session: Session) -> None:
        connection = await session.connection()
        _ = await connection.execute("INSERT INTO things (id) VALUES (1), (1)")

    with pytest.raises(Conflict):
        transacting(things, use)


def test_who_listens_hears_what_is_committed_and_learns_when_the_connection_is_lost(things: str) -> None:
    notify = Query(select(func.pg_notify("orders", bindparam("said", type_=Text)).label("done")), Row)
    end = Query(
        # Of this database alone: the service of the other tests may listen, too.
        text(
            "SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN %' AND datname = current_database()"
        ).columns(column("done", Boolean)),
        Row,
    )

    async def run() -> None:
        async with opened(things) as database, database.listening("orders") as told:
            async with database.transaction() as session:
                _ = await session.only(notify, said="a")
                _ = await session.only(notify, said="b")
            assert database.lent == 0
            assert [await anext(told), await anext(told)] == ["a", "b"]
            assert await database.primary.all(end) == [{"done": True}]
            with pytest.raises(Unavailable):
                _ = await anext(told)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("make", "instead"),
    [
        (lambda: Query(select(THINGS.id).where(THINGS.id.in_(bindparam("ids", expanding=True))), Row), r"any_\("),
        (lambda: Query(select(THINGS.id).where(THINGS.id.in_(bindparam("ids"))), Row), r"any_\("),
        (lambda: Query(cast("Select[tuple[int]]", text("SELECT 1 AS one")), Row), r"text\(…\)\.columns\("),
        (lambda: Query(select(delete(TABLE).returning(THINGS.id).cte("gone").c.id), Row), "make a Command"),
        (lambda: Query(text("SELECT 1, 2").columns(column("a"), column("a")), Row), r"\.label\("),
    ],
    ids=["expanding", "a list in one argument", "raw SQL without columns", "a query that writes", "one name twice"],
)
def test_what_cannot_run_is_refused_when_its_module_is_imported(make: Callable[[], object], instead: str) -> None:
    with pytest.raises(TypeError, match=instead):
        _ = make()
