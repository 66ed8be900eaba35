"""What the OpenAPI document says is enough to make requests: a body that fits, the address of something that exists."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from http import HTTPStatus
from itertools import count
from typing import cast
from uuid import uuid4

import httpx
import jsonschema_rs

from proof.standards.context import SOME_ID, Operation, body, entries, node, operations, resolved
from tests.conftest import new_address
from tests.wire import Json

Path = tuple[str | int, ...]

_TEXTS = {"date": "2030-01-31", "time": "12:00:00Z", "date-time": "2030-01-31T12:00:00Z", "uri": "https://example.com"}


_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
_NOTHING: frozenset[str] = frozenset()
TURNS = count(1)
"""Numbers for bodies of which no two may be the same."""


class Undescribed(Exception):
    """The document does not say enough to make a request from it; the sentence says what would."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a request holds: JSON, or a form with files; and what its address has to ask."""

    json: object = None
    data: Json | None = None
    files: dict[str, tuple[str, bytes]] | None = None
    query: dict[str, str] | None = None

    def sent(
        self, who: httpx.Client, method: str, path: str, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """The answer to a request that holds it."""
        return who.request(
            method, path, params=self.query, json=self.json, data=self.data, files=self.files, headers=headers
        )


@dataclass(frozen=True)
class Described:
    """A service, as its OpenAPI document describes it."""

    document: Json

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """Every operation by its name: `GET /v1/items`."""
        return {each.name: each for each in operations(self.document)}

    @property
    def with_ids(self) -> list[Operation]:
        """The operations on one of several things: `GET /v1/items/{item_id}`."""
        return [each for each in self.operations.values() if "{" in each.path]

    def content(
        self, operation: Operation, owner: httpx.Client | None = None, turn: int = 0, making: frozenset[str] = _NOTHING
    ) -> object:
        """A body that the operation's schema allows, with every field; None when it takes none.

        Args:
            operation: which takes the body.
            owner: for whom things are made that the body refers to (`x-refers-to`). Without one, they do not exist.
            turn: bodies of several turns differ wherever the schema has room for it.
            making: the paths at which things are being made, so that nothing needs itself.
        """
        schema = schema_of(operation)
        if schema is None:
            return None
        found = self._sample(schema, (), _Wish(owner, turn, making))
        whole = schema | {"components": self.document["components"]}
        for error in jsonschema_rs.validator_for(whole).iter_errors(found):
            place = "/".join(str(step) for step in error.instance_path)
            raise Undescribed(
                f"{operation.name}: no value for #/{place} can be made from its schema ({error.message}). "
                "Give the field one: Field(examples=[…])."
            )
        return found

    def fitting(
        self, operation: Operation, owner: httpx.Client | None = None, turn: int = 0, making: frozenset[str] = _NOTHING
    ) -> Body:
        """What a request of the operation holds, whether it takes JSON or a form; see `content`."""
        wish = _Wish(owner, turn, making)
        asked = {
            str(each["name"]): str(self._field(node(each.get("schema")), (), wish))
            for each in entries(operation.spec.get("parameters"))
            if each["in"] == "query" and each.get("required")
        } or None
        schema = form_of(operation)
        if schema is None:
            return Body(self.content(operation, owner, turn, making), query=asked)
        fields = {name: node(each) for name, each in node(self._chosen(schema).get("properties")).items()}
        files = {name for name, each in fields.items() if _is_file(each) or _is_file(node(each.get("items")))}
        data = {name: self._field(each, (), wish) for name, each in fields.items() if name not in files}
        return Body(data=data, query=asked, files=dict.fromkeys(files, ("a.txt", b"some bytes")))

    def texts(self, schema: Json, value: object, at: Path = ()) -> Iterator[tuple[Path, Json]]:
        """Where a value holds text, and the schema of each place."""
        schema = self._chosen(schema)
        if isinstance(value, dict):
            fields, others = node(schema.get("properties")), _named(schema)
            for name, each in cast("Json", value).items():
                yield from self.texts(node(fields.get(name, others)), each, (*at, name))
        elif isinstance(value, list):
            for number, each in enumerate(cast("list[object]", value)):
                yield from self.texts(node(schema.get("items")), each, (*at, number))
        elif isinstance(value, str):
            yield at, schema

    def address(self, operation: Operation, owner: httpx.Client) -> str:
        """The path of an operation, with ids of what its owner has: made by a POST, else the first of a list."""
        template = found = ""
        for part in operation.path.removeprefix("/").split("/"):
            found += f"/{self._id(operation, template, found, owner) if part.startswith('{') else part}"
            template += f"/{part}"
        return found

    def _id(self, operation: Operation, template: str, at: str, owner: httpx.Client) -> str:
        tried: list[str] = []
        makers = (self.operations.get(f"{method} {template}") for method in ("POST", "GET"))
        for maker in (each for each in makers if each is not None):
            answer = self.fitting(maker, owner).sent(owner, maker.method, at)
            if answer.status_code == HTTPStatus.FORBIDDEN:
                # No member has one of their own; each of them is a stranger.
                return SOME_ID
            if found := _first(answer):
                return found
            tried.append(f"{maker.name} answers {answer.status_code} {answer.text[:200]}")
        raise Undescribed(
            f"{operation.name}: nothing of the caller's own is found at {template} "
            f"({'; '.join(tried) or 'there is no operation'}). Let a POST there answer an `id`, or a GET a list whose "
            "`data` has one; where a body is refused, give its fields examples that are accepted: Field(examples=[…])."
        )

    def _referred(self, path: str, wish: "_Wish") -> str | None:
        """The id of something at a path that a field refers to; None while it is being made itself."""
        if wish.owner is None:
            return str(uuid4())
        if path in wish.making:
            return None
        maker = self.operations.get(f"POST {path}")
        if maker is None:
            # Such as `/v1/accounts/me`: there is one already.
            made = wish.owner.get(path)
        else:
            fitting = self.fitting(maker, wish.owner, wish.turn and next(TURNS), wish.making | {path})
            made = fitting.sent(wish.owner, "POST", path)
        found = _first(made) or _first(wish.owner.get(path))
        if not found:
            raise Undescribed(f"{path} has nothing to refer to: {made.status_code} {made.text[:200]}")
        return found

    def _chosen(self, schema: Json) -> Json:
        """A schema with its reference followed, and of alternatives the first that is something."""
        while True:
            schema = resolved(schema, self.document)
            every = [each for key in ("anyOf", "oneOf", "allOf") for each in entries(schema.get(key))]
            if not every:
                return schema
            schema = next(each for each in every if each.get("type") != "null")

    def _sample(self, schema: Json, within: tuple[Json, ...], wish: "_Wish") -> object:
        schema = self._chosen(schema)
        if schema in within:
            return None
        # Two requests may not share an address, whatever the example is.
        offered = schema.get("enum") or (schema.get("format") != "email" and schema.get("examples"))
        if offered or "const" in schema:
            several = cast("list[object]", offered or [schema["const"]])
            found = several[wish.turn % len(several)]
            return _another(schema, found, wish.turn) if wish.turn >= len(several) else found
        inside = (*within, schema)
        found = None
        match schema.get("type"):
            case "object":
                fields = node(schema.get("properties")) or {"some": _named(schema)}
                found = {name: self._field(node(each), inside, wish) for name, each in fields.items() if each}
            case "array":
                least = max(1, cast("int", schema.get("minItems", 1)))
                found = [self._sample(node(schema.get("items")), inside, wish) for _ in range(least)]
            case "integer" | "number":
                least, most = (cast("float | None", schema.get(name)) for name in ("minimum", "maximum"))
                found = 1 if least is None and most is None else most if least is None else least
                found = _counted(found, wish.turn, most)
            case "boolean":
                found = wish.turn % 2 == 0
            case "string":
                found = _text(schema, wish.turn)
            case _:
                pass
        return found

    def _field(self, schema: Json, within: tuple[Json, ...], wish: "_Wish") -> object:
        if "x-refers-to" not in schema:
            return self._sample(schema, within, wish)
        found = self._referred(str(schema["x-refers-to"]), wish)
        several = self._chosen(schema).get("type") == "array"
        return [found for _ in range(found is not None)] if several else found


@dataclass(frozen=True, slots=True)
class _Wish:
    """Whom a body is for, which of several it is, and what is being made for it."""

    owner: httpx.Client | None
    turn: int
    making: frozenset[str]


def _named(schema: Json) -> Json:
    """What stands in an object under names of the sender's choice."""
    return node(next(iter(node(schema.get("patternProperties")).values()), schema.get("additionalProperties")))


def _first(answer: httpx.Response) -> str:
    """The id of what an answer holds, or of the first of a list; empty when it holds none."""
    made = body(answer) if answer.is_success else {}
    return next((str(each["id"]) for each in (made, *entries(made.get("data"))) if "id" in each), "")


def _counted(least: float | None, turn: int, most: float | None) -> float | None:
    """The number of a turn: so many more than the least, and again from there after the greatest."""
    if least is None or most is None or most < least:
        return least
    return least + (turn % int(most - least + 1))


def _another(schema: Json, example: object, turn: int) -> object:
    """Something like the example, as far as the schema has room."""
    if schema.get("format") == "decimal":
        least, most = (Decimal(str(schema[f"x-{name}"])) for name in ("minimum", "maximum"))
        start = Decimal(str(example))
        step = Decimal(1).scaleb(cast("int", start.as_tuple().exponent))
        found: object = str(
            start + turn if start + turn <= most else least + step * (turn % int((most - least) / step))
        )
    elif isinstance(example, str) and schema.get("format") in {"date", "date-time"}:
        found = _later(example, turn)
    elif isinstance(example, str) and "enum" not in schema:
        found = f"{example} {turn}"
    else:
        return example
    return found if jsonschema_rs.validator_for(schema).is_valid(found) else example


def _later(moment: str, days: int) -> str:
    """A date or a moment in UTC, so many days later."""
    later = datetime.fromisoformat(moment) + timedelta(days=days)
    return f"{later.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z" if later.tzinfo else later.date().isoformat()


def _text(schema: Json, turn: int = 0) -> str:
    kind = str(schema.get("format"))
    if kind in {"email", "uuid"}:
        return new_address() if kind == "email" else str(uuid4())
    text = _TEXTS.get(kind, "a" * max(1, cast("int", schema.get("minLength", 1))))
    if turn and kind == "uri":
        return f"{text}/{turn}"
    return str(_another(schema, text, turn)) if turn else text


def schema_of(operation: Operation) -> Json | None:
    """The schema of the operation's body; None when it takes none."""
    kinds = operation.content
    return node(node(kinds["application/json"]).get("schema")) if "application/json" in kinds else None


def form_of(operation: Operation) -> Json | None:
    """The schema of the form that the operation takes; None when it takes none."""
    return next((node(node(each).get("schema")) for name, each in operation.content.items() if name in _FORMS), None)


def _is_file(schema: Json) -> bool:
    return "contentMediaType" in schema


def text_parameters(operation: Operation) -> Iterator[str]:
    """The names of the query parameters that are text."""
    for each in entries(operation.spec.get("parameters")):
        schema = node(each.get("schema"))
        kinds = [schema, *entries(schema.get("anyOf"))]
        if each["in"] == "query" and any(kind.get("type") == "string" for kind in kinds):
            yield str(each["name"])


def changed(value: object, at: Path, new: object) -> object:
    """A value with another one at a place inside of it."""
    if not at:
        return new
    step, rest = at[0], at[1:]
    if isinstance(value, dict):
        fields = cast("Json", value)
        return fields | {str(step): changed(fields[str(step)], rest, new)}
    several = cast("list[object]", value)
    return [changed(each, rest, new) if number == step else each for number, each in enumerate(several)]
