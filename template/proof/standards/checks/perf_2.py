"""PERF-2: statements are fast under real requests, and each one has an index to go by."""

import asyncio
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import cast

import asyncpg
import httpx

from app.adapters.database import Base, Connection
from proof import seed
from proof.queries.growth import Growth, Report
from proof.queries.statements import Named, Place, statements
from proof.queries.top import STATEMENTS, Timed
from proof.standards.context import Context, body
from proof.standards.outcome import Outcome, Table, judged, unmeasured

_ROUNDS = 60
_SIMPLE_MS = 50.0
_JOINED_MS = 200.0
_SHOWN = 12
_VERDICTS = {"pass": "holds", "fail": "grows", "not_measured": "not run", "whole": "reads all"}
# Below this a table is read as a whole because that is cheapest, with or without an index.
_SMALL = 1_000
_PLACE = re.compile(r"\$(\d+)")
_SCAN = re.compile(r"Seq Scan on (?:\w+\.)?(\w+)")


@dataclass(frozen=True, slots=True)
class Planned:
    """One statement, how the database would find its rows, and the tables that it reads as a whole."""

    name: str
    sql: str
    plan: str
    scanned: tuple[str, ...]


def check(context: Context) -> Outcome:
    """Ask for a while, as people would; then read what the database measured, and its plans."""
    try:
        context.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", "SELECT pg_stat_statements_reset()")
    except asyncpg.PostgresError as error:
        return unmeasured(f"this server does not preload pg_stat_statements: {error}")
    requests = _ask(context)
    timed = context.rows(Timed, STATEMENTS)
    plans = planned(context.database, [each.query for each in timed])
    faults = [*slow(timed), *(fault for each in plans for fault in scans(each))]
    rows = context.rows(
        _size, "SELECT relname::text AS name, n_live_tup AS rows FROM pg_stat_user_tables ORDER BY 2 DESC"
    )
    if not timed:
        faults.append("the database saw no statement of these requests. Serve them from DATABASE_URL.")
    grown = Report.read(context.reports / "queries.json")
    slowest = max((each.mean_ms for each in timed), default=0.0)
    return judged(
        faults,
        round(slowest, 2),
        "ms, mean of the slowest statement",
        evidence=[
            f"{requests} requests ran {sum(each.calls for each in timed)} statements of {len(timed)} kinds",
            f"{len(plans)} plans were read; rows: {', '.join(rows[:4])}",
            *([] if grown is None else [grown.sentence(context.reports / "queries.json")]),
        ],
        tables=[
            Table(
                "Slowest statements",
                ("statement", "calls", "mean ms", "max ms", "rows", "blocks"),
                [
                    (
                        each.query,
                        str(each.calls),
                        f"{each.mean_ms:.3f}",
                        f"{each.max_ms:.3f}",
                        str(each.rows),
                        str(each.hit + each.read),
                    )
                    for each in timed[:_SHOWN]
                ],
            ),
            Table("Plans", ("statement", "plan"), [(each.name, each.plan) for each in plans]),
            *([] if grown is None else [_growth(grown)]),
        ],
    )


def _growth(report: Report) -> Table:
    def cells(each: Growth) -> list[str]:
        costs = {found.rows: f"{found.blocks:,} blocks, {found.ms:.3f} ms" for found in each.measured}
        return [costs.get(size, "not run") for size in report.rows]

    return Table(
        "Statements as the tables grow",
        ("statement", *(f"{size:,} rows" for size in report.rows), "verdict"),
        [(each.name, *cells(each), _VERDICTS[each.status]) for each in report.statements],
    )


def _size(name: str, rows: int) -> str:
    return f"{name} {rows:,}"


def slow(timed: Sequence[Timed]) -> Iterator[str]:
    """Statements that take longer than they may."""
    for each in timed:
        if each.mean_ms >= (limit := _limit(each)):
            yield (
                f"`{each.query[:120]}` takes {each.mean_ms:.0f} ms in the mean of {each.calls} calls, and may take "
                f"{limit:.0f} ms. Read its plan in the report, and add the index that it lacks."
            )


def _limit(statement: Timed) -> float:
    return _JOINED_MS if " JOIN " in statement.query.upper() else _SIMPLE_MS


def scans(statement: Planned) -> Iterator[str]:
    """The tables that a statement reads as a whole."""
    for table in statement.scanned:
        yield (
            f"{statement.name} reads all of {table}: `{statement.sql[:120]}`. Add an index on what its WHERE compares, "
            "in the noun's models.py, and write the migration."
        )


