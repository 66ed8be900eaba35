"""From what was found to the template's answers: answers.yml, each with its evidence."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from discover.engine import Result
from discover.findings import ABSENT, Entity, Finding, Proof
from discover.nouns import holds_people
from discover.questions import asked, default, derive, questions, refusals
from discover.text import comment, plain, quoted, words


@dataclass(slots=True)
class Answer:
    """An answer that follows from what was found."""

    name: str
    value: str | list[str]
    why: list[str]


@dataclass(slots=True)
class Open:
    """A question that remains."""

    name: str
    question: str
    default: Any
    notes: list[str] = field(default_factory=list)
    """What was seen that a person should know when they answer."""


@dataclass(slots=True)
class Answers:
    """What is answered, and what remains to be asked."""

    given: list[Answer] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)

    @property
    def values(self) -> dict[str, str | list[str]]:
        """Give the answers alone, as Copier takes them."""
        return {answer.name: answer.value for answer in self.given}


_EMAIL = r"(^|_)e_?mails?(_address)?$"
_PERSONAL: tuple[str, ...] = (
    _EMAIL,
    r"^(first|last|given|family|full|middle|maiden|sur)_?name$",
    r"^(author|customer|contact|recipient|user|guest|client|patient|holder)_name$",
    r"(^|_)(phone|mobile|telephone)(_?(number|no))?$",
    r"^((billing|shipping|home|mailing|postal|street|delivery)_)?address(es)?(_?line_?\d?)?$",
    r"^(street(_address)?|post(al)?_?code|zip_?code)$",
    r"birth_?(day|date)|date_of_birth|^dob$",
    r"^(gender|sex|nationality|religion|ethnicity|marital_status)$",
    r"(^|_)ip(_?addr(ess)?)?$",
    r"passport|national_id|^ssn$|social_security|driver_?s?_licen[cs]e",
)
_CARDS = r"(^|_)card_?(num(ber)?|no|cvv|cvc)$|^(cvv|cvv2|cvc)$|^credit_?card(_?num(ber)?)?$"
_HEALTH = (
    r"diagnos[ie]s|medical_(record|history|condition|notes?)|blood_(type|group|pressure)|medications?$|prescriptions?$"
    r"|(^|_)allerg(y|ies)$|symptoms?$|icd_?10|health_(record|insurance|condition|data)|^patient_|immuni[sz]ation|vaccinat"
)
_CHILDREN = r"parent(al)?_consent|^guardian_|^child_name$|^parent_(e_?mail|phone|name)$"
_PAYMENT = r"^payment_methods?$|^(card_)?last_?(4|four)$|^card_brand$|^iban$"

_PIPELINES = {"github": r"\bgithub\b", "gitlab": r"\bgitlab\b"}
_PARTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("api_keys", ("api_key", "api_keys"), ""),
    (
        "browser",
        ("session", "sessions", "auth"),
        r"cookie|express-session|session \(|flask.login|next-?auth|auth\.js|better-auth|lucia|iron-session"
        r"|supabase auth|supabase ssr|django (auth|session)|browser session",
    ),
    ("email", ("mail", "mailer", "email", "email_verification", "password_reset"), ""),
    ("load_test", ("load_tests",), ""),
    ("second_factor", ("second_factor", "mfa", "totp"), ""),
    ("websockets", ("websockets", "websocket", "realtime"), ""),
)
"""A part of the service, the keys that speak for it, and what their value has to say."""

_LOAD_REMARKS = (
    ("load_rate", "A rate that is not simply requests per second: {}."),
    ("load_peak_vus", "Virtual users are not requests per second: {}."),
    ("peak_hint", "A hint, and no more: {}."),
)
_GENERIC = frozenset(
    {
        "app", "apps", "src", "api", "server", "backend", "config", "core", "lib", "project", "main", "source", "web",
        "service", "services", "packages", "tests", "migrations", "alembic", "common", "settings", "scripts", "docs",
        "requirements", "docker", "deploy", "ops", "infra", ".github",
    }
)  # fmt: skip


def told(found: Finding) -> str:
    """Say a finding on one line, with its places."""
    said = ", ".join(plain(part) for part in (str(found.value), found.scope, found.condition) if part)
    where = ", ".join(plain(place) for place in found.places[:3])
    return f"{said} ({where})" if where else said


def answers(result: Result) -> Answers:
    """Work out the answers. What the template would refuse is not among them."""
    made = Answers()
    notes: dict[str, list[str]] = {}
    for name, work in (
        ("project_name", _project_name),
        ("description", _description),
        ("peak_rps", _peak_rps),
        ("data_class", _data_class),
        ("compliance", _compliance),
        ("deploy", _deploy),
        ("ci", _ci),
    ):
        answer, remarks = work(result)
        notes[name] = remarks
        if answer is not None:
            made.given.append(answer)
    _drop_refused(made, notes)
    answer, notes["parts"] = _parts(result, made.values)
    if answer is not None:
        made.given.append(answer)
        _drop_refused(made, notes)
    order = list(questions())
    made.given.sort(key=lambda answer: order.index(answer.name))
    values = made.values
    for name, question in questions().items():
        if name not in values and (question.get("ask", True) or notes.get(name)):
            made.open.append(Open(name, asked(name), default(name, values), notes.get(name, [])))
    return made


def _drop_refused(made: Answers, notes: dict[str, list[str]]) -> None:
    for name, said in refusals(made.values).items():
        wrong = next(answer for answer in made.given if answer.name == name)
        made.given.remove(wrong)
        notes.setdefault(name, []).append(f"What was found is not accepted: {said} ({'; '.join(wrong.why)})")


# One answer each.

_Worked = tuple[Answer | None, list[str]]


def _project_name(result: Result) -> _Worked:
    unit = result.unit
    name = unit.name
    if (
        unit.folder
        and name.lower() in _GENERIC
        and (root := next((each.name for each in result.units if not each.folder), ""))
    ):
        name = f"{root} {name}"
    sources = [(name, f"{unit.place}: the name in the manifest" if unit.place.path else "the manifest's name")]
    if unit.pypi and not unit.npm and (package := _package(result)):
        sources.append((package, f"no manifest has a name: {package}/ is where its code is"))
    folder = unit.folder.rpartition("/")[2] or result.root.name
    sources.append((folder, "no manifest has a name: the folder's"))
    for source, why in sources:
        name = clean_name(source)
        if name and not refusals({"project_name": name}):
            return Answer("project_name", name, [why]), []
        if "a library's name" in refusals({"project_name": name or "x"}).get("project_name", ""):
            return Answer("project_name", f"{name} service", [f"{why}; a library is called {name}"]), []
    return None, ["Neither a manifest nor the folder has a name that can be taken."]


def clean_name(name: str) -> str:
    """Take out of a name what the template would not accept: an npm scope, strange characters, too much of it."""
    name = re.sub(r"^@[^/]*/", "", plain(name))
    name = re.sub(r"[^\w .,&+()!'-]+", " ", name)
    return " ".join(name.split())[:60].strip()


def _package(result: Result) -> str:
    """Give the Python package that most of its tables and operations are in."""
    prefix = f"{result.unit.folder}/" if result.unit.folder else ""
    places = [entity.place for entity in result.entities if not entity.internal] + [
        route.place for route in result.routes
    ]
    inner = [place.path.removeprefix(prefix) for place in places if place.path.startswith(prefix)]
    counted = Counter(path.partition("/")[0] for path in inner if "/" in path)
    for name, _ in counted.most_common():
        if name.lower() not in _GENERIC:
            return name
    return ""


def _description(result: Result) -> _Worked:
    text = plain(result.unit.description)
    if not text:
        return None, []
    if refusals({"description": text}):
        shorter = text.removesuffix(".").replace("`", "'").replace('"', "'")
        if refusals({"description": shorter}):
            return None, []
        text = shorter
    return Answer("description", text, [str(result.unit.place)]), []


def _peak_rps(result: Result) -> _Worked:
    found = result.used("peak_rps")
    rates = [(rate, each) for each in found if (rate := per_second(each.value)) is not None]
    if rates:
        rate, best = max(rates, key=lambda pair: pair[0])
        return Answer("peak_rps", str(rate), [f"the highest arrival rate of the load tests: {told(best)}"]), []
    notes = [f"{told(each)}: this rate could not be read." for each in found]
    notes += [words.format(told(each)) for key, words in _LOAD_REMARKS for each in result.used(key)]
    return None, notes


def per_second(value: str | int) -> int | None:
    """Read an arrival rate: `120 per second`, `7200 per minute`; None for what is none."""
    if isinstance(value, int):
        return value or None
    if value.startswith("unknown ("):
        return None
    found = re.match(
        r"\D{0,20}?(\d+(?:\.\d+)?)\s*(?:requests?|iterations?|arrivals?|users?|rps|req)?\s*"
        r"(?:(?:per|/|a)\s*(\d+)?\s*(s|sec|seconds?|m|min|minutes?|h|hours?)\b)?",
        value,
    )
    if found is None or re.search(r"\bVUs?\b|virtual", value):
        return None
    window = {"m": 60, "h": 3600}.get((found[3] or "s")[0], 1) * int(found[2] or 1)
    return max(1, round(float(found[1]) / window)) if float(found[1]) and window else None


def columns_like(result: Result, pattern: str) -> list[tuple[Entity, str]]:
    """Give the columns whose name fits; what only refers to others, counts or says yes or no is none."""
    return [
        (entity, column.name)
        for entity in result.entities
        if entity.proof >= Proof.USED
        for column in entity.columns
        if re.search(pattern, words(column.name)) and not column.references and "bool" not in column.type
    ]


def _columns(found: list[tuple[Entity, str]], most: int = 4) -> str:
    """Write columns with their places."""
    said = [f"{entity.table}.{name} ({entity.place})" for entity, name in found[:most]]
    return ", ".join(said) + (f" and {len(found) - most} more" if len(found) > most else "")


def personal(result: Result) -> list[tuple[Entity, str]]:
    """Give the columns that are about people, those that say most first."""
    found = [pair for pattern in _PERSONAL for pair in columns_like(result, pattern)]
    for pattern in (r"^(user_?name|display_?name|nick_?name)$", r"^name$"):
        found += [pair for pair in columns_like(result, pattern) if holds_people(pair[0])]
    seen: list[tuple[Entity, str]] = []
    for pair in found:
        if not any(pair[0] is other and pair[1] == name for other, name in seen):
            seen.append(pair)
    return seen


def health(result: Result) -> list[tuple[Entity, str]]:
    """Give the columns that are about somebody's health."""
    patients = [
        (entity, entity.columns[0].name)
        for entity in result.entities
        if entity.columns and re.search(r"(^|_)patients?$", words(entity.table))
    ]
    return columns_like(result, _HEALTH) + patients


