"""What `make migration` writes leads from any schema to any other and back, on tables with rows in them."""

import secrets
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import pytest
import sqlalchemy as sa
from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    Connection,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.schema import Constraint, SchemaItem
from sqlalchemy.types import TypeEngine

from app.adapters.database import Base
from app.adapters.encryption import BlindIndex, Encrypted, digested, sealed
from proof.rig import looked_at
from proof.workshop import catalogue
from proof.workshop.catalogue import NotComparable
from proof.workshop.changes import Draft, NoStatement
from proof.workshop.migrations import drafted
from proof.workshop.renames import Told, Unclear
from tests import database

Items = Callable[[], Sequence[SchemaItem]]
_MANY = "SELECT n, 'note ' || n, n, n FROM generate_series(1, 3) n"


def usual() -> Sequence[SchemaItem]:
    """The columns that the table always has."""
    return [
        Column("id", sa.Integer, primary_key=True),
        Column("note", sa.String(40), nullable=False),
        Column("seats", sa.Integer, nullable=False),
        Column("price", sa.Numeric(8, 2)),
    ]


def models(
    items: Items,
    table: str = "bookings",
    schema: str | None = None,
    comment: str | None = None,
    prefixes: tuple[str, ...] = (),
) -> MetaData:
    """A table with these items beside the usual ones, and one that it may refer to."""
    metadata = MetaData(naming_convention=Base.metadata.naming_convention)
    _ = Table("rooms", metadata, Column("id", sa.Integer, primary_key=True))
    made = Table(table, metadata, schema=schema, comment=comment, prefixes=prefixes)
    for each in (*usual(), *items()):
        if isinstance(each, Constraint | Index):
            made.append_constraint(each)
        else:
            made.append_column(cast("Column[object]", each), replace_existing=True)
    return metadata


def one(item: Callable[[], SchemaItem]) -> Items:
    """A table with one more item."""
    return lambda: [item()]


def nothing() -> Sequence[SchemaItem]:
    """No more items."""
    return []


MOOD = ("calm", "glad")
EVEN: TypeEngine[int] = pg.DOMAIN("even", sa.Integer(), check=text("VALUE % 2 = 0"))


def everything() -> Sequence[SchemaItem]:
    """One more item of every kind that a table may have."""
    return [
        Column("a_text", sa.String(20)),
        Column("a_default", sa.String(20), server_default="it's :new", nullable=False),
        Column("a_key", sa.Uuid, server_default=text("uuidv7()"), nullable=False),
        Column("a_comment", sa.Integer, comment="how :many it's"),
        Column("a_stored", sa.Integer, Computed("seats * 2", persisted=True)),
        Column("a_virtual", sa.Integer, Computed("seats * 2", persisted=False)),
        Column("an_identity", sa.BigInteger, Identity(always=True, start=7, increment=3)),
        Column("a_sequence", sa.Integer, default=sa.Sequence("tickets", start=5)),
        Column("a_collation", sa.String(20, collation="C")),
        Column("an_enum", sa.Enum(*MOOD, name="mood"), server_default="calm", nullable=False),
        Column("an_enums", pg.ARRAY(sa.Enum(*MOOD, name="moods"))),
        Column("an_enum_of_text", sa.Enum(*MOOD, name="mood", native_enum=False, create_constraint=True)),
        Column("a_domain", EVEN),
        Column("a_json", pg.JSONB, server_default="{}"),
        Column("a_range", pg.TSTZRANGE),
        Column("an_address", pg.INET),
        Column("an_interval", sa.Interval),
        Column("a_search", pg.TSVECTOR, Computed("to_tsvector('simple', note)", persisted=True)),
        Column("an_encrypted", Encrypted()),
        Column("an_encrypted_index", BlindIndex("an_encrypted")),
        sealed("an_encrypted"),
        digested("an_encrypted_index"),
        UniqueConstraint("an_encrypted_index"),
        CheckConstraint("seats BETWEEN 1 AND 500 AND note !~ '\\:x'", "seats_is_in_range"),
        CheckConstraint("seats > 0", sa.sql.quoted_name("Odd one", quote=True)),
        UniqueConstraint("note"),
        UniqueConstraint("price", postgresql_nulls_not_distinct=True),
        UniqueConstraint("seats", deferrable=True, initially="DEFERRED"),
        UniqueConstraint("seats", name="uq_more", postgresql_include=["note"]),
        pg.ExcludeConstraint((text("int4range(0, seats)"), "&&"), where=text("seats < 0"), name="apart"),
        Column("room_id", sa.Integer, ForeignKey("rooms.id", ondelete="CASCADE"), index=True),
        Column(
            "hall_id", sa.Integer, ForeignKey("rooms.id", deferrable=True, initially="DEFERRED", onupdate="CASCADE")
        ),
        Index(None, "seats", "note"),
        Index("ix_dear", "seats", postgresql_where=text("price > 5 AND note <> '\\:a'")),
        Index("ix_hashed", "note", postgresql_using="hash"),
        Index("ix_lower", text("lower(note)")),
        Index("ix_more", "seats", postgresql_include=["note"]),
        Index("ix_like", "note", postgresql_ops={"note": "varchar_pattern_ops"}),
        Index("ix_last", text("price DESC NULLS LAST")),
        Index("ix_once", "note", unique=True, postgresql_nulls_not_distinct=True),
        Index("ix_room", "note", postgresql_with={"fillfactor": 50}),
    ]


