"""From tables to nouns: entities.yml, in the words of a service's `make domain`."""

from __future__ import annotations

import keyword
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from discover.engine import Result
from discover.findings import Column, Entity, Place, Proof
from discover.text import comment, plain, quoted, words

SCHEMA = 1
"""The version of the file's form: schemas/entities.schema.json."""

_PEOPLE = frozenset(
    {
        "user", "account", "member", "customer", "person", "employee", "author", "contact", "profile", "patient",
        "student", "teacher", "subscriber", "client", "admin", "guest", "applicant", "candidate", "driver", "staff",
        "attendee", "tenant", "recipient", "lead", "visitor", "participant", "passenger", "resident", "volunteer",
        "administrator",
    }
)  # fmt: skip
_ACCOUNTS = frozenset({"user", "account", "member", "admin", "administrator", "staff"})
_SIGNS_IN = re.compile(r"^(e_?mail(_address)?|username|user_name|login|passw.*|hashed_password|.*_?password(_hash)?)$")
_PROVED = re.compile(r"passw|^hash$|^salt$")
_REPLACED: tuple[tuple[str, str], ...] = (
    (r"^(id|_id|uid|uuid|pk)$", "the account's id"),
    (r"e_?mail(_address)?$", "the account's address"),
    (r"passw|^hash$|salt$", "the account's password, hashed with Argon2id"),
    (r"^(roles?|role_id|is_(admin|staff|superuser)|is_super_?user|admin|permissions?|groups?)$", "the account's role"),
    (r"verif|confirm|^activat", "the account's confirmed address"),
    (r"token|secret|otp|mfa|two_?factor|2fa|api_?key|jwt|session|refresh", "sessions, links, keys and second factors"),
    (r"^(is_)?(active|disabled|blocked|banned|enabled|locked)(_at|_until)?$", "whether the account is disabled"),
    (r"^(created|updated|inserted|modified|deleted)(_?(at|on|date|time))?$|^date_joined$|^version$|^__v$|^is_deleted$",
     "when it was made, changed, removed"),
    (r"last_(log_?in|sign_?in|seen|active)|(login|sign_in)_(count|attempts)|failed", "the audit trail"),
    (r"^(google|facebook|github|twitter|linkedin|apple|microsoft|discord|steam|twitch|tumblr|quickbooks|provider|social"
     r"|open_?id|auth)(_?id)?$", "how the account signs in"),
)  # fmt: skip
_LEFT: tuple[tuple[str, str], ...] = (
    (r"(^|_)(alembic_version|knex_migrations|prisma_migrations|schema_migrations|sequelize_?meta|typeorm_metadata"
     r"|drizzle_migrations|flyway_schema_history|migrations?|migrations_lock|schemaversion)$", "migrations"),
    (r"^(django|auth_(group|permission)|celery|admin_log|content_type|oban|sqlite|spatial_ref)", "a framework's own"),
    (r"(^|_)sessions?$", "sessions: the service has its own"),
    (r"(^|_)(tokens?|blacklists?|blocklists?|token_(blacklist|blocklist)|otps?|authenticators?|passkeys?"
     r"|password_resets?|verifications?|magic_links?|recovery_codes?|security_answers?)$",
     "what an account proves itself with: the service has its own"),
    (r"(^|_)(api_?keys?)$", "API keys: a part of the service"),
    (r"^(user_?)?(roles?|permissions?|role_permissions?|roles_permissions)$|^(user|role)s?_(role|permission)s?$",
     "roles: the service has them in code, in roles.py"),
)  # fmt: skip


@cache
def vocabulary() -> dict[str, Any]:
    """Read what `make domain` knows."""
    return tomllib.loads(files("discover").joinpath("vocabulary.toml").read_text(encoding="utf-8"))


def one(word: str) -> str:
    """Give the singular of a plural in snake case; a word that is none stays."""
    before, _, last = word.rpartition("_")
    irregular = {
        "people": "person",
        "children": "child",
        "men": "man",
        "women": "woman",
        "movies": "movie",
        "news": "news",
    }
    if last in irregular:
        last = irregular[last]
    elif last.endswith("ies") and len(last) > 4:
        last = f"{last[:-3]}y"
    elif last.endswith(("sses", "shes", "ches", "xes", "tuses")):
        last = last[:-2]
    elif last.endswith("s") and not last.endswith(("ss", "us", "is", "news", "series")):
        last = last[:-1]
    return f"{before}_{last}" if before else last


