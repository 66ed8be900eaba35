"""What runs beside and around a Python backend: queues, servers, search, and how its packages are installed.

Rules of keys `python_queue`, `python_server` and `python_search` name the packages and, in `commands`, what starts
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from discover.code import Module, Node
from discover.extract.python_web import inner, last, only_if
from discover.findings import Finding, Place, Proof, Row
from discover.project import Project, Unit, Value
from discover.rules import Rule, each, of

COMMAND_FILES = (
    "Procfile*", "Dockerfile*", "*.Dockerfile", "*.dockerfile", "Containerfile", "*.sh", "*entrypoint*", "*.service",
    "*.conf", "*.ini", "docker-compose*.y*ml", "compose*.y*ml", "app.yaml", "app.yml", "app.json", "render.yaml",
    "railway.json", "railway.toml", "fly.toml", "nixpacks.toml", "apprunner.yaml", "Makefile", "*.mk",
    "*deploy*.y*ml", "*worker*.y*ml",
)  # fmt: skip
"""Files that say what is started."""

BROKERS = {
    "amqp": "rabbitmq", "amqps": "rabbitmq", "pyamqp": "rabbitmq", "librabbitmq": "rabbitmq",
    "redis": "redis", "rediss": "redis", "sentinel": "redis", "redis+socket": "redis", "valkey": "valkey",
    "sqs": "sqs", "kafka": "kafka", "confluentkafka": "kafka", "nats": "nats", "mongodb": "mongodb",
    "memory": "memory", "filesystem": "files", "django": "the database", "sqla+postgresql": "postgresql",
    "sqla+sqlite": "sqlite", "sqlite": "sqlite", "postgresql": "postgresql", "postgres": "postgresql",
    "gcpubsub": "pub/sub", "azureservicebus": "azure service bus",
}  # fmt: skip
"""Scheme of a broker's URL → what it is."""

_SETUP = re.compile(
    r"\b(pip3?|poetry|uv|apt(-get)?|apk|pipenv|conda)\s+(-\S+\s+)*(install|add|sync|pip)\b|\b(COPY|ADD|ENV|LABEL|ARG|FROM)\b\s"
)
_NO_COMMAND = re.compile(
    r"\b(echo|image|name|container_name|service|hostname|depends_on|description)\b\s*[:\"']?|^\.PHONY"
)
"""What stands before a word that is no program."""

_APPLICATION = re.compile(r"[\w.]+:\w+|\s-{1,2}\w")
_DEVELOPMENT = re.compile(r"--reload\b|(^|[-_./])(dev|local|development|debug)([-_./]|$)", re.IGNORECASE)
_ASSIGNED = re.compile(r"^\s*-?\s*[\"']?([A-Z][A-Z0-9_]+)[\"']?\s*[:=]\s*[\"']?([^\"'#\s]+)")


@dataclass(slots=True)
class Command:
    """A line that starts something."""

    text: str
    place: Place
    comment: bool = False


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Give queues, servers, search engines and the package manager of a Python unit."""
    if not unit.pypi and not any(path.endswith(".py") for path in project.sources(unit)):
        return
    lines = list(commands(project, unit))
    yield from _queues(project, unit, lines)
    yield from _servers(project, unit, lines)
    yield from _search(project, unit)
    yield from _package_manager(project, unit)


def commands(project: Project, unit: Unit) -> Iterator[Command]:
    """Give the lines of every file that starts something, each with what continues it; comments are marked."""
    for path in project.files(unit, *COMMAND_FILES, root=True):
        comment_marks = ("#", ";", "//", "<!--") if path.endswith((".ini", ".conf")) else ("#", "//")
        rows = project.text(path).splitlines()[:5_000]
        for number, row in enumerate(rows):
            bare = row.strip()
            if not bare:
                continue
            text = bare
            following = number
            while (text.endswith("\\") or _opens(text)) and following + 1 < len(rows) and following - number < 20:
                following += 1
                text = f"{text.removesuffix(chr(92))} {rows[following].strip()}"
            if bare.startswith("- ") or bare.endswith((":", "|", ">", ">-")):
                while (
                    following + 1 < len(rows)
                    and rows[following + 1].strip().startswith("- ")
                    and following - number < 20
                ):
                    following += 1
                    text += f" {rows[following].strip()[2:]}"
            yield Command(text, Place(path, number + 1), bare.startswith(comment_marks))


def _opens(text: str) -> bool:
    return text.count("[") > text.count("]") and bool(re.search(r"\b(CMD|ENTRYPOINT|command|entrypoint|args)\b", text))


def starts(rule: Rule, command: Command) -> bool:
    """Tell whether a line starts a rule's program: the program is a word of its own, and not what is installed."""
    words = "|".join(re.escape(word).replace(r"\ ", r"[\s\"',]+") for word in rule.extra.get("commands", ()))
    program = re.compile(rf"(?:^|[\s\"'=/\[|(]|:\s*)(?:{words})(?=[\s\"',\]]|$)")
    for part in re.split(r"&&|\|\||;", command.text) if words else ():
        found = program.search(part)
        if found is None or _SETUP.search(part) or _NO_COMMAND.search(part[: found.start()]):
            continue
        if re.search(r"[\s\"',]+[\w./$\"'{-]", part[found.end() :]):
            return True
    return False