def _data_class(result: Result) -> _Worked:
    for what, found in (
        ("card numbers are stored", columns_like(result, _CARDS)),
        ("data about health is stored", health(result)),
        ("data about children is stored", columns_like(result, _CHILDREN)),
    ):
        if found:
            return Answer("data_class", "regulated", [f"{what}: {_columns(found)}"]), []
    if about := personal(result):
        why = [f"about people: {_columns(about)}"]
        if all(entity.kind == "schema" for entity, _ in about):
            why.append("only schemas of data say so, no table")
        return Answer("data_class", "personal", why), []
    if result.entities:
        return None, ["No column that was found is about people by its name; you may know better."]
    return None, ["No stored data was found."]


def _compliance(result: Result) -> _Worked:
    """Never answer: a law applies or not, whatever the code says."""
    notes = []
    if cards := columns_like(result, _CARDS):
        notes.append(f"Card numbers are stored ({_columns(cards)}): ask whether PCI DSS applies.")
    elif paid := [told(each) for each in result.used("payments")] or [
        _columns(found) for found in [columns_like(result, _PAYMENT)] if found
    ]:
        notes.append(
            f"Payments are taken ({'; '.join(paid)}): ask whether PCI DSS applies, also where another hosts the form."
        )
    if ill := health(result):
        notes.append(f"Health is in the data ({_columns(ill)}): ask whether HIPAA applies.")
    if about := personal(result):
        notes.append(f"People are in the data ({_columns(about, 2)}): ask whether GDPR applies.")
    return None, notes