def several(word: str) -> str:
    """Give the plural of a word in snake case."""
    word = one(word)
    before, _, last = word.rpartition("_")
    irregular = {"person": "people", "child": "children", "man": "men", "woman": "women", "news": "news_items"}
    if last in irregular:
        last = irregular[last]
    elif re.search(r"[^aeiou]y$", last):
        last = f"{last[:-1]}ies"
    elif last.endswith("series"):
        last = f"{last}_entries"
    else:
        last = f"{last}es" if last.endswith(("s", "x", "ch", "sh", "z")) else f"{last}s"
    return f"{before}_{last}" if before else last


def holds_people(entity: Entity) -> bool:
    """Tell whether a row of it is a person, by its name."""
    return bool({one(words(name)).rpartition("_")[2] for name in (entity.table, entity.name)} & _PEOPLE) or bool(
        re.search(r"user$", words(entity.name))
    )


def is_account(entity: Entity) -> bool:
    """Tell whether a row of it is somebody who signs in."""
    names = [words(column.name) for column in entity.columns]
    last = {one(words(name)).rpartition("_")[2] for name in (entity.table, entity.name)}
    if entity.kind == "join" or not (last & _ACCOUNTS or re.search(r"user$", words(entity.name))):
        return (
            entity.kind != "join"
            and any(_PROVED.search(name) for name in names)
            and any(re.fullmatch(r"e_?mail(_address)?|user_?name|login", name) for name in names)
        )
    return any(_SIGNS_IN.match(name) for name in names) or ("user" in last and entity.internal == "")


@dataclass(slots=True)
class Noun:
    """One noun: what `make domain` is given."""

    name: str
    singular: str
    table: str
    place: Place
    source: str
    fields: dict[str, str] = field(default_factory=dict)
    owner: str = ""
    """The column that said which account a row belongs to."""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Account:
    """A table of accounts: what of it the service has, and what remains."""

    table: str
    place: Place
    replaced: dict[str, str] = field(default_factory=dict)
    profile: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Left:
    """A table that becomes no noun, and why."""

    table: str
    why: str
    place: Place


@dataclass(slots=True)
class Nouns:
    """Everything that entities.yml says."""

    nouns: list[Noun] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