# -- queues -----------------------------------------------------------------------------------------------------------


def _queues(project: Project, unit: Unit, lines: list[Command]) -> Iterator[Finding]:
    for rule, found in each(project, unit, Row.DELIVERY, "python_queue"):
        found.key = "queue"
        run = [line for line in lines if not line.comment and starts(rule, line)]
        if found.proof < Proof.USED and run:
            found.proof = Proof.USED
            found.places = [line.place for line in run]
        if found.proof >= Proof.USED:
            if run:
                found.proof = Proof.RUNS
                found.places += [line.place for line in run if line.place not in found.places]
            if rule.value == "celery":
                _celery(project, unit, found, run)
            elif rule.value == "arq":
                _arq(project, unit, found)
            else:
                _broker_of_class(project, unit, rule, found)
            found.places = found.places[:6]
        yield found


def _celery(project: Project, unit: Unit, found: Finding, run: list[Command]) -> None:
    """Add the broker, where results go, and whether beat runs."""
    brokers: list[tuple[Module, Node, int]] = []
    results: list[tuple[Module, Node, int]] = []
    beat = next((line.place for line in run if re.search(r"\bbeat\b|\s-B\b|--beat\b", line.text)), None)
    apps: list[Place] = []
    for module in project.mentioning(unit, "elery", "CELERY", "broker_url", "BROKER_URL"):
        if module.language != "python":
            continue
        for call in module.calls:
            name = last(call.node.items[0].dotted)
            if (
                project.origin(module, call.node.items[0], call.function) in ("celery.Celery", "celery.app.Celery")
                or name == "Celery"
            ):
                apps.append(project.place(module, call))
                brokers += [
                    (module, value, call.function) for key, value in call.node.pairs if key in ("broker", "broker_url")
                ]
                brokers += [(module, value, call.function) for value in call.node.arguments[2:3]]
                results += [
                    (module, value, call.function)
                    for key, value in call.node.pairs
                    if key in ("backend", "result_backend")
                ]
            elif name == "update":
                brokers += [
                    (module, value, call.function)
                    for key, value in call.node.pairs
                    if key in ("broker_url", "BROKER_URL")
                ]
                results += [(module, value, call.function) for key, value in call.node.pairs if key == "result_backend"]
                if call.node.get("beat_schedule") is not None:
                    beat = beat or project.place(module, call)
            elif name == "add_periodic_task":
                beat = beat or project.place(module, call)
        named = [*module.bindings.items()]
        named += [pair for name, value in module.bindings.items() if "CELERY" in name.upper() for pair in value.pairs]
        named += [
            (member.name, member.value)
            for class_ in module.classes
            for member in class_.members
            if member.value is not None
        ]
        for name, value in named:
            brokers += [(module, value, -1)] if re.fullmatch(r"(CELERY_)?BROKER(_URL)?|broker_url", name) else []
            results += [(module, value, -1)] if re.fullmatch(r"(CELERY_)?RESULT_BACKEND|result_backend", name) else []
            if re.fullmatch(r"(CELERY_?)?BEAT_SCHEDULE|beat_schedule|CELERYBEAT_SCHEDULE", name):
                beat = beat or Place(module.path, value.line)
            if name == "INSTALLED_APPS" and any(part.value == "django_celery_beat" for part in inner(value)):
                beat = beat or Place(module.path, value.line)
        for assignment in module.assignments:
            target = assignment.target
            key = str(
                target.value if target.kind == "attribute" else target.items[1].value if target.kind == "index" else ""
            )
            if re.fullmatch(r"broker_url|BROKER_URL|CELERY_BROKER_URL", key):
                brokers.append((module, assignment.value, assignment.function))
            elif re.fullmatch(r"result_backend|CELERY_RESULT_BACKEND", key):
                results.append((module, assignment.value, assignment.function))
            elif re.fullmatch(r"beat_schedule|CELERYBEAT_SCHEDULE", key):
                beat = beat or Place(module.path, assignment.line)
    parts = ["celery"]
    broker = _first(project, unit, brokers)
    if broker:
        parts[0] += f" with {broker[0]}"
        found.places.append(broker[1])
    result = _first(project, unit, results)
    if result:
        parts.append(f"results in {result[0]}")
    if beat is not None:
        parts.append("beat")
    found.value = ", ".join(parts)
    found.places = list(dict.fromkeys([*sorted(apps, key=lambda place: -project.proof(place.path)), *found.places]))