def _looked(result: Result, key: str) -> bool:
    """Tell whether it was looked for everywhere and is not there."""
    return any(found.key == key and str(found.value).startswith(ABSENT) for found in result.findings)


def _deploy(result: Result) -> _Worked:
    compose = [each for each in result.used("compose") if not str(each.value).startswith(ABSENT)]
    docker = [each for each in result.used("docker") if not str(each.value).startswith(ABSENT)]
    with_app = [
        each
        for each in compose
        if not re.search(r"\bonly\b|no app|without (the |an )?app", f"{each.value} {each.note}")
    ]
    elsewhere = [
        f"Deployed today by {told(each)}, for which the template has no choice."
        for key in ("hosting", "serverless", "cluster", "procfile")
        for each in result.used(key)
    ][:3]
    runs = [each for each in result.used("deployment") if each.value == "compose"]
    with_app = with_app or (runs and compose + runs)
    if with_app or (compose and docker):
        return Answer("deploy", "compose", [told(each) for each in (with_app or docker + compose)[:2]]), []
    if docker:
        return None, [
            f"An image is built ({told(docker[0])}) and no compose file runs it: `compose` is near.",
            *elsewhere,
        ]
    if compose:
        why = f"{told(compose[0])}: that is no deployment; take this line out for the default, compose"
        return Answer("deploy", "none", [why, *elsewhere]), []
    if _looked(result, "docker") and _looked(result, "compose"):
        why = "neither a Dockerfile nor a compose file is there; take this line out for the default, compose"
        return Answer("deploy", "none", [why, *elsewhere]), []
    return None, elsewhere