# Each becomes the other, and back.
CHANGED: dict[str, tuple[Items, Items]] = {
    "check": (
        one(lambda: CheckConstraint("seats > 0", "seats_are_there")),
        one(lambda: CheckConstraint("seats > -1", "seats_are_there")),
    ),
    "default": (
        one(lambda: Column("note", sa.String(40), server_default="a", nullable=False)),
        one(lambda: Column("note", sa.String(40), server_default="b", nullable=False)),
    ),
    "length": (nothing, one(lambda: Column("note", sa.String(80), nullable=False))),
    "type": (nothing, one(lambda: Column("seats", sa.String(9), nullable=False))),
    "precision": (nothing, one(lambda: Column("price", sa.Numeric(12, 4)))),
    "null": (nothing, one(lambda: Column("note", sa.String(40)))),
    "collation": (nothing, one(lambda: Column("note", sa.String(40, collation="C"), nullable=False))),
    "comment": (nothing, one(lambda: Column("note", sa.String(40), nullable=False, comment="what's said"))),
    "expression": (
        one(lambda: Column("new", sa.Integer, Computed("seats * 2", persisted=True))),
        one(lambda: Column("new", sa.Integer, Computed("seats * 3", persisted=True))),
    ),
    "identity": (
        one(lambda: Column("new", sa.Integer, Identity(always=True))),
        one(lambda: Column("new", sa.Integer, Identity(start=9, cycle=True))),
    ),
    "identity or none": (
        one(lambda: Column("new", sa.Integer, nullable=False, server_default="1")),
        one(lambda: Column("new", sa.Integer, Identity())),
    ),
    "numbers of a sequence": (
        one(lambda: Column("new", sa.Integer, default=sa.Sequence("tickets", increment=2))),
        one(lambda: Column("new", sa.Integer, default=sa.Sequence("tickets", increment=3))),
    ),
    "what a deletion does": (
        one(lambda: Column("room_id", sa.Integer, ForeignKey("rooms.id", ondelete="CASCADE"))),
        one(lambda: Column("room_id", sa.Integer, ForeignKey("rooms.id", ondelete="SET NULL"))),
    ),
    "deferred": (
        one(lambda: UniqueConstraint("seats", name="uq_seats")),
        one(lambda: UniqueConstraint("seats", name="uq_seats", deferrable=True)),
    ),
    "predicate": (
        one(lambda: Index("ix_some", "seats", postgresql_where=text("price > 5"))),
        one(lambda: Index("ix_some", "seats", postgresql_where=text("price > 6"))),
    ),
    "method": (one(lambda: Index("ix_note", "note")), one(lambda: Index("ix_note", "note", postgresql_using="hash"))),
    "expression of an index": (
        one(lambda: Index("ix_note", text("lower(note)"))),
        one(lambda: Index("ix_note", text("upper(note)"))),
    ),
    "more of an index": (
        one(lambda: Index("ix_note", "note")),
        one(lambda: Index("ix_note", "note", postgresql_include=["seats"])),
    ),
    "name of a constraint": (
        one(lambda: CheckConstraint("seats > 0", "one")),
        one(lambda: CheckConstraint("seats > 0", "another")),
    ),
    "name of an index": (one(lambda: Index("ix_one", "note")), one(lambda: Index("ix_two", "note"))),
}
MADE = [
    pytest.param(models(nothing), models(everything), id="added"),
    pytest.param(models(everything), models(nothing), id="removed"),
    *(pytest.param(models(before), models(after), id=name) for name, (before, after) in CHANGED.items()),
    pytest.param(models(nothing, comment="it's old"), models(nothing, comment="it's :new"), id="comment of the table"),
    pytest.param(models(nothing), models(nothing, prefixes=("UNLOGGED",)), id="persistence"),
]


