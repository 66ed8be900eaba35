"""What a migration could do to rows: lose them, or ask of them what they haven't."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from proof.workshop.catalogue import Catalogue, Facts, Thing, called
from proof.workshop.changes import Draft, execute, quoted

_GIVEN = ("default", "expression", "identity")


class Unclear(Exception):
    """What the models say could mean two things, or something that rows don't allow."""


@dataclass(frozen=True, slots=True)
class Told:
    """What whoever asks for a migration says of names that are gone."""

    renamed: tuple[str, ...] = ()
    """bookings.room=hall, or bookings=stays."""
    dropped: frozenset[str] = frozenset()
    """bookings.room, or bookings."""


def carried_out(draft: Draft, wanted: Catalogue, told: Told) -> list[str]:
    """Rename what was told, and the constraints and indexes that are the same but for their name.

    Returns:
        What undoes it.
    """
    undo: list[str] = []
    for each in sorted(told.renamed, key=lambda each: "." in each):  # tables first
        table, column, new = _parts(each, draft.reached(), wanted)
        if column:
            draft.add(f"op.alter_column({table!r}, {column!r}, new_column_name={new!r})")
            undo.insert(0, f"op.alter_column({table!r}, {new!r}, new_column_name={column!r})")
        else:
            draft.add(f"op.rename_table({table!r}, {new!r})")
            undo.insert(0, f"op.rename_table({new!r}, {table!r})")
    for old, new in list(_same(draft.reached(), wanted)):
        draft.add(_renamed(old, new))
        undo.insert(0, _renamed(new, old))
    return undo


def _parts(told: str, there: Catalogue, wanted: Catalogue) -> tuple[str, str, str]:
    found = re.fullmatch(r"(\w+)(?:\.(\w+))?=(\w+)", told)
    if found is None:
        raise Unclear(f"{told} is no renaming: write bookings.room=hall for a column, bookings=stays for a table.")
    table, column, new = found[1], found[2] or "", found[3]
    old_one = Thing("column", table, column) if column else Thing("table", table, "")
    new_one = Thing("column", table, new) if column else Thing("table", new, "")
    if old_one not in there or new_one in there or new_one not in wanted:
        raise Unclear(
            f"{told}: {called(old_one)} has to be in the database, and {called(new_one)} in the models alone."
        )
    return table, column, new


def _same(there: Catalogue, wanted: Catalogue) -> Iterator[tuple[Thing, Thing]]:
    """What has another name in the models, and is otherwise the same."""
    taken: set[Thing] = set()
    for old in sorted(there.keys() - wanted.keys()):
        for new in sorted(wanted.keys() - there.keys() - taken):
            alike = old.kind == new.kind and old.table == new.table and old.kind in ("constraint", "index")
            if alike and _nameless(old, there[old]) == _nameless(new, wanted[new]):
                taken.add(new)
                yield old, new
                break


def _nameless(thing: Thing, facts: Facts) -> Facts:
    if thing.kind == "index":
        return facts | {"definition": facts["definition"].replace(f" {quoted(thing.name)} ON ", " ON ", 1)}
    return facts


def _renamed(old: Thing, new: Thing) -> str:
    if old.kind == "index":
        return execute(f"ALTER INDEX {quoted(old.name)} RENAME TO {quoted(new.name)}")
    return execute(f"ALTER TABLE {quoted(old.table)} RENAME CONSTRAINT {quoted(old.name)} TO {quoted(new.name)}")


def refuse_losses(there: Catalogue, wanted: Catalogue, told: Told) -> None:
    """Refuse to drop what may have been renamed, with all that it holds."""
    asked: list[str] = []
    for each in sorted(there.keys() - wanted.keys()):
        if each.kind not in ("table", "column") or (each.name and Thing("table", each.table, "") not in wanted):
            continue
        new = [
            one.name or one.table
            for one in sorted(wanted.keys() - there.keys())
            if one.kind == each.kind and (not each.name or one.table == each.table)
        ]
        name = f"{each.table}.{each.name}" if each.name else each.table
        if new and name not in told.dropped:
            asked.append(
                f"{name} is in no model any more, and {', '.join(new)} is new. If it was renamed, "
                f'args="--rename {name}={new[0]}" writes what keeps its values: op.'
                f"{'alter_column(…, new_column_name=…)' if each.name else 'rename_table(…)'}. "
                f'If not, args="--drop {name}" drops it with all that it holds.'
            )
    if asked:
        raise Unclear("\n".join(asked))


def refuse_gaps(there: Catalogue, wanted: Catalogue) -> None:
    """Refuse a new column that has to hold a value where rows have none."""
    for each in sorted(wanted.keys() - there.keys()):
        facts = wanted[each]
        is_added = each.kind == "column" and Thing("table", each.table, "") in there
        if is_added and facts["nullability"] == "NOT NULL" and not any(one in facts for one in _GIVEN):
            raise Unclear(
                f"{each.table}.{each.name} is new and NOT NULL, and the rows that are there have no value for it. Give "
                "it a server_default. Or let it be None for now, `Mapped[… | None]`, fill it in that migration by "
                "op.execute, and take the None away in the next one."
            )


def demands_on_rows(there: Catalogue, wanted: Catalogue) -> Iterator[str]:
    """What rows may not satisfy: the migration fails then, and changes nothing."""
    for each, facts in sorted(wanted.items()):
        if Thing("table", each.table, "") not in there or facts == there.get(each):
            continue
        what = facts.get("definition", "")
        if each.kind == "constraint" or what.startswith("CREATE UNIQUE INDEX"):
            yield f"It fails where rows of {each.table} break this: {each.name}, {what}."
        elif (
            each.kind == "column" and each in there and facts["nullability"] == "NOT NULL" != there[each]["nullability"]
        ):
            yield f"It fails where rows of {each.table} have no {each.name}: fill it first, by op.execute in upgrade()."
