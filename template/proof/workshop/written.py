"""The files of a noun with fields, written from the texts in pattern/."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from string import Template

import click

from app.adapters.process import ROOT
from proof.workshop.english import article, singular
from proof.workshop.fields import Field

_PATTERN = Path(__file__).with_name("pattern")
SCENARIO = Path(__file__).parents[1] / "load/scenario.txt"
# Of a name in PostgreSQL. A longer one is cut, and its error would not be found by it.
_LONGEST = 63
_GET = re.compile(r"async def get\(reader: Reader \| Session, (\w+)_id: UUID, caller: Principal\) -> (\w+)Read:")
_PATH = re.compile(r"^router = routing\.router\(\"(/v1/[^\"]+)\"", re.MULTILINE)
_FILES = ("__init__", "access", "errors", "models", "repository", "router", "schemas", "service")


@dataclass(frozen=True, slots=True)
class Noun:
    """Every spelling of a noun, and its path."""

    plural: str
    one: str
    path: str

    @classmethod
    def new(cls, plural: str, one: str) -> "Noun":
        """A noun that is not there yet."""
        return cls(plural, one, f"/v1/{plural.replace('_', '-')}")

    @classmethod
    def there(cls, plural: str) -> "Noun":
        """A noun that others may refer to; a ClickException for one that can't be referred to."""
        folder = ROOT / "app/domain" / plural
        try:
            get = _GET.search((folder / "service.py").read_text(encoding="utf-8"))
            path = _PATH.search((folder / "router.py").read_text(encoding="utf-8"))
        except FileNotFoundError:
            have = sorted(each.parent.name for each in (ROOT / "app/domain").glob("*/service.py"))
            raise click.ClickException(f"There is no noun {plural} to refer to; there is {', '.join(have)}.") from None
        if get is None or path is None:
            raise click.ClickException(
                f"{plural} can't be referred to: its service.py needs `async def get(reader: Reader | Session, "
                f"{singular(plural)}_id: UUID, caller: Principal)`, by which a reference is checked."
            )
        return cls(plural, get[1], path[1])

    @property
    def class_(self) -> str:
        """As its classes begin: `OrderLine`."""
        return camel(self.one)

    @property
    def prose(self) -> str:
        """One of them in a sentence: `order line`."""
        return self.one.replace("_", " ")

    @property
    def several(self) -> str:
        """Several in a sentence: `order lines`."""
        return self.plural.replace("_", " ")


def camel(words: str) -> str:
    """The words as one, as classes are spelt."""
    return "".join(word.title() for word in words.split("_"))