@pytest.fixture(scope="module")
def place(template: str) -> Iterator[str]:
    """The address of a database of this module alone, with nothing in it."""
    url = database.create(template, secrets.token_hex(4), empty=True)
    yield url
    database.drop(url)


@contextmanager
def filled(connection: Connection, metadata: MetaData) -> Generator[None]:
    """Have the tables of models with rows in them for a while."""
    with connection.begin_nested() as attempt:
        metadata.create_all(connection)
        _ = connection.exec_driver_sql("INSERT INTO rooms VALUES (1), (2), (3)")
        _ = connection.exec_driver_sql(f"INSERT INTO bookings (id, note, seats, price) {_MANY}")
        _ = connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        yield
        attempt.rollback()


def planned(
    connection: Connection, before: MetaData, after: MetaData, told: Told | None = None
) -> tuple[Draft, Draft, list[str]]:
    """The migration from one schema to another, drafted where there are no rows."""
    with connection.begin_nested() as attempt:
        before.create_all(connection)
        found = drafted(connection, after, told or Told())
        attempt.rollback()
    return found


def run(connection: Connection, metadata: MetaData, draft: Draft) -> None:
    """Run what was drafted."""
    again = Draft(connection, metadata)
    for line in draft.lines:
        again.add(line)


@pytest.mark.parametrize(("before", "after"), MADE)
def test_a_migration_leads_there_and_back(place: str, before: MetaData, after: MetaData) -> None:
    def there_and_back(connection: Connection) -> None:
        upgrade, downgrade, _ = planned(connection, before, after)
        with filled(connection, before):
            for _ in range(2):
                run(connection, after, upgrade)
                assert catalogue.differences(connection, after) == []
                run(connection, before, downgrade)
                assert catalogue.differences(connection, before) == []
            assert connection.exec_driver_sql("SELECT count(*) FROM bookings").scalar_one() == 3

    looked_at(place, there_and_back)


def test_whatever_a_database_lacks_is_named(place: str) -> None:
    def lacks(connection: Connection) -> list[str]:
        with filled(connection, models(nothing)):
            return catalogue.differences(connection, models(everything))

    said = looked_at(place, lacks)
    named = ["ck_bookings_an_encrypted_is_sealed", "apart", "ix_like", "fk_bookings_room_id_rooms", "tickets", "even"]
    named += [each.name for each in everything() if isinstance(each, Column | Index) and each.name]
    for each in named:
        assert sum(f" {each} " in one for one in said) == 1, each
    assert len(said) >= len(everything())


def refused(place: str, before: MetaData, after: MetaData, told: Told) -> str:
    """The sentences with which a migration is refused."""

    def attempt(connection: Connection) -> str:
        with pytest.raises((Unclear, NoStatement, NotComparable)) as refusal:
            _ = planned(connection, before, after, told)
        return str(refusal.value)

    return looked_at(place, attempt)


def room(name: str) -> Items:
    """A column of that name, with an index and a constraint that are named after it."""
    return lambda: [Column(name, sa.String(9)), Index(None, name), CheckConstraint(f"{name} <> ''", f"{name}_is_said")]


ROOM, HALL = models(room("room")), models(room("hall"))


def test_a_renamed_column_is_no_dropped_one(place: str) -> None:
    said = refused(place, ROOM, HALL, Told())

    assert "bookings.room is in no model any more, and hall is new." in said
    assert 'args="--rename bookings.room=hall" writes what keeps its values: op.alter_column(' in said
    assert 'args="--drop bookings.room" drops it with all that it holds.' in said


def test_a_renamed_column_keeps_its_values(place: str) -> None:
    def rename(connection: Connection) -> list[object]:
        upgrade, downgrade, _ = planned(connection, ROOM, HALL, Told(("bookings.room=hall",)))
        assert not [each for each in upgrade.lines if "drop" in each or "create" in each]
        with filled(connection, ROOM):
            _ = connection.exec_driver_sql("UPDATE bookings SET room = 'blue'")
            run(connection, HALL, upgrade)
            assert catalogue.differences(connection, HALL) == []
            found = list(connection.exec_driver_sql("SELECT DISTINCT hall FROM bookings").scalars())
            run(connection, ROOM, downgrade)
            assert catalogue.differences(connection, ROOM) == []
            return found

    assert looked_at(place, rename) == ["blue"]