class _Making:
    """Makes nouns of the entities of one result."""

    def __init__(self, result: Result) -> None:
        self.made = Nouns()
        self.entities: list[Entity] = []
        self.accounts: list[Entity] = []
        self.joins: list[Entity] = []
        self.names: dict[str, tuple[str, str]] = {}
        self.done: set[str] = set()
        for entity in result.entities:
            if entity.proof < Proof.USED:
                continue
            if why := entity.internal or self._left(entity):
                if is_account(entity) and re.search("django|framework", entity.internal):
                    self.accounts.append(entity)
                else:
                    self.made.left.append(Left(plain(entity.table), why, entity.place))
            elif is_account(entity):
                self.accounts.append(entity)
            elif self._links(entity):
                self.joins.append(entity)
            elif not entity.columns:
                self.made.left.append(Left(plain(entity.table), "none of its columns is known", entity.place))
            else:
                self.entities.append(entity)
        for entity in self.entities:
            self.names[entity.table] = self._name(entity)

    @staticmethod
    def _left(entity: Entity) -> str:
        """Say why an entity is no noun of the business; empty where it is one."""
        name = words(entity.table)
        for pattern, why in _LEFT:
            if re.search(pattern, name) or re.search(pattern, words(entity.name)):
                return why
        columns = {words(column.name) for column in entity.columns}
        if {"provider", "provider_account_id"} <= columns or {"provider_id", "account_id"} <= columns:
            return "how accounts sign in elsewhere: the service has its own"
        return ""

    def _links(self, entity: Entity) -> bool:
        """Tell whether it only links two others."""
        linked = [column for column in entity.columns if column.references]
        more = [
            column
            for column in entity.columns
            if not column.references
            and not column.primary_key
            and words(column.name) not in (*vocabulary()["own"], "_id")
        ]
        ends = [self._end(column) for column in linked]
        return len(linked) == 2 and not more and entity.kind == "join" and None not in ends

    def _end(self, column: Column) -> str | None:
        """Say what a column refers to: a table's name, `accounts`, or None where that is no noun."""
        table = column.references.rpartition(".")[0] or column.references
        if table in ("auth.users", "auth_user", "next_auth.users"):
            return "accounts"
        for entity in self.accounts:
            if table in (entity.table, entity.name):
                return "accounts"
        for entity in self.entities:
            if table in (entity.table, entity.name):
                return entity.table
        return None

    def _name(self, entity: Entity) -> tuple[str, str]:
        """Give plural and singular: from the class where there is one, else from the table."""
        base = entity.name if re.match(r"[A-Z][a-z0-9]+", entity.name) else entity.table
        base = re.sub(r"_(entity|model|schema|table|document)$", "", words(base.rpartition(".")[2])) or "thing"
        base = re.sub(r"^[^a-z]+", "", base) or "thing"
        plural, single = several(base), one(base)
        longest = vocabulary()["longest"]
        bad = {*vocabulary()["taken_nouns"], *vocabulary()["reserved"]}
        if plural in bad or keyword.iskeyword(single) or keyword.issoftkeyword(single) or single in ("owner", plural):
            plural, single = f"own_{plural}", f"own_{single}"
        if single in vocabulary()["taken_singulars"]:
            single = f"{single}_entry"
        plural, single = plural[:longest].strip("_"), single[:longest].strip("_")
        used = {name for name, _ in self.names.values()}
        number = 2
        stem, single_stem = plural, single
        while plural in used or single == plural:
            plural, single = f"{stem[: longest - 3]}_{number}s", f"{single_stem[: longest - 3]}_{number}"
            number += 1
        return plural, single

    def make(self) -> Nouns:
        """Make every noun, those that others refer to first."""
        for entity in self.accounts:
            self.made.accounts.append(self._account(entity))
        many = self._many()
        for entity in self._ordered(many):
            self.made.nouns.append(self._noun(entity, many.get(entity.table, [])))
            self.done.add(entity.table)
        for entity in self.joins:
            ends = [self._end(column) for column in entity.columns if column.references]
            if "accounts" in ends:
                self.names[entity.table] = self._name(entity)
                self.made.nouns.append(self._noun(entity, []))
        kept = []
        for noun in self.made.nouns:
            if any(not spec.startswith("many(") for spec in noun.fields.values()):
                kept.append(noun)
            else:
                why = "nothing of it is left beside what every noun has"
                self.made.left.append(Left(noun.table, why, noun.place))
        gone = {noun.name for noun in self.made.nouns} - {noun.name for noun in kept}
        for noun in kept:
            for name, spec in list(noun.fields.items()):
                if (to := re.match(r"(?:ref|many)\((\w+)", spec)) and to[1] in gone:
                    del noun.fields[name]
                    noun.notes.append(f"{name} refers to {to[1]}, which is left out.")
        self.made.nouns = [noun for noun in kept if noun.fields]
        return self.made

    def _many(self) -> dict[str, list[tuple[str, str, str]]]:
        """Give the many-to-many relations, each once, at the larger end: table → (field, other table, how known)."""
        found: dict[str, list[tuple[str, str, str]]] = {}
        seen: set[frozenset[str]] = set()
        sizes = {entity.table: len(entity.columns) for entity in self.entities}
        tables = {name: entity.table for entity in self.entities for name in (entity.name, entity.table)}

        def add(first: str, second: str, how: str) -> None:
            if frozenset((first, second)) in seen:
                return
            seen.add(frozenset((first, second)))
            if self._needs(second, first) or (not self._needs(first, second) and sizes[first] < sizes[second]):
                first, second = second, first
            name = f"other_{one(self.names[second][0])}" if first == second else self.names[second][1]
            found.setdefault(first, []).append((name, second, how))

        for entity in self.joins:
            ends = [self._end(column) for column in entity.columns if column.references]
            first, second = ends[0], ends[1]
            if first and second and "accounts" not in ends:
                add(first, second, f"by {entity.table}")
        for entity in self.entities:
            for relation in entity.relations:
                other = tables.get(relation.target)
                # A table in between that has more to say is a noun itself.
                if relation.kind == "many_to_many" and other and relation.through not in tables:
                    add(entity.table, other, f"by {relation.through}" if relation.through else "")
        return found

    def _needs(self, table: str, other: str) -> bool:
        """Tell whether a table refers to another, over whichever tables."""
        seen: set[str] = set()
        waiting = [table]
        while waiting:
            current = waiting.pop()
            for entity in self.entities:
                if entity.table == current and current not in seen:
                    ends = [self._end(column) for column in entity.columns if column.references]
                    if other in ends and other != current:
                        return True
                    waiting += [end for end in ends if end]
            seen.add(current)
        return False

    def _ordered(self, many: dict[str, list[tuple[str, str, str]]]) -> list[Entity]:
        """Put what is referred to first; where tables refer to each other in a ring, the first of them is."""
        needs = {
            entity.table: {end for column in entity.columns if column.references and (end := self._end(column))}
            | {other for _, other, _ in many.get(entity.table, [])}
            for entity in self.entities
        }

        def missing(entity: Entity, there: set[str]) -> tuple[int, int]:
            """Count what it would refer to too early: first what has to be there, then everything."""
            open_ends = needs[entity.table] - there - {entity.table}
            required = {self._end(column) for column in entity.columns if column.references and not column.nullable}
            return len(open_ends & required), len(open_ends)

        done: list[Entity] = []
        names = {"accounts"}
        waiting = list(self.entities)
        while waiting:
            ready = [entity for entity in waiting if needs[entity.table] - {entity.table} <= names]
            chosen = ready[0] if ready else min(waiting, key=lambda entity: missing(entity, names))
            waiting.remove(chosen)
            done.append(chosen)
            names.add(chosen.table)
        return done

    def _noun(self, entity: Entity, many: list[tuple[str, str, str]]) -> Noun:
        plural, single = self.names[entity.table]
        noun = Noun(plural, single, plain(entity.table), entity.place, entity.source)
        if plural.startswith("own_"):
            noun.notes.append(
                f"The service has {plural.removeprefix('own_')} of its own: choose the name that you want."
            )
        if entity.kind == "schema":
            noun.notes.append("Only a schema of its data is known, no table.")
        for column in entity.columns:
            self._field(entity, noun, column)
        there = {*self.done, entity.table}
        for name, other, how in many:
            if other in there:
                self._add(noun, name, f"many({'self' if other == entity.table else self.names[other][0]})")
                if how:
                    noun.notes.append(f"{name}: {how}.")
            else:
                noun.notes.append(f"{name}: many of {self.names[other][0]}, which comes later; say it there.")
        return noun

    def _field(self, entity: Entity, noun: Noun, column: Column) -> None:
        name = words(column.name)
        if name in ("_id", "id") and not column.references:
            return
        if column.references:
            self._reference(entity, noun, column, name)
            return
        if column.primary_key and plain_type(column, entity) in ("int", "bigint", "uuid", ""):
            return
        if name in vocabulary()["own"] or name in ("__v", "created", "updated", "inserted_at", "modified_at"):
            return
        spec, note = specification(column, entity)
        if re.search(vocabulary()["secret"], name):
            noun.notes.append(f"{column.name} is left out: it names a secret, which no answer of a service may show.")
        elif not spec:
            noun.notes.append(f"{column.name} is left out: {note}.")
        else:
            final = self._add(noun, name, spec)
            if note:
                noun.notes.append(f"{final}: {note}.")

    def _reference(self, entity: Entity, noun: Noun, column: Column, name: str) -> None:
        end = self._end(column)
        stem = re.sub(r"_(id|uuid|fk)$", "", name) or name
        optional = column.nullable and not column.primary_key
        if len(stem) == 1 and end:
            stem = "account" if end == "accounts" else self.names[end][1]
        if end == "accounts":
            if not noun.owner:
                noun.owner = plain(column.name)
            else:
                final = self._add(noun, f"{stem}_id", f"uuid{'?' if optional else ''}")
                noun.notes.append(f"{final} is the id of an account.")
            return
        if end is None:
            noun.notes.append(f"{column.name} is left out: it refers to {column.references}, which is no noun.")
            return
        rule = {"cascade": ",cascade", "set null": ",null"}.get(column.on_delete.lower().replace("_", " "), "")
        if end == entity.table:
            self._add(noun, stem, f"ref(self{rule})?", reference=True)
            return
        if end not in self.done:
            final = self._add(noun, f"{stem}_id", f"uuid{'?' if optional else ''}")
            noun.notes.append(f"{final} refers to {self.names[end][0]}, which comes later: they refer to each other.")
            return
        if rule == ",null" and not optional:
            rule = ""
        option = ":unique" if column.unique else ""
        self._add(noun, stem, f"ref({self.names[end][0]}{rule}){'?' if optional else ''}{option}", reference=True)

    def _add(self, noun: Noun, name: str, spec: str, *, reference: bool = False) -> str:
        """Add a field under a name that `make domain` accepts; what it was called is noted."""
        wanted = name
        name = re.sub(r"_+", "_", re.sub(r"^[^a-z]+", "", name)).strip("_") or "value"
        bad = {*vocabulary()["reserved"], *vocabulary()["taken_fields"], *vocabulary()["own"], "id"}
        bad.add(f"{noun.singular}_id")
        if name in bad or keyword.iskeyword(name) or keyword.issoftkeyword(name):
            name = f"{noun.singular}_{name}"
        name = _short(noun, name, spec)
        if not name:
            noun.notes.append(
                f"{wanted} is left out: with {noun.name}, the names of its constraints would be too long."
            )
            return wanted
        columns = {f"{key}_id" if value.startswith("ref(") else key for key, value in noun.fields.items()}
        stem, number = name, 2
        while name in noun.fields or (f"{name}_id" if reference else name) in columns:
            name = f"{stem[:-2] if len(stem) > 6 else stem}_{number}"
            number += 1
        if name != wanted:
            noun.notes.append(f"{name} was {wanted}.")
        noun.fields[name] = spec
        return name

    def _account(self, entity: Entity) -> Account:
        found = Account(plain(entity.table), entity.place)
        rest = Noun("profiles", "profile", entity.table, entity.place, entity.source)
        rest.owner = "the account"
        for column in entity.columns:
            name = words(column.name)
            what = next((what for pattern, what in _REPLACED if re.search(pattern, name)), "")
            if what or column.primary_key:
                found.replaced[plain(column.name)] = what or "the account's id"
            else:
                self._field_of_profile(entity, rest, column, name)
        found.profile, found.notes = rest.fields, rest.notes
        return found

    def _field_of_profile(self, entity: Entity, rest: Noun, column: Column, name: str) -> None:
        if not column.references:
            self._field(entity, rest, column)
            return
        end = self._end(column)
        if end is None:
            rest.notes.append(f"{column.name} is left out: it refers to {column.references}, which is no noun.")
        elif end == "accounts":
            self._add(rest, f"{re.sub('_id$', '', name)}_id", "uuid?")
        else:
            self._add(rest, re.sub("_id$", "", name), f"ref({self.names[end][0]})?", reference=True)


