"""What a statement costs: its plan, the blocks that it touched, its time."""

from collections.abc import Iterator, Sequence
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.adapters.database import Connection

_RUNS = 3


class Node(BaseModel):
    """One step of a plan."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str = Field(alias="Node Type")
    table: str = Field(default="", alias="Relation Name")
    index: str = Field(default="", alias="Index Name")
    rows: float = Field(alias="Actual Rows")
    hit: int = Field(alias="Shared Hit Blocks")
    read: int = Field(alias="Shared Read Blocks")
    steps: "list[Node]" = Field(default=[], alias="Plans")

    def all(self) -> "Iterator[Node]":
        """It and every step below."""
        yield self
        for each in self.steps:
            yield from each.all()

    @property
    def sentence(self) -> str:
        """Each step with what it uses: `Limit → Index Scan items.ix_items_owner_id_id`."""
        return " → ".join(
            " ".join(part for part in (each.kind, ".".join(name for name in (each.table, each.index) if name)) if part)
            for each in self.all()
        )


class Cost(BaseModel):
    """What one run of a statement cost."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    node: Node = Field(alias="Plan")
    ms: float = Field(alias="Execution Time")

    @property
    def blocks(self) -> int:
        """How many blocks of 8 kB it touched, in memory or not."""
        return self.node.hit + self.node.read

    @property
    def scanned(self) -> set[str]:
        """The tables that it reads as a whole."""
        return {each.table for each in self.node.all() if each.kind.endswith("Seq Scan")}


_COSTS = TypeAdapter(list[Cost])


async def cost(connection: Connection, sql: str, arguments: Sequence[object]) -> Cost:
    """The cheapest of some runs, each of which is rolled back: the first one brings the blocks into memory."""
    runs: list[Cost] = []
    for _ in range(_RUNS):
        transaction = connection.transaction()
        await transaction.start()
        try:
            found = cast("str", await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *arguments))
        finally:
            await transaction.rollback()
        runs += _COSTS.validate_json(found)
    return min(runs, key=lambda each: (each.blocks, each.ms))
