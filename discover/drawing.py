"""Draw tables and their references as SVG: what is referred to stands left, each layer one column further."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from discover.findings import Column, Entity
from discover.text import plain

BOX, GAP, LINE, HEAD, BETWEEN = 220, 70, 18, 26, 22
TALLEST = 1100
"""A layer that would be higher goes on in a column of its own."""
FEW, SHOWN, SHOWN_OF_MANY = 12, 14, 7
"""Up to FEW tables show more of their columns."""


@dataclass(slots=True)
class _Box:
    entity: Entity
    columns: list[Column]
    more: int
    x: int = 0
    y: int = 0
    to: list[tuple[int, str]] = field(default_factory=list)
    """The line of the column, and the table that it refers to."""

    @property
    def height(self) -> int:
        return HEAD + LINE * (len(self.columns) + bool(self.more)) + 6


def draw(entities: list[Entity]) -> str:
    """Give the drawing; empty where there is nothing to draw."""
    if not entities:
        return ""
    boxes = {entity.table: _box(entity, SHOWN if len(entities) <= FEW else SHOWN_OF_MANY) for entity in entities}
    names = {name: entity.table for entity in entities for name in (entity.name, entity.table)}
    for box in boxes.values():
        for number, column in enumerate(box.columns):
            target = names.get(column.references.rpartition(".")[0]) or names.get(column.references)
            if column.references and target:
                box.to.append((number, target))
    linked = {table for table, box in boxes.items() if box.to} | {to for box in boxes.values() for _, to in box.to}
    right, bottom = _place_layers(boxes, [table for table in boxes if table in linked])
    right, bottom = _place_alone([box for table, box in boxes.items() if table not in linked], right, bottom)
    said = f"{len(boxes)} tables and what they refer to"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{right}" height="{bottom}" viewBox="0 0 {right} {bottom}" '
        f'role="img" aria-label="{said}">'
    ]
    parts += [_edge(box, line, boxes[to]) for box in boxes.values() for line, to in box.to]
    parts += [_drawn(box) for box in boxes.values()]
    return "".join([*parts, "</svg>"])


def _box(entity: Entity, most: int) -> _Box:
    """Choose the columns that are shown: keys first, then the others in their order."""
    first = [column for column in entity.columns if column.primary_key or column.references]
    rest = [column for column in entity.columns if column not in first]
    chosen = [*first, *rest][: max(most, len([column for column in first if column.references]) + 1)]
    return _Box(entity, chosen, len(entity.columns) - len(chosen))


def _layers(boxes: dict[str, _Box], tables: list[str]) -> dict[str, int]:
    """Give each table its layer: one more than the farthest that it refers to. Rings are cut where they close."""
    layers: dict[str, int] = {}
    for start in tables:
        path: list[tuple[str, list[str]]] = [(start, [to for _, to in boxes[start].to])]
        while path:
            table, waiting = path[-1]
            on_path = {name for name, _ in path}
            following = next((to for to in waiting if to not in layers and to not in on_path), None)
            if following is not None:
                path.append((following, [to for _, to in boxes[following].to]))
                continue
            layers[table] = 1 + max((layers[to] for to in waiting if to in layers), default=-1)
            path.pop()
    return layers


def _place_layers(boxes: dict[str, _Box], tables: list[str]) -> tuple[int, int]:
    layers = _layers(boxes, tables)
    x, bottom = 10, 10
    for layer in range(max(layers.values(), default=-1) + 1):
        members = [boxes[table] for table in tables if layers[table] == layer]
        # Near what it refers to: the middle of that, as far as it is placed already.
        members.sort(key=lambda box: _middle(boxes, box, layers, layer))
        if layer == 0:
            members.sort(key=lambda box: -sum(to == box.entity.table for other in boxes.values() for _, to in other.to))
        y = 10
        for box in members:
            if y > 10 and y + box.height > TALLEST:
                x, y = x + BOX + GAP, 10
            box.x, box.y = x, y
            y += box.height + BETWEEN
            bottom = max(bottom, y)
        x += BOX + GAP
    return (x - GAP + 10 if layers else 10), bottom


def _middle(boxes: dict[str, _Box], box: _Box, layers: dict[str, int], layer: int) -> float:
    placed = [boxes[to].y + boxes[to].height / 2 for _, to in box.to if layers.get(to, layer) < layer]
    return sum(placed) / len(placed) if placed else 0.0


def _place_alone(alone: list[_Box], right: int, bottom: int) -> tuple[int, int]:
    """Put the tables without any reference in rows below the others."""
    if not alone:
        return right, bottom
    wide = max(3, (right - 10 + GAP) // (BOX + GAP))
    y = bottom if bottom > 10 else 10
    for start in range(0, len(alone), wide):
        row = alone[start : start + wide]
        for number, box in enumerate(row):
            box.x, box.y = 10 + number * (BOX + GAP), y
            right = max(right, box.x + BOX + 10)
        y += max(box.height for box in row) + BETWEEN
    return right, y


def _edge(box: _Box, line: int, target: _Box) -> str:
    y1 = box.y + HEAD + LINE * line + LINE // 2
    y2 = target.y + HEAD // 2
    if target is box or target.x >= box.x:
        # Beside or behind it: out on the right, and in on the right.
        x1, x2 = box.x + BOX, target.x + BOX
        far = max(x1, x2) + GAP // 2
        path = f"M{x1} {y1} C{far} {y1} {far} {y2} {x2} {y2}"
    else:
        x1, x2 = box.x, target.x + BOX
        bend = max(30, (x1 - x2) // 2)
        path = f"M{x1} {y1} C{x1 - bend} {y1} {x2 + bend} {y2} {x2} {y2}"
    return f'<path class="edge" d="{path}"/><circle class="end" cx="{x2}" cy="{y2}" r="3"/>'


def _drawn(box: _Box) -> str:
    entity = box.entity
    heading = plain(f"{entity.table} ({entity.place})")
    whole = "\n".join(f"{plain(column.name)} {_type(column)}" for column in entity.columns)
    parts = [
        f"<g><title>{escape(heading)}\n{escape(whole)}</title>",
        f'<rect class="box {"dashed" if entity.kind in ("join", "schema") else ""}" x="{box.x}" y="{box.y}" '
        f'width="{BOX}" height="{box.height}" rx="5"/>',
        f'<path class="head" d="M{box.x} {box.y + HEAD - 2}h{BOX}"/>',
        f'<text class="name" x="{box.x + 9}" y="{box.y + 17}">{_cut(entity.table, 28)}</text>',
    ]
    for number, column in enumerate(box.columns):
        y = box.y + HEAD + LINE * number + 13
        kind = "key" if column.primary_key else "ref" if column.references else "col"
        said = _type(column) if len(_type(column)) <= 13 else f"{_type(column)[:12]}…"
        parts.append(f'<text class="{kind}" x="{box.x + 9}" y="{y}">{_cut(column.name, 27 - len(said))}</text>')
        parts.append(f'<text class="type" x="{box.x + BOX - 8}" y="{y}">{escape(said)}</text>')
    if box.more:
        y = box.y + HEAD + LINE * len(box.columns) + 13
        parts.append(f'<text class="type left" x="{box.x + 9}" y="{y}">and {box.more} more</text>')
    return "".join([*parts, "</g>"])


def _type(column: Column) -> str:
    return plain(column.type) + ("?" if column.nullable and not column.primary_key else "")


def _cut(text: str, most: int) -> str:
    text = plain(text)
    return escape(text if len(text) <= most else f"{text[: most - 1]}…")