def _short(noun: Noun, name: str, spec: str) -> str:
    """Shorten a field's name until every name made of it fits into PostgreSQL; empty where none does."""
    known = vocabulary()
    for size in (known["longest"] - 3, 20, 16, 12, 8, 4, 2):
        tried = name[:size].strip("_")
        if all(len(made) <= known["longest_made"] for made in _made(noun, tried, spec)):
            return tried
    return ""


def _made(noun: Noun, name: str, spec: str) -> list[str]:
    """Give the names of constraints and indexes that are made of a field's."""
    to = re.match(r"(ref|many)\((\w+)", spec)
    other = noun.name if to and to[2] == "self" else to[2] if to else ""
    if to and to[1] == "many":
        table = f"{noun.singular}_{name}"
        return [
            f"uq_{table}_{noun.singular}_id_{name}_id",
            f"fk_{table}_{name}_id_{other}",
            f"fk_{table}_{noun.singular}_id_{noun.name}",
        ]
    column = f"{name}_id" if to else name
    made = [f"ck_{noun.name}_{column}_is_in_range", f"ix_{noun.name}_owner_id_{column}_id"]
    return [*made, f"uq_{noun.name}_owner_id_{column}", f"fk_{noun.name}_{column}_{other}"]


def nouns(result: Result) -> Nouns:
    """Make the nouns of a result."""
    return _Making(result).make()