def _code(error: str) -> str:
    """What an error is called on the wire, as app/kit/errors.py calls it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", error).lower()


@dataclass(frozen=True, slots=True)
class _Link:
    """What a list of references is stored in."""

    field: Field
    table: str
    class_: str
    key: str
    other: Noun

    @property
    def list_(self) -> str:
        """The name of the list in the API."""
        return f"{self.key}s"


class Written:
    """A noun with its fields, as text."""

    def __init__(self, noun: Noun, fields: Iterable[Field]) -> None:
        self.noun: Noun = noun
        every = [self._decided(each) for each in fields]
        self._fields: list[Field] = [each for each in every if each.kind != "many"]
        self._links: list[_Link] = [self._link(each) for each in every if each.kind == "many"]
        self._refs: list[Field] = [each for each in self._fields if each.kind == "ref"]
        names = [each.column for each in self._fields] + [each.list_ for each in self._links]
        spelt = [camel(each) for each in names]
        if twice := next((each for each in names if spelt.count(camel(each)) > 1 or each == f"{noun.one}_id"), ""):
            raise click.ClickException(f"{twice} would be there twice: give the field another name.")
        self._refuse_long_names()

    def file(self, name: str) -> str:
        """The text of one file."""
        return self._filled(_PATTERN / f"{name}.txt")

    def files(self) -> dict[str, str]:
        """Every file of the noun's own folder by its name."""
        return {f"{name}.py": self.file(name) for name in _FILES}

    def scenario(self, package: str) -> str:
        """The text of what its visitors do, in the package of the scenarios."""
        return self._filled(SCENARIO, scenarios=package)

    def _filled(self, pattern: Path, **more: str) -> str:
        words = self._words() | more
        return Template(Template(pattern.read_text(encoding="utf-8")).substitute(words)).safe_substitute(more)

    def _decided(self, field: Field) -> Field:
        if field.kind == "ref" and not field.on_delete:
            return replace(field, on_delete="null" if field.optional else "cascade")
        return field

    def _link(self, field: Field) -> _Link:
        one = singular(field.name) or field.name
        other = self._other(field)
        if one == self.noun.one:
            raise click.ClickException(f"{field.name} is what the noun is called: name the list after what it is.")
        name = f"{self.noun.one}_{field.name}"
        return _Link(field, name, f"{self.noun.class_}{camel(one)}", f"{one}_id", other)

    def _other(self, field: Field) -> Noun:
        return self.noun if field.other in {"self", self.noun.plural} else Noun.there(field.other)

    @property
    def _others(self) -> list[Noun]:
        """What it refers to, each once and without itself."""
        every = [self._other(each) for each in self._refs] + [each.other for each in self._links]
        return sorted({each for each in every if each != self.noun}, key=lambda each: each.plural)

    @property
    def _unique(self) -> list[Field]:
        return [each for each in self._fields if each.unique]

    def _refuse_long_names(self) -> None:
        names = [f"uq_{self.noun.plural}_owner_id_{each.column}" for each in self._unique]
        names += [f"ix_{self.noun.plural}_owner_id_{each.column}_id" for each in self._fields if each.index]
        names += [f"ck_{self.noun.plural}_{each.column}_is_in_range" for each in self._fields]
        names += [f"fk_{self.noun.plural}_{each.column}_{self._other(each).plural}" for each in self._refs]
        for each in self._links:
            names += [
                f"uq_{each.table}_{self.noun.one}_id_{each.key}",
                f"fk_{each.table}_{each.key}_{each.other.plural}",
            ]
            names += [f"fk_{each.table}_{self.noun.one}_id_{self.noun.plural}"]
        for each in names:
            if len(each) > _LONGEST:
                raise click.ClickException(f"{each} is longer than the {_LONGEST} characters of a name: shorten yours.")

    def _words(self) -> dict[str, str]:
        noun = self.noun
        whole = f"{article(noun.prose)} {noun.prose}"
        return {
            "one": noun.one,
            "plural": noun.plural,
            "One": noun.class_,
            "Plural": camel(noun.plural),
            "path": noun.path.removeprefix("/v1/"),
            "one_prose": noun.prose,
            "ones": noun.several,
            "Ones": noun.several.capitalize(),
            "a_one": whole,
            "A_one": whole.capitalize(),
            "first": self._fields[0].column,
            **self._model_words(),
            **self._schema_words(),
            **self._error_words(),
            **self._statement_words(),
            **self._service_words(),
            **self._test_words(),
            **self._scenario_words(),
        }

    # The table.

    def _model_words(self) -> dict[str, str]:
        noun, lines = self.noun, list[str]()
        for each in self._fields:
            column = each.column
            if each.unique:
                lines.append(f'UniqueConstraint("owner_id", "{column}"),')
            if each.kind == "ref":
                lines.append(f'Index(None, "{column}"),')
            elif each.index:
                lines.append(f'Index(None, "owner_id", "{column}", "id"),')
            if each.encrypted:
                lines.append(f'sealed("{column}"),')
            if each.choices:
                listed = ", ".join(f"'{choice}'" for choice in each.choices)
                lines.append(f'CheckConstraint("{column} IN ({listed})", "{column}_is_known"),')
            if check := _range(each):
                lines.append(f'CheckConstraint("{check}", "{column}_is_in_range"),')
        return {
            "table_arguments": "\n".join(lines),
            "columns": "\n".join(self._column(each) for each in self._fields),
            "link_models": "".join(
                f'''

class {each.class_}(Base):
    """{f"{article(noun.prose)} {noun.prose}".capitalize()} and one of its {each.field.name.replace("_", " ")}."""

    __tablename__: str = "{each.table}"
    __table_args__: tuple[object, ...] = (
        UniqueConstraint("{noun.one}_id", "{each.key}"),
        Index(None, "{each.key}"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    {noun.one}_id: Mapped[UUID] = mapped_column(ForeignKey("{noun.plural}.id", ondelete="CASCADE"))
    {each.key}: Mapped[UUID] = mapped_column(ForeignKey("{each.other.plural}.id", ondelete="CASCADE"))
'''
                for each in self._links
            ),
        }

    def _column(self, field: Field) -> str:
        kind = f"{_PYTHON[field.kind]} | None" if field.optional else _PYTHON[field.kind]
        if field.kind == "ref":
            rule = "SET NULL" if field.on_delete == "null" else "CASCADE"
            made = f'ForeignKey("{self._other(field).plural}.id", ondelete="{rule}")'
        else:
            made = "Encrypted()" if field.encrypted else _sql(field)
        default = f', server_default="{field.default}"' if field.default is not None else ""
        return f"    {field.column}: Mapped[{kind}] = mapped_column({made}{default})"

    # The shapes.

    def _schema_words(self) -> dict[str, str]:
        created = [f"    {each.column}: {_shape(each)}{self._given(each)}" for each in self._fields]
        read = [f"    {each.column}: {_PYTHON[each.kind]}{' | None' if each.optional else ''}" for each in self._fields]
        for each in self._links:
            extra = f'json_schema_extra={{"x-refers-to": "{each.other.path}"}}'
            said = f'description="Some of your {each.other.several}"'
            created.append(
                f"    {each.list_}: Annotated[list[UUID], Field(max_length=20)] = Field(default=[], {said}, {extra})"
            )
            read.append(f"    {each.list_}: list[UUID]")
        return {"create_fields": "\n".join(created), "read_fields": "\n".join(read)}

    def _given(self, field: Field) -> str:
        """What a field is if it is not sent, and what else is said of it."""
        said: list[str] = []
        if field.default is not None:
            said.append(f"default={_value(field)}")
        elif field.optional:
            said.append("default=None")
        if field.kind == "ref":
            other = self._other(field)
            said += [
                f'description="One of your {other.several}"',
                f'json_schema_extra={{"x-refers-to": "{other.path}"}}',
            ]
        elif field.unique:
            said.append(f'description="Unique among your {self.noun.several}"')
        if said and len(said) == 1 and said[0].startswith("default="):
            return f" = {said[0].removeprefix('default=')}"
        return f" = Field({', '.join(said)})" if said else ""

    # The errors, and the operations that answer with them.

    def _error_words(self) -> dict[str, str]:
        noun = self.noun
        classes, known = list[str](), list[str]()
        for each in self._unique:
            said = each.name.replace("_", " ")
            classes.append(
                f'class {camel(each.name)}Taken(Conflict, constraint="uq_{noun.plural}_owner_id_{each.column}"):\n'
                f'    """Another {noun.prose} of yours has this {said}."""\n\n\n'
            )
        for each in self._links:
            one = each.key.removesuffix("_id")
            classes.append(
                f"class {camel(one)}NamedTwice(Invalid, "
                f'constraint="uq_{each.table}_{noun.one}_id_{each.key}"):\n'
                f'    """One of the {each.field.name.replace("_", " ")} is named twice."""\n\n\n'
            )
            known.append(
                f'type_by_constraint["fk_{each.table}_{each.key}_{each.other.plural}"] = {each.other.class_}NotFound'
            )
        known += [
            f'type_by_constraint["fk_{noun.plural}_{each.column}_{self._other(each).plural}"] = '
            f"{self._other(each).class_}NotFound"
            for each in self._refs
        ]
        foreign = [f"{each.class_}NotFound" for each in self._others]
        itself = [f"{noun.class_}NotFound"] if self._refers_to_itself else []
        own = [f"{camel(each.name)}Taken" for each in self._unique]
        own += [f"{camel(each.key.removesuffix('_id'))}NamedTwice" for each in self._links]
        said = ""
        if self._unique:
            listed = " and ".join(each.name.replace("_", " ") for each in self._unique)
            verb = "must differ" if len(self._unique) == 1 else "must each differ"
            text = f"Its {listed} {verb} from those of your other {noun.several}."
            said = f"\n\n    {text}\n    "
        because = "\n# What is looked up before the change may be deleted before its end.\n"
        return {
            "import_errors": "\n".join(
                f"from app.domain.{each.plural}.errors import {each.class_}NotFound" for each in self._others
            ),
            "error_classes": "".join(classes),
            "known_constraints": f"\n{because}" + "\n".join(known) if known else "",
            "own_errors": ", ".join(sorted({f"{noun.class_}Changed", f"{noun.class_}NotFound", *own})),
            "create_errors": ", ".join([*itself, *foreign, *own]) or "Invalid",
            "change_errors": ", ".join([f"{noun.class_}NotFound", *foreign, *own, f"{noun.class_}Changed"]),
            "create_says": said,
        }

    @property
    def _refers_to_itself(self) -> bool:
        return self.noun in [self._other(each) for each in self._refs] + [each.other for each in self._links]

    # The statements.

    def _statement_words(self) -> dict[str, str]:
        noun, links = self.noun, self._links
        if not links:
            return {
                "link_classes": "",
                "whole": "",
                "select": f"select({noun.class_})",
                "add_command": f'_ADD = Command(\n    insert({noun.class_}).values(arguments("id", "owner_id", '
                f"*{noun.class_}Create.model_fields)).returning({noun.class_}),\n    {noun.class_}Read,\n)",
                "row_type": "",
                "returning": noun.class_,
                "into": f"{noun.class_}Read",
                "into_type": f"{noun.class_}Read",
                "link_commands": "",
                "add_body": "    fields: dict[str, object] = data.model_dump()\n"
                "    return await session.only(_ADD, id=uuid7(), owner_id=owner, **fields)",
                "left_alone": "",
                "change_body": f"    return await session.only(_change(frozenset(fields)), {noun.one}_id={noun.one}_id"
                ", owner=owner, **fields)",
                "link_functions": "",
            }
        row = "dict[str, object]"
        lists = ", ".join(f'"{each.list_}"' for each in links)
        selected = ", ".join(f"_{each.field.name.upper()}.c.{each.list_}" for each in links)
        joined = "".join(f".join(_{each.field.name.upper()}, true())" for each in links)
        whole = f"\n# Lists of references are no columns.\n_LISTS = frozenset({{{lists}}})\n" + "".join(
            f"""_{each.field.name.upper()} = select(
    func.array(
        select({each.class_}.{each.key})
        .where({each.class_}.{noun.one}_id == {noun.class_}.id)
        .order_by({each.class_}.{each.key})
        .correlate({noun.class_})
        .scalar_subquery(),
        type_=ARRAY(Uuid),
    ).label("{each.list_}")
).lateral("its_{each.field.name}")
"""
            for each in links
        )
        whole += f"_WHOLE = select({noun.class_}, {selected}).select_from({noun.class_}){joined}\n"
        commands = "".join(
            f"""_LINK_{each.field.name.upper()}: Command[{row}] = Command(
    insert({each.class_}).values(arguments("id", "{noun.one}_id", "{each.key}")), dict
)
_UNLINK_{each.field.name.upper()}: Command[{row}] = Command(
    delete({each.class_}).where({each.class_}.{noun.one}_id == bindparam("{noun.one}_id")), dict
)
"""
            for each in links
        )
        functions = "".join(
            f"""

async def _link_{each.field.name}(session: Session, {noun.one}_id: UUID, {each.list_}: Iterable[UUID]) -> None:
    linked = [{{"id": uuid7(), "{noun.one}_id": {noun.one}_id, "{each.key}": each}} for each in {each.list_}]
    await session.many(_LINK_{each.field.name.upper()}, linked)
"""
            for each in links
        )
        changed = "".join(
            f"""
    if "{each.list_}" in data.model_fields_set:
        _ = await session.all(_UNLINK_{each.field.name.upper()}, {noun.one}_id={noun.one}_id)
        await _link_{each.field.name}(session, {noun.one}_id, data.{each.list_})"""
            for each in links
        )
        again = f"return await session.only(_BY_ID, {noun.one}_id={noun.one}_id, owner=owner)"
        added = "".join(
            f"\n    await _link_{each.field.name}(session, {noun.one}_id, data.{each.list_})" for each in links
        )
        return {
            "link_classes": "".join(f", {each.class_}" for each in links),
            "whole": whole,
            "select": "_WHOLE",
            "add_command": f"_ADD: Command[{row}] = Command(\n    insert({noun.class_})\n    .values(arguments("
            f'"id", "owner_id", *({noun.class_}Create.model_fields.keys() - _LISTS)))\n'
            f"    .returning({noun.class_}.id),\n    dict,\n)",
            "row_type": f": Command[{row}]",
            "returning": f"{noun.class_}.id",
            "into": "dict",
            "into_type": row,
            "link_commands": commands,
            "add_body": f"    {noun.one}_id = uuid7()\n"
            "    fields: dict[str, object] = data.model_dump(exclude={*_LISTS})\n"
            f"    _ = await session.only(_ADD, id={noun.one}_id, owner_id=owner, **fields){added}\n    {again}",
            "left_alone": ", exclude={*_LISTS}",
            "change_body": f"    _ = await session.only(_change(frozenset(fields)), {noun.one}_id={noun.one}_id, "
            f"owner=owner, **fields){changed}\n    {again}",
            "link_functions": functions,
        }

    # The rules.

    def _service_words(self) -> dict[str, str]:
        if not self._refs and not self._links:
            return {"import_services": "", "check_references": "", "references": ""}
        lines: list[str] = []
        for each in self._refs:
            condition = f'if "{each.column}" in data.model_fields_set'
            condition += f" and data.{each.column} is not None:" if each.optional else ":"
            lines += [
                f"    {condition}",
                f"        _ = await {self._get(self._other(each))}(session, data.{each.column}, caller)",
            ]
        for each in self._links:
            lines += [
                f'    for {each.key} in data.{each.list_} if "{each.list_}" in data.model_fields_set else ():',
                f"        _ = await {self._get(each.other)}(session, {each.key}, caller)",
            ]
        return {
            "import_services": "\n".join(
                f"from app.domain.{each.plural} import service as {each.plural}" for each in self._others
            ),
            "check_references": "    await _look_up(session, data, caller)\n",
            "references": f"\n\nasync def _look_up(session: Session, data: {self.noun.class_}Create, "
            'caller: Principal) -> None:\n    """Refuse to refer to what the caller does not have."""\n'
            + "\n".join(lines),
        }

    def _get(self, other: Noun) -> str:
        return "get" if other == self.noun else f"{other.plural}.get"

    # The tests.

    def _test_words(self) -> dict[str, str]:
        references = {each.column: self._other(each).path for each in self._refs}
        references |= {each.list_: each.other.path for each in self._links}
        gone = [each.column for each in self._refs if each.on_delete == "cascade"]
        sealed = [each.column for each in self._fields if each.encrypted]
        unique = {each.column: _code(f"{camel(each.name)}Taken") for each in self._unique}
        lists = {each.list_: _code(f"{camel(each.key.removesuffix('_id'))}NamedTwice") for each in self._links}
        constants, tests = "", ""
        if unique or references:
            constants += (
                "# What refers to something else, and at which path that is.\n"
                f"REFERENCES: dict[str, str] = {references!r}\n"
            )
        if unique:
            constants += f"# What no two of one owner share, and the error that says so.\nUNIQUE = {unique!r}\n"
            tests += self._pattern("unique")
        if references:
            constants += f"# What it does not outlive.\nGONE_WITH: frozenset[str] = frozenset({gone!r})\n"
            tests += self._pattern("references")
        if lists:
            constants += f"# Lists of references, and the error when one is named twice.\nLISTS = {lists!r}\n"
            tests += self._pattern("many")
        if sealed:
            constants += f"ENCRYPTED = {sealed!r}\n"
            tests += self._pattern("encrypted")
        return {"constants": constants, "special_tests": tests}

    def _pattern(self, name: str) -> str:
        return (_PATTERN / f"{name}.txt").read_text(encoding="utf-8").replace("${plural}", self.noun.plural)

    # The load test.

    def _scenario_words(self) -> dict[str, str]:
        lines = [f'"{each.column}": {self._random(each)},' for each in self._fields]
        lines += [
            f'"{each.list_}": [self.one_of({camel(each.other.plural)}Visitor)],'
            for each in self._links
            if each.other != self.noun
        ]
        return {
            "import_scenarios": "\n".join(
                f"from ${{scenarios}}.{each.plural} import {camel(each.plural)}Visitor" for each in self._others
            ),
            "example": "\n".join(f"            {each}" for each in lines),
        }

    def _random(self, field: Field) -> str:  # noqa: PLR0911 - one for each kind
        if field.kind == "ref":
            other = self._other(field)
            return (
                "None"
                if other == self.noun
                else f"self.one_of({camel(other.plural)}Visitor{', new=True' if field.unique else ''})"
            )
        low, high = field.ends
        match field.kind:
            case "line":
                return "str(uuid4())" if not field.length else f"str(uuid4())[:{field.length}]"
            case "text":
                return 'f"Written by the load test: {uuid4()}"' + (f"[:{field.length}]" if field.length else "")
            case "int" | "bigint":
                return f"random.randint({low}, {high})"
            case "money" | "decimal":
                step = Decimal(1).scaleb(-field.digits[1])
                return f"str(Decimal(random.randint({int(low / step)}, {int(high / step)})).scaleb(-{field.digits[1]}))"
            case "float":
                return f"random.uniform({float(low)}, {float(high)})"
            case "enum":
                return f"random.choice({list(field.choices)!r})"
            case "date":
                return (
                    "(datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=random.randrange(100_000))).date().isoformat()"
                )
            case "timestamp":
                return "(datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(10**9))).isoformat()"
            case _:
                return _SOME[field.kind]