def _first(project: Project, unit: Unit, given: list[tuple[Module, Node, int]]) -> tuple[str, Place] | None:
    """Give what the first readable URL is; the expression that is unknown if none is readable."""
    unknown: tuple[str, Place] | None = None
    for module, node, function in given:
        place = Place(module.path, node.line)
        value = project.fold(module, node, function)
        if value.known and value.value is None:
            continue
        kind = kind_of_url(str(value.value)) if value.known else ""
        if kind := kind or _from_environment(project, unit, value, node) or _scheme(project, module, node, function):
            return kind, place
        # A URL may hold a password: it is named by its place.
        unknown = unknown or (f"unknown ({node.dotted or 'URL'} at {place})", place)
    return unknown


def _scheme(project: Project, module: Module, node: Node, function: int) -> str:
    """Tell what a URL that is put together means, if all that it may start with means the same."""
    _, found, _ = project.follow(module, node, function)
    starts = {part.value for part in inner(found) if part.kind == "string" and "://" in str(part.value)}
    kinds = {kind for text in starts if (kind := kind_of_url(str(text)))}
    return kinds.pop() if len(kinds) == 1 else ""


def kind_of_url(text: str) -> str:
    """Tell what a broker's or backend's URL means, from its scheme alone."""
    if text in ("django-db", "django_celery_results.backends:DatabaseBackend") or text.startswith("db+"):
        return "the database"
    if text in ("django-cache", "cache") or text.startswith("cache+"):
        return "the cache"
    if text.startswith("rpc"):
        return "the broker (rpc)"
    scheme = text.partition("://")[0].lower() if "://" in text else text.lower()
    return BROKERS.get(scheme, "")


def _from_environment(project: Project, unit: Unit, value: Value, node: Node) -> str:
    """A URL that the environment gives: what compose and the example of the environment say."""
    names = (
        {value.env}
        if value.env
        else {str(part.value) for part in inner(node) if part.kind == "string" and str(part.value).isupper()}
    )
    names -= {""}
    if not names:
        return ""
    for path in project.files(unit, "docker-compose*.y*ml", "compose*.y*ml", ".env*", "*.env*", "env.*", root=True):
        for row in project.text(path).splitlines():
            found = _ASSIGNED.match(row)
            if found is not None and found[1] in names and (kind := kind_of_url(found[2])):
                return kind
    return ""


def _arq(project: Project, unit: Unit, found: Finding) -> None:
    """A worker's settings are a class that has `functions`."""
    for module in project.importing(unit, "arq"):
        for class_ in module.classes:
            if {"functions", "cron_jobs"} & {member.name for member in class_.members}:
                found.places.insert(0, Place(module.path, class_.line))
                if any(member.name == "cron_jobs" for member in class_.members):
                    found.value = "arq, cron jobs"


def _broker_of_class(project: Project, unit: Unit, rule: Rule, found: Finding) -> None:
    """`RedisBroker(…)`, `RedisHuey(…)`: the class names the broker."""
    names = rule.modules or tuple(name.replace("-", "_") for name in rule.pypi)
    for module in project.importing(unit, *names):
        for call in module.calls:
            made = re.search(
                r"(Redis|Rabbitmq|RabbitMQ|AioPika|Sqlite|Postgres|Nats|Kafka|Memory|InMemory|Stub|SQS)\w*(Broker|Huey|Queue)",
                last(call.node.items[0].dotted),
            )
            if made is not None and made[1] not in ("Stub", "Memory", "InMemory"):
                kind = {"rabbitmq": "rabbitmq", "aiopika": "rabbitmq", "postgres": "postgresql"}.get(
                    made[1].lower(), made[1].lower()
                )
                found.value = f"{rule.value} with {kind}"
                found.places.insert(0, project.place(module, call))
                return