_TYPES: tuple[tuple[str, str], ...] = (
    (r".*(\[\]|^array\b|\barray$)", "array"),
    (r"(bool|boolean|bit|tinyint\(1\))$", "bool"),
    (r"(uuid|uniqueidentifier|guid)$", "uuid"),
    (r"(bigint|int8|bigserial|long|bigincrements|bigautofield|bigintegerfield)", "bigint"),
    (r"(int(?!erval)|smallint|mediumint|tinyint|serial|smallserial|year|autofield|positive\w*|increments)", "int"),
    (r"(numeric|decimal|money|smallmoney)", "decimal"),
    (r"(float|double|real|number)", "float"),
    (r"(json|jsonb|object|mixed|map|hstore|document|record|jsonfield|any)", "json"),
    (r"(timestamp|datetime|timestamptz)", "timestamp"),
    (r"date", "date"),
    (r"(email|emailfield)$", "email"),
    (r"(url|urlfield)$", "url"),
    (r"(text|tinytext|mediumtext|longtext|clob|ntext|textfield)", "text"),
    (r"(string|str|n?varchar2?|n?char|character|bpchar|citext|charfield|slugfield|slug|inet|cidr|macaddr|time|interval"
     r"|objectid|name|enum|cuid)", "line"),
)  # fmt: skip
_LONG = re.compile(r"^(body|content|description|bio|notes?|comment|message|summary|excerpt|html|markdown|about|text)$")
_MONEY = re.compile(r"price|amount|total|cost|balance|salary|fee|budget|revenue")