_SOME = {
    "email": 'f"{uuid4()}@example.com"',
    "url": 'f"https://example.com/{uuid4()}"',
    "bool": "random.choice([True, False])",
    "uuid": "str(uuid4())",
    "json": '{"some": random.randrange(100)}',
    "array": "[str(uuid4())]",
}
_PYTHON = {
    **dict.fromkeys(("line", "text", "email", "url", "enum"), "str"),
    **dict.fromkeys(("int", "bigint"), "int"),
    **dict.fromkeys(("money", "decimal"), "Decimal"),
    **dict.fromkeys(("uuid", "ref"), "UUID"),
    "float": "float",
    "bool": "bool",
    "date": "date",
    "timestamp": "datetime",
    "json": "dict[str, object]",
    "array": "list[str]",
}


def _sql(field: Field) -> str:
    """The type of a column."""
    match field.kind:
        case "line":
            return f"String({field.length or 100})"
        case "text":
            return f"String({field.length or 2000})"
        case "enum":
            return f"String({max(len(each) for each in field.choices)})"
        case "money" | "decimal":
            return f"Numeric({field.digits[0]}, {field.digits[1]})"
        case "json":
            return "JSONB(none_as_null=True)"
        case kind:
            return {
                "email": "String(254)",
                "url": "String(2000)",
                "int": "Integer",
                "bigint": "BigInteger",
                "float": "Float(53)",
                "bool": "Boolean",
                "date": "Date",
                "timestamp": "DateTime(timezone=True)",
                "array": "ARRAY(String(100))",
            }.get(kind, "")