# -- servers ----------------------------------------------------------------------------------------------------------


def _servers(project: Project, unit: Unit, lines: list[Command]) -> Iterator[Finding]:
    known: set[str] = set()
    for rule, found in each(project, unit, Row.DELIVERY, "python_server"):
        yield from _server(project, unit, rule, found, lines)
        known.add(rule.name)
    # A Dockerfile may install and start a server that no manifest lists.
    for rule in of(Row.DELIVERY, "python_server"):
        if rule.name not in known and any(not line.comment and starts(rule, line) for line in lines):
            yield from _server(project, unit, rule, Finding(rule.row, rule.key, rule.value, Proof.NAMED), lines)


def _server(project: Project, unit: Unit, rule: Rule, found: Finding, lines: list[Command]) -> Iterator[Finding]:
    found.key = "server"
    run = [line for line in lines if not line.comment and starts(rule, line)]
    used = found.places if found.proof >= Proof.USED else []
    workers: list[tuple[str, Place]] = []
    if rule.value in ("gunicorn", "uwsgi", "hypercorn"):
        for path in _configurations(project, unit, rule.value):
            run.append(Command(rule.value, Place(path, 1)))
            workers += _configured(project, path)
    for line in run:
        workers += [(count, line.place) for count in _option(project, line, rule.extra.get("workers", ()))]
    for module in project.importing(unit, rule.value):
        for call in module.calls:
            if last(call.node.items[0].dotted) == "run" and (given := call.node.get("workers")) is not None:
                workers.append((str(project.fold(module, given, call.function)), project.place(module, call)))
    if not run and found.proof < Proof.USED:
        bare = [Command(line.text.lstrip("#;/ "), line.place) for line in lines if line.comment]
        commented = [line.place for line in bare if _APPLICATION.search(line.text) and starts(rule, line)]
        if commented and found.proof >= Proof.LISTED:
            yield Finding(
                found.row, rule.value, "listed; only in comments", Proof.LISTED, [*commented[:3], *found.places]
            )
        else:
            yield found
        return
    places = [
        line.place
        for line in sorted(
            run, key=lambda line: bool(_DEVELOPMENT.search(line.text) or _DEVELOPMENT.search(line.place.path))
        )
    ]
    parts = [rule.value]
    if workers:
        count, place = workers[0]
        unit_name = "threads" if rule.value == "waitress" else "workers" if count != "1" else "worker"
        parts.append(f"{count} {unit_name}" if not count.startswith("unknown") else f"workers {count}")
        places.insert(0, place)
        others = sorted({f"{other} at {where}" for other, where in workers if other != count})
        found.note = f"also {', '.join(others)}" if others else ""
    kinds = [kind for line in run for kind in _option(project, line, rule.extra.get("worker_class", ()))]
    if kinds:
        parts.append(f"worker class {kinds[0]}")
    if run:
        found.proof = Proof.RUNS
        if all("--reload" in line.text for line in run if line.text != rule.value):
            found.note = (
                "; ".join(filter(None, [found.note, "with --reload"]))
                if any("--reload" in line.text for line in run)
                else found.note
            )
    found.value = ", ".join(parts)
    found.places = list(dict.fromkeys([*places, *used]))[:6]
    yield found


def _configurations(project: Project, unit: Unit, server: str) -> list[str]:
    patterns = {
        "gunicorn": ("gunicorn.conf.py", "gunicorn_conf.py", "gunicorn.config.py", "gunicorn_config.py", "gunicorn.py"),
        "uwsgi": ("uwsgi.ini", "uwsgi.yml", "uwsgi.yaml", "uwsgi*.ini"),
        "hypercorn": ("hypercorn.toml", "hypercorn.py", "hypercorn_config.py"),
    }[server]
    found = project.files(unit, *patterns, root=True)
    bound = re.compile(r"^(bind|workers|worker_class|accesslog)\s*=", re.MULTILINE)
    return [path for path in found if not path.endswith("gunicorn.py") or bound.search(project.text(path))]