def plain_type(column: Column, entity: Entity) -> str:
    """Give the vocabulary's word for a column's type; empty where there is none."""
    said = column.type.lower().strip()
    if column.enum:
        return "enum"
    for pattern, kind in _TYPES:
        if re.match(pattern, said):
            if kind == "date" and entity.kind in ("collection", "schema"):
                return "timestamp"
            return kind
    return ""


def specification(column: Column, entity: Entity) -> tuple[str, str]:
    """Write a column as `make domain` reads it, and a note; the first is empty where that can't be."""
    kind, note = plain_type(column, entity), ""
    if kind == "text" and (column.unique or column.index):
        kind = "line"
    name = words(column.name)
    sizes = [int(each) for each in re.findall(r"\d+", column.type.partition("(")[2])]
    length = column.length or (sizes[0] if sizes and kind in ("line", "text") else None)
    inside = ""
    if kind == "enum":
        choices = list(dict.fromkeys(column.enum))
        if all(re.fullmatch(r"[a-z0-9][a-z0-9_-]*", each, re.IGNORECASE) for each in choices):
            inside = f"({','.join(choices)})"
        else:
            kind, note = "line", f"one of {', '.join(choices)}, which are no plain words"
    if kind in ("line", "text") and re.search(r"(^|_)e_?mail(_address)?$", name):
        kind, length = "email", None
    elif kind in ("line", "text") and re.search(r"(^|_)(url|uri|website)$", name):
        kind, length = "url", None
    elif kind == "line" and ((length or 0) > 255 or (length is None and _LONG.match(name))):
        kind = "text"
    if kind == "line":
        inside = f"({length or 255})"
    elif kind == "text" and length and length <= 100_000:
        inside = f"({length})"
    elif kind == "decimal":
        if _MONEY.search(name) and (not sizes or sizes[1:] == [2]):
            kind = "money"
        elif len(sizes) == 2 and 1 <= sizes[0] <= 28 and sizes[1] <= sizes[0]:
            inside = f"({sizes[0]},{sizes[1]})"
    if not kind:
        return "", f"nothing in a service's vocabulary is a {column.type or 'column without a type'}"
    known = vocabulary()
    spec = f"{kind}{inside}{'?' if column.nullable else ''}"
    if column.unique and kind in known["unique"]:
        return f"{spec}:unique", note
    if column.index and kind in known["index"]:
        spec += ":index"
    value = _default(column, kind)
    return (f"{spec}={value}" if value else spec), note