def test_a_dropped_column_beside_a_new_one_is_told(place: str) -> None:
    def drop(connection: Connection) -> list[str]:
        return planned(connection, ROOM, HALL, Told((), frozenset({"bookings.room"})))[0].lines

    assert any("op.drop_column('bookings', 'room')" in each for each in looked_at(place, drop))


def test_a_renamed_table_keeps_its_rows(place: str) -> None:
    stays = models(room("room"), table="stays")
    said = refused(place, ROOM, stays, Told())
    assert "bookings is in no model any more, and stays is new." in said
    assert 'args="--rename bookings=stays"' in said
    assert "op.rename_table(" in said

    def rename(connection: Connection) -> object:
        upgrade, downgrade, _ = planned(connection, ROOM, stays, Told(("bookings=stays",)))
        with filled(connection, ROOM):
            run(connection, stays, upgrade)
            assert catalogue.differences(connection, stays) == []
            found = connection.exec_driver_sql("SELECT count(*) FROM stays").scalar_one()
            run(connection, ROOM, downgrade)
            assert catalogue.differences(connection, ROOM) == []
            return found

    assert looked_at(place, rename) == 3


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("bookings.room", "bookings.room is no renaming: write bookings.room=hall for a column"),
        ("bookings.rom=hall", "The column rom of bookings has to be in the database"),
        ("bookings.room=aula", "The column aula of bookings in the models alone"),
        ("stays=bookings", "The table stays has to be in the database"),
    ],
)
def test_a_renaming_that_can_not_be_is_refused(place: str, told: str, said: str) -> None:
    assert said in refused(place, ROOM, HALL, Told((told,)))


def test_a_column_that_rows_have_no_value_for_is_refused(place: str) -> None:
    after = models(one(lambda: Column("due", sa.Date, nullable=False)))

    said = refused(place, models(nothing), after, Told())

    assert "bookings.due is new and NOT NULL, and the rows that are there have no value for it." in said
    assert "server_default" in said


def test_what_rows_may_break_is_said(place: str) -> None:
    after = models(lambda: [Column("price", sa.Numeric(8, 2), nullable=False), UniqueConstraint("seats")])

    notes = looked_at(place, lambda connection: planned(connection, models(nothing), after)[2])

    assert notes == [
        "It fails where rows of bookings have no price: fill it first, by op.execute in upgrade().",
        "It fails where rows of bookings break this: uq_bookings_seats, UNIQUE (seats).",
    ]


def moods(*values: str) -> MetaData:
    """A column of an enum."""
    return models(one(lambda: Column("mood", sa.Enum(*values, name="mood"))))


def test_an_enum_gets_values_where_they_belong(place: str) -> None:
    after = moods("dull", "calm", "keen", "glad", "wild")

    def add(connection: Connection) -> None:
        upgrade, downgrade, _ = planned(connection, moods(*MOOD), after)
        with filled(connection, moods(*MOOD)):
            for _ in range(2):
                run(connection, after, upgrade)
                assert catalogue.differences(connection, after) == []
                run(connection, after, downgrade)

    looked_at(place, add)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            moods(*MOOD),
            moods("calm"),
            "The type mood: the models say values 'calm', and the database has 'calm', 'glad'.",
        ),
        (moods(*MOOD), moods(*reversed(MOOD)), "The type mood: the models say values 'glad', 'calm', and the database"),
        (
            models(nothing),
            models(one(lambda: Column("seats", sa.Integer, Computed("id * 2")))),
            "The column seats of bookings: the models say expression id * 2, and the database has none.",
        ),
        (
            models(nothing),
            models(one(lambda: CheckConstraint("nobody > 0", "odd"))),
            'column "nobody" does not exist',
        ),
        (models(nothing), models(nothing, schema="elsewhere"), "elsewhere.bookings names a schema"),
    ],
)
def test_what_no_statement_does_is_named(place: str, before: MetaData, after: MetaData, said: str) -> None:
    assert said in refused(place, before, after, Told())


def test_an_index_that_was_left_half_made_is_named(place: str) -> None:
    after = models(one(lambda: Index("ix_note", "note")))

    def break_it(connection: Connection) -> list[str]:
        with filled(connection, after):
            _ = connection.exec_driver_sql(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_note'::regclass"
            )
            return catalogue.differences(connection, after)

    assert "(invalid)" in looked_at(place, break_it)[0]