def _shape(field: Field) -> str:
    """The type of what a client sends."""
    low, high = field.ends
    match field.kind:
        case "line" | "text":
            whole = field.kind.title() if not field.length else f"Annotated[str, {field.kind}({field.length})]"
        case "int" | "bigint":
            whole = f"Annotated[int, Field(ge={int(low)}, le={int(high)})]"
        case "float":
            whole = f"Annotated[float, Field(ge={float(low)}, le={float(high)}, allow_inf_nan=False)]"
        case "money" | "decimal":
            ends = [
                f"{name}={_number(end)}"
                for name, end in (("least", field.least), ("most", field.most))
                if end is not None
            ]
            digits = [str(each) for each in field.digits]
            is_plain = field.kind == "money" and not ends
            whole = "Money" if is_plain else f"Annotated[Decimal, Exact({', '.join(digits + ends)})]"
        case "enum":
            whole = f"Literal[{', '.join(repr(each) for each in field.choices)}]"
        case "array":
            whole = f"Annotated[list[Line], Field(max_length={field.length or 20})]"
        case kind:
            whole = {
                "email": "Email",
                "url": "Url",
                "timestamp": "Moment",
                "json": "Attributes",
            }.get(kind, _PYTHON[kind])
    return f"{whole} | None" if field.optional else whole


def _number(number: Decimal) -> str:
    """A bound, as Python writes it."""
    return str(int(number)) if number == number.to_integral() else f'Decimal("{number}")'


def _range(field: Field) -> str:
    """The condition that keeps a column in its range; empty for one that has none."""
    if field.least is not None and field.most is not None:
        return f"{field.column} BETWEEN {field.least} AND {field.most}"
    if field.least is not None:
        return f"{field.column} >= {field.least}"
    return f"{field.column} <= {field.most}" if field.most is not None else ""


def _value(field: Field) -> str:
    """A default, as Python writes it."""
    default = field.default or ""
    match field.kind:
        case "bool":
            return default.title()
        case "line" | "text" | "enum":
            return repr(default)
        case "money" | "decimal":
            exact = Decimal(default).quantize(Decimal(1).scaleb(-field.digits[1]))
            text = f'"{exact}"' if exact.as_tuple().exponent else str(exact)
            return f"Decimal({text})"
        case "float":
            return str(float(default))
        case _:
            return str(int(default))