def _default(column: Column, kind: str) -> str:
    """Give a default that is a plain value of its type; empty where it is none, as `now()`."""
    raw = (column.default or "").strip()
    said = re.sub(r"::[\w ]+$", "", raw).strip()
    bare = said.strip("'\"`")
    if kind == "bool":
        return {"true": "true", "1": "true", "false": "false", "0": "false"}.get(bare.lower(), "")
    if kind == "enum":
        return bare if bare in column.enum else ""
    if kind in ("int", "bigint"):
        return bare if re.fullmatch(r"-?\d{1,9}", bare) else ""
    if kind in ("money", "decimal", "float"):
        return bare if re.fullmatch(r"-?\d{1,8}(\.\d{1,2})?", bare) else ""
    if kind in ("line", "text"):
        return bare if said != bare and re.fullmatch(r"[A-Za-z0-9][\w.-]{0,40}", bare) else ""
    return ""


def data(made: Nouns) -> dict[str, Any]:
    """Give the same as plain data, for the schema."""
    return {
        "schema": SCHEMA,
        "nouns": [
            {
                "name": noun.name,
                "singular": noun.singular,
                "table": noun.table,
                **({"owner": noun.owner} if noun.owner else {}),
                "fields": noun.fields,
            }
            for noun in made.nouns
        ],
        "accounts": [
            {"table": each.table, "replaced": each.replaced, "profile": each.profile} for each in made.accounts
        ],
        "left_out": [{"table": each.table, "why": each.why} for each in made.left],
    }


HEAD = """\
The nouns of the business, in the words of `make domain` (docs/how-to.md of a service: "Add a noun").
What is referred to comes first. Every noun has id, owner_id, version, created_at and updated_at anyway.
`owner` is the column that said whose a row is. Delete what you don't want; rename as you like.
"""


def write(made: Nouns) -> str:
    """Write entities.yml, with the evidence as comments."""
    lines = [*comment(HEAD), f"schema: {SCHEMA}", "", "nouns:" if made.nouns else "nouns: []"]
    for noun in made.nouns:
        lines += comment(f"{noun.place} ({noun.source or 'source unknown'})", indent=2)
        for note in noun.notes:
            lines += comment(note, indent=2)
        lines += [f"  - name: {quoted(noun.name)}", f"    singular: {quoted(noun.singular)}"]
        lines += [f"    table: {quoted(noun.table)}"]
        lines += [f"    owner: {quoted(noun.owner)}"] if noun.owner else []
        lines += ["    fields:", *(f"      {quoted(name)}: {quoted(spec)}" for name, spec in noun.fields.items())]
    lines += [
        "",
        *comment("Who signs in. The service has accounts of its own: `replaced` is theirs, `profile` remains."),
    ]
    lines += ["accounts:" if made.accounts else "accounts: []"]
    for each in made.accounts:
        lines += comment(str(each.place), indent=2)
        for note in each.notes:
            lines += comment(note, indent=2)
        lines += [f"  - table: {quoted(each.table)}"]
        for name, pairs in (("replaced", each.replaced), ("profile", each.profile)):
            lines += [f"    {name}:" if pairs else f"    {name}: {{}}"]
            lines += [f"      {quoted(key)}: {quoted(value)}" for key, value in pairs.items()]
    lines += ["", *comment("Tables that become no noun."), "left_out:" if made.left else "left_out: []"]
    for left in made.left:
        lines += comment(str(left.place), indent=2)
        lines += [f"  - table: {quoted(left.table)}", f"    why: {quoted(left.why)}"]
    return "\n".join(lines) + "\n"