def _configured(project: Project, path: str) -> list[tuple[str, Place]]:
    """Read the workers of a server's configuration file."""
    if path.endswith(".py"):
        module = project.module(path)
        if module is None or "workers" not in module.bindings:
            return []
        node = module.bindings["workers"]
        return [(str(project.fold(module, node)), Place(path, node.line))]
    for number, row in enumerate(project.text(path).splitlines(), 1):
        if (found := re.match(r"^\s*(?:processes|workers)\s*[:=]\s*(\S+)", row)) is not None:
            return [(found[1], Place(path, number))]
    return []


def _option(project: Project, line: Command, names: list[str] | tuple[str, ...]) -> list[str]:
    """Give the value of a command's option; a shell variable is worth its default, which the same file may set."""
    for name in names:
        found = re.search(rf"(?:^|[\s\"',]){re.escape(name)}(?:[\"']?[\s,=]+[\"']?|(?=\d))([^\s\"',\]]+)", line.text)
        if found is None:
            continue
        variable = re.fullmatch(r"\$\{?(\w+)(?::?-([^}]*))?\}?", found[1])
        if variable is None:
            return [found[1]]
        default = variable[2]
        if not default:
            given = re.search(
                rf"^\s*(?:export\s+|ENV\s+|ARG\s+)?{variable[1]}[= ][\"']?(?:\$\{{\w+:?-)?([\w.]+)\}}?[\"']?\s*$",
                project.text(line.place.path),
                re.MULTILINE,
            )
            default = given[1] if given is not None else ""
        return [f"{default} (default of {variable[1]})" if default else f"unknown ({found[1]} at {line.place})"]
    return []


# -- search -----------------------------------------------------------------------------------------------------------


def _search(project: Project, unit: Unit) -> Iterator[Finding]:
    for rule, found in each(project, unit, Row.DATA, "python_search"):
        found.key = "search"
        if found.proof >= Proof.USED:
            names = rule.modules or tuple(name.replace("-", "_") for name in rule.pypi)
            for module in project.importing(unit, *names):
                for call in module.calls:
                    origin = project.origin(module, call.node.items[0], call.function)
                    if origin.split(".")[0] in names and "(" not in origin and not call.decorator:
                        found.places.insert(0, project.place(module, call))
                        if call.conditions:
                            found.value = f"{rule.value} (optional)"
                            found.condition = only_if(call.conditions)
            found.places = list(dict.fromkeys(found.places))[:5]
        yield found


# -- packages ---------------------------------------------------------------------------------------------------------


def _package_manager(project: Project, unit: Unit) -> Iterator[Finding]:
    prefix = f"{unit.folder}/" if unit.folder else ""
    manifest = f"{prefix}pyproject.toml"
    data = project.data(manifest) if project.tree.exists(manifest) else None
    data = data if isinstance(data, dict) else {}
    tools = data.get("tool")
    tools = tools if isinstance(tools, dict) else {}

    def there(name: str) -> str:
        return next((path for path in (f"{prefix}{name}", name) if project.tree.exists(path)), "")

    def line(pattern: str) -> Place:
        return Place(manifest, project.tree.line(manifest, pattern))

    found: list[tuple[str, list[Place], str]] = []
    if "poetry" in tools or there("poetry.lock"):
        listed = isinstance(tools.get("poetry"), dict) and "dependencies" in tools["poetry"]
        where = r"^\[tool\.poetry\.dependencies\]" if listed else r"^\[(project|tool\.poetry)\b"
        notes = [
            *(["[tool.poetry.dependencies]"] if listed else []),
            *(["no [project]"] if "project" not in data else []),
        ]
        found.append(("poetry", [line(where)] if data else [Place(there("poetry.lock"))], ", ".join(notes)))
    if there("uv.lock") or "uv" in tools:
        found.append(("uv", [Place(there("uv.lock"), 1) if there("uv.lock") else line(r"^\[tool\.uv")], ""))
    if there("pdm.lock") or "pdm" in tools:
        found.append(("pdm", [Place(there("pdm.lock"), 1) if there("pdm.lock") else line(r"^\[tool\.pdm")], ""))
    if pipfile := there("Pipfile"):
        found.append(("pipenv", [Place(pipfile, 1)], ""))
    requirements = [path for path in unit.manifests if path.endswith((".txt", ".in"))]
    if requirements and not found:
        best = min(requirements, key=lambda path: (path.count("/"), len(path)))
        found.append(
            ("pip", [Place(best, 1)], f"{len(requirements)} requirements files" if len(requirements) > 1 else "")
        )
    for value, places, note in found:
        yield Finding(Row.DELIVERY, "package_manager", value, Proof.USED, places, note=note)