def _ci(result: Result) -> _Worked:
    found = [each for each in result.used("ci") if not str(each.value).startswith((ABSENT, "none"))]
    for choice, pattern in _PIPELINES.items():
        said = [each for each in found if re.search(pattern, str(each.value), re.IGNORECASE)]
        if said:
            return Answer("ci", choice, [told(each) for each in said[:2]]), []
    if found:
        return None, [f"Checked today by {told(each)}: no such choice, so choose where it goes." for each in found]
    if _looked(result, "ci"):
        return Answer("ci", "none", ["no pipeline is there; take this line out for the default, github"]), []
    return None, []


def _parts(result: Result, given: dict[str, Any]) -> _Worked:
    usual = [str(part) for part in default("parts", given)]
    why: dict[str, list[str]] = {}
    notes: list[str] = []
    for part, keys, pattern in _PARTS:
        for each in (found for key in keys for found in result.used(key)):
            said = str(each.value)
            if each.unknown or said.startswith((ABSENT, "none")) or (pattern and not re.search(pattern, said, re.I)):
                continue
            if each.condition:
                notes.append(f"{part} is used under a condition: {told(each)}.")
            else:
                why.setdefault(part, []).append(told(each))
    if lines := [plain(f"{route.path} ({route.place})") for route in result.routes if route.method == "WS"]:
        why.setdefault("websockets", []).extend(lines)
    if not set(why) - set(usual):
        return None, notes + [f"{part} is in use: {'; '.join(said[:2])}." for part, said in why.items()]
    chosen = [part for part in questions()["parts"]["choices"].values() if part in usual or part in why]
    demanded: dict[str, str] = derive(given | {"parts": chosen})["demanded_parts"]
    told_why = []
    for part in chosen:
        if part in why:
            told_why.append(f"{part}: {'; '.join(why[part][:2])}")
        else:
            told_why.append(f"{part}: {demanded.get(part, 'a default of the template')}")
    for law in questions()["compliance"]["choices"].values():
        lacking = set(derive(given | {"parts": chosen, "compliance": [law]})["demanded_parts"]) - set(chosen)
        if lacking:
            told_why.append(f"If compliance will hold {law}, add {', '.join(sorted(lacking))} here.")
    return Answer("parts", chosen, told_why + notes), []


# The file.

HEAD = """\
What `discover` could answer from the code. Read it, change it, then:
  copier copy --data-file answers.yml TEMPLATE my-service
What is commented out could not be told: Copier asks it.
"""


def write(made: Answers, result: Result | None = None) -> str:
    """Write answers.yml: what is known, with its evidence; what is open stands commented out with its question."""
    lines = comment(HEAD)
    if result is not None:
        unit = result.unit.folder or "the root"
        lines += comment(f"Read: {result.root.name}, {unit}{f' ({result.unit.name})' if result.unit.name else ''}")
    known = {answer.name: answer for answer in made.given}
    missing = {question.name: question for question in made.open}
    for name in questions():
        if answer := known.get(name):
            lines += ["", *(line for why in answer.why for line in comment(why))]
            lines.append(f"{name}: {quoted(answer.value)}")
        elif question := missing.get(name):
            lines += ["", *comment(f"OPEN: {question.question}")]
            lines += [line for note in question.notes for line in comment(note)]
            lines.append(f"# {name}: {quoted(question.default)}")
    return "\n".join(lines) + "\n"