def _ask(context: Context) -> int:
    """A mix of requests against the seeded database; how many there were."""
    asked = 0
    has_items = any(each.name == "POST /v1/items" for each in context.operations())
    credentials = {"email": seed.address(1), "password": seed.PASSWORD}
    with context.client() as client:
        signed_in = client.post("/v1/auth/login", json=credentials)
        if signed_in.status_code != HTTPStatus.OK:
            client.post("/v1/accounts", json=credentials)
            signed_in = client.post("/v1/auth/login", json=credentials)
    pair = body(signed_in)
    with context.client(str(pair.get("access_token"))) as client:
        refresh = str(pair.get("refresh_token"))
        for _ in range(_ROUNDS):
            client.get("/v1/accounts/me")
            refresh = str(body(client.post("/v1/auth/refresh", json={"refresh_token": refresh})).get("refresh_token"))
            asked += 2
            if has_items:
                asked += _ask_for_items(client)
        client.post("/v1/auth/logout")
    return asked + 2


def _ask_for_items(client: httpx.Client) -> int:
    made = body(client.post("/v1/items", json={"name": secrets.token_hex(8)}))
    item = f"/v1/items/{made.get('id')}"
    client.get(item)
    page = body(client.get("/v1/items", params={"limit": 20}))
    if page.get("next_cursor"):
        client.get("/v1/items", params={"limit": 20, "cursor": str(page["next_cursor"])})
    client.patch(item, json={"description": "changed"})
    client.delete(item)
    return 6


def planned(url: str, also: Sequence[str] = ()) -> list[Planned]:
    """The plan of each statement: run and measured where its arguments are known, else as the planner would.

    Args:
        url: of the database.
        also: statements that were seen there, beside those of the repositories.
    """

    async def run() -> list[Planned]:
        connection = await asyncpg.connect(url, statement_cache_size=0)
        try:
            named = list(statements())
            found = [await _plan(connection, each.name, each.sql, await _arguments(connection, each)) for each in named]
            found = [replace(plan, scanned=()) if each.whole else plan for each, plan in zip(named, found, strict=True)]
            known = {_squeezed(each.sql) for each in named}
            seen = [each for each in also if _squeezed(each) not in known]
            found += [plan for each in seen if (plan := await _seen(connection, each))]
            return found
        finally:
            await connection.close()

    return asyncio.run(run())


async def _seen(connection: Connection, sql: str) -> Planned | None:
    """The plan of a statement that the database saw; None where its text alone is none: of a function, or untyped."""
    try:
        return await _plan(connection, sql[:40] + " …", sql, None)
    except asyncpg.SyntaxOrAccessError:
        return None


def _squeezed(sql: str) -> str:
    return " ".join(sql.split())


async def _arguments(connection: Connection, named: Named) -> list[object] | None:
    """Values that find rows, and None for a statement that stores what only a request can tell."""
    samples: dict[Place, object] = {}
    for place in set(named.places.values()):
        order = "DESC" if place.how.startswith("<") else "ASC"
        keys = ", ".join(f"{each.name} {order}" for each in Base.metadata.tables[place.table].primary_key.columns)
        found = await connection.fetchrow(f'SELECT * FROM "{place.table}" ORDER BY {keys} LIMIT 1')  # noqa: S608 - our names
        if found is None or place.how == "stored":
            return None
        samples[place] = cast("object", found[place.column])
    try:
        return named.arguments(samples.__getitem__)
    except LookupError:
        return None


async def _plan(connection: Connection, name: str, sql: str, arguments: Sequence[object] | None) -> Planned:
    transaction = connection.transaction()
    await transaction.start()
    try:
        text = await _explained(connection, sql, arguments)
        scanned = _scanned(text)
        small = {each for each in scanned if await connection.fetchval(_ROWS, each) < _SMALL}
        if small:
            # Too small to tell: is there another way, for when the table is large?
            await connection.execute("SET LOCAL enable_seqscan = off")
            scanned = (scanned - small) | (small & _scanned(await _explained(connection, sql, arguments)))
    finally:
        await transaction.rollback()
    return Planned(name, sql, text, tuple(sorted(scanned)))


_ROWS = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass($1)"


async def _explained(connection: Connection, sql: str, arguments: Sequence[object] | None) -> str:
    if arguments is not None:
        lines = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *arguments)
    else:
        # A prepared statement has a plan for any arguments, and NULL is one that is always at hand.
        count = max((int(each) for each in cast("list[str]", _PLACE.findall(sql))), default=0)
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE scorecard AS {sql}")
        nothing = f"({', '.join(['NULL'] * count)})" if count else ""
        lines = await connection.fetch(f"EXPLAIN EXECUTE scorecard{nothing}")
        await connection.execute("DEALLOCATE scorecard")
    return "\n".join(str(cast("object", line[0])) for line in lines)


def _scanned(plan: str) -> set[str]:
    return set(cast("list[str]", _SCAN.findall(plan)))
