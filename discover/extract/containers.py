"""Images and compose files: what a Dockerfile makes, and which services a compose file really starts."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from discover import dockerfile
from discover.findings import ABSENT, Finding, Place, Proof, Row
from discover.project import Project, Unit
from discover.rules import Rule, rules

MAX_NAMED = 10
MAX_FILES = 5

_ASIDE = re.compile(
    r"(^|/)(tests?|__tests__|e2e|fixtures?|examples?|docs?|samples?|templates?|cookbook|demos?|benchmarks?|\.(?!docker|deploy|infra)[\w-]+)/",
    re.IGNORECASE,
)
_FOR_TESTS = re.compile(
    r"(^|[._/-])(tests?|testing|ci|e2e|smoke|spec|integration|sut|bench\w*)([._/-]|$)", re.IGNORECASE
)
_FOR_DEVELOPMENT = re.compile(
    r"(^|[._/-])(dev|develop|development|local|debug|devcontainer|override)([._/-]|$)", re.IGNORECASE
)
_FOR_PRODUCTION = re.compile(r"(^|[._/-])(prod|production|release|deploy)([._/-]|$)", re.IGNORECASE)
_WORKER = re.compile(
    r"\b(celery\b.*\b(worker|beat)|rq worker|rqworker|arq|dramatiq|huey\w*|taskiq worker|qcluster|bullmq|queue:work)\b"
    r"|\b(worker|scheduler|consumer|cron|beat|jobs?)(\.[jt]s|\.py|:\w+)?\b",
    re.IGNORECASE,
)
_WORKER_NAME = re.compile(
    r"(^|[_-])(workers?|celery\w*|beats?|scheduler|cron|consumers?|queue|jobs?|tasks?|flower)([_-]|$)", re.IGNORECASE
)
_ONCE = re.compile(r"(^|[_-])(migrat\w*|seed\w*|init|setup|create[_-].*|tests?|lint\w*|docs)([_-]|$)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?[^}]*\}|\$(\w+)")
_NO_APPLICATION = frozenset({"database", "cache", "broker", "search", "tool"})
_GENERIC = frozenset({"app", "worker", "application", "service"})


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find the image of a unit, and the compose files that start it."""
    yield from images(project, unit)
    yield from composed(project, unit)


# -- images -----------------------------------------------------------------------------------------------------------


def images(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find the Dockerfiles: the one for production is told, others are counted."""
    read: dict[str, dockerfile.Image] = {}
    for path in project.files(unit, *rules()["docker"].files, root=True, tests=True):
        if _ASIDE.search(path) or re.search(r"\.(dockerignore|md|txt|sh)$|(^|/)\.[^/]*$", path):
            continue
        image = dockerfile.read(project.text(path))
        if image.stages:
            read[path] = image
    own = {path: image for path, image in read.items() if image.copies and not _tool(image)}
    own = own or {path: image for path, image in read.items() if not _tool(image)}
    if not own:
        return
    first, *more = sorted(own, key=lambda path: _order(unit, path))
    value = f"{first}, {describe(own[first])}"
    if more:
        value += f" (and {len(more)} more: {', '.join(more[:6])}{', …' if len(more) > 6 else ''})"
    tools = sorted(read.keys() - own.keys())
    yield Finding(
        Row.DELIVERY,
        "docker",
        value,
        Proof.USED,
        [Place(path, own[path].last.line) for path in (first, *more)][:6],
        note=f"not of the application: {', '.join(tools)}" if tools else "",
    )


def _tool(image: dockerfile.Image) -> bool:
    return image_kind(rules()["compose"], image.base)[0] in _NO_APPLICATION


def _order(unit: Unit, path: str) -> tuple[bool, bool, bool, bool, int, str]:
    inner = path[len(unit.folder) + 1 :] if unit.folder and path.startswith(f"{unit.folder}/") else path
    return (
        bool(unit.folder) and inner == path,
        bool(_FOR_TESTS.search(inner) or _FOR_DEVELOPMENT.search(inner)),
        path.rpartition("/")[2].lower() not in ("dockerfile", "containerfile") and not _FOR_PRODUCTION.search(inner),
        not _FOR_PRODUCTION.search(inner) and "/" in inner,
        path.count("/"),
        path,
    )


def describe(image: dockerfile.Image) -> str:
    """Write what an image is: stages, base, user."""
    base = image.base.partition("@")[0]
    said = ["multi-stage"] if len(image.stages) > 1 else []
    if "distroless" in base:
        said.append("distroless")
    user = image.user or ("nonroot" if ":nonroot" in base else "")
    said += [f"user {user}" if user else "no user set", f"from {base}"]
    return ", ".join(said)


# -- compose ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Service:
    """A service of a compose file."""

    name: str
    kind: str
    """`app`, `worker`, `once`, `other unit`, or what its image is."""
    label: str
    line: int


@dataclass(slots=True)
class Compose:
    """A compose file."""

    path: str
    services: list[Service] = field(default_factory=list)
    overlay: bool = False
    """It only changes services of another file."""
    tests: bool = False
    development: bool = False

    def of(self, *kinds: str) -> list[Service]:
        """Give the services of these kinds."""
        return [service for service in self.services if service.kind in kinds]

    def __str__(self) -> str:
        """Write what it starts."""
        said = _named("app service", self.of("app")) + _named("worker", self.of("worker"))
        others = Counter(service.label for service in self.services if service.kind not in ("app", "worker", "once"))
        said += [label if number == 1 else f"{number} x {label}" for label, number in others.items()]
        return _listed(said if len(said) <= MAX_NAMED else [*said[:MAX_NAMED], f"{len(said) - MAX_NAMED} more"])


def _named(word: str, services: list[Service]) -> list[str]:
    names = [service.name for service in services if service.name not in _GENERIC]
    if not services:
        return []
    if not names:
        return [word]
    return [f"{word if len(services) == 1 else f'{word}s'} {_listed(names)}"]


def _listed(items: list[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def composed(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find the compose files, and whether one runs the application itself."""
    every = [
        compose
        for path in project.files(unit, *rules()["compose"].files, root=True, tests=True)
        if not re.search(r"(^|/)(examples?|docs?|samples?|templates?|fixtures?|\.(?!docker|deploy|infra)[\w-]+)/", path)
        and (compose := read_compose(project, unit, path)) is not None
    ]
    if not every:
        yield from in_strings(project, unit)
        return
    every.sort(
        key=lambda compose: (
            bool(_FOR_TESTS.search(compose.path)),
            compose.path.count("/"),
            len(compose.path),
            compose.path,
        )
    )
    tests = [compose for compose in every if compose.tests and not compose.overlay]
    overlays = [compose for compose in every if compose.overlay]
    real = [compose for compose in every if not compose.tests and not compose.overlay]
    real.sort(key=lambda compose: compose.development)
    yield Finding(
        Row.DELIVERY,
        "compose",
        _value(real, tests),
        Proof.USED,
        [place for compose in (real or tests) for place in _places(compose)][:8],
        note="; ".join(
            f"{word}: {', '.join(compose.path for compose in files[:5])}"
            for word, files in (("for tests only", tests if real else []), ("overlays", overlays))
            if files
        ),
    )
    running = [compose for compose in real if compose.of("app")]
    deployed = [compose for compose in running if not compose.development]
    for compose in (deployed or running)[:1]:
        yield Finding(
            Row.DELIVERY,
            "deployment",
            "compose",
            Proof.USED if deployed else Proof.NAMED,
            [Place(compose.path, service.line) for service in compose.of("app")][:4],
            note="" if deployed else "only a compose file for development runs the application",
        )


def _places(compose: Compose) -> list[Place]:
    first = compose.of("app", "worker") or compose.services
    return [Place(compose.path, service.line) for service in first[:1]]


def _value(real: list[Compose], tests: list[Compose]) -> str:
    if not real:
        return (
            f"tests only: {', '.join(f'{compose.path} ({compose})' for compose in tests)}" if tests else "overlays only"
        )
    if len(real) == 1:
        only = real[0]
        if not only.of("app", "worker", "other unit", "once"):
            databases = only.of("database") and not only.of("other", "broker", "search", "proxy")
            return f"{'database' if databases else 'services around the application'} only ({only}), no app service"
        return f"compose with {only}"
    told = [f"{compose.path} with {compose}" for compose in real[:MAX_FILES]]
    told += [f"{len(real) - MAX_FILES} more"] if len(real) > MAX_FILES else []
    return f"{len(real)} compose files: {'; '.join(told)}"


def read_compose(project: Project, unit: Unit, path: str) -> Compose | None:
    """Read a compose file; None if it has no services."""
    data = project.data(path)
    services = data.get("services") if isinstance(data, dict) else None
    if not isinstance(services, dict) or not services:
        return None
    compose = Compose(
        path,
        tests=bool(_FOR_TESTS.search(path) or _ASIDE.search(path)),
        development=bool(_FOR_DEVELOPMENT.search(path)),
        overlay=not any(
            isinstance(service, dict) and service.keys() & {"image", "build", "extends"}
            for service in services.values()
        ),
    )
    lines = project.text(path).splitlines()
    start = next((number for number, line in enumerate(lines) if re.match(r"services\s*:", line)), 0)
    for key, service in services.items():
        if isinstance(service, dict):
            service = extended(project, path, services, service)
            named = re.compile(rf"\s+[\"']?{re.escape(str(key))}[\"']?\s*:")
            line = next((number for number, text in enumerate(lines[start:], start + 1) if named.match(text)), 0)
            kind, label = kind_of(project, unit, path, str(key), service)
            compose.services.append(Service(str(key), kind, label, line))
    return compose


def extended(
    project: Project, path: str, services: dict[str, Any], service: dict[str, Any], depth: int = 0
) -> dict[str, Any]:
    """Add what a service takes over from another one, of this file or of another."""
    base = service.get("extends")
    base = {"service": base} if isinstance(base, str) else base
    if not isinstance(base, dict) or depth > 4:
        return service
    if isinstance(base.get("file"), str):
        path = posixpath.normpath(posixpath.join(path.rpartition("/")[0], base["file"]))
        data = project.data(path) if project.tree.exists(path) else None
        found = data.get("services") if isinstance(data, dict) else None
        services = found if isinstance(found, dict) else {}
    inner = services.get(str(base.get("service")))
    if not isinstance(inner, dict):
        return service
    return {**extended(project, path, services, inner, depth + 1), **service}


def kind_of(project: Project, unit: Unit, path: str, name: str, service: dict[str, Any]) -> tuple[str, str]:
    """Tell what a service is, and what to call it: (kind, label)."""
    build = service.get("build")
    image = _filled(service.get("image"))
    known, label = image_kind(rules()["compose"], image)
    role = _role(name, service)
    if build is None:
        if known == "language" and _mounts_code(service):
            return role, name
        if not image:
            return ("app" if "extends" in service else "other"), name
        if known == "other" and _published(project, unit, image):
            return role, name
        return known, label
    folder = path.rpartition("/")[0]
    context = build if isinstance(build, str) else build.get("context", ".") if isinstance(build, dict) else "."
    inner = posixpath.normpath(posixpath.join(folder, _filled(context))).removeprefix("./")
    file = _filled(build.get("dockerfile")) if isinstance(build, dict) else ""
    recipe = posixpath.normpath(posixpath.join(inner, file or "Dockerfile"))
    owner = _owner(project, unit, "" if inner == "." else inner, recipe)
    if owner is not None:
        return "other unit", f"{name} (of {owner.folder})"
    if project.tree.exists(recipe):
        made = dockerfile.read(project.text(recipe))
        if made.stages and not made.copies and not _mounts_code(service):
            return "tool", name
        if _ASIDE.search(recipe):
            return "other", name
        base, _ = image_kind(rules()["compose"], made.base) if made.stages else ("other", "")
        if base in _NO_APPLICATION or (base == "proxy" and len(made.stages) == 1):
            return base, f"{name} (own image)"
    return role, name


def _published(project: Project, unit: Unit, image: str) -> bool:
    """Tell whether an image is the codebase's own: it has the name of the unit, of its root or of the folder."""
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0].lower()
    folder = re.split(r"[+/]", project.tree.root.name)[-1]
    for own in (unit.name.rpartition("/")[2], project.units[0].name.rpartition("/")[2], folder):
        own = own.lower()
        if len(own) > 2 and (
            name == own or name.startswith(f"{own}-") or (len(name) > 4 and own.startswith(f"{name}-"))
        ):
            return True
    return False


def _owner(project: Project, unit: Unit, context: str, recipe: str) -> Unit | None:
    """Give the other unit that a build is of; None if it is of this one, or of the whole codebase."""
    if project.tree.exists(recipe):
        owner = project.unit_of(recipe)
        if owner is not unit and owner.folder:
            return owner
    if context in ("", unit.folder) or unit.folder.startswith(f"{context}/"):
        return None
    owner = project.unit_of(f"{context}/Dockerfile")
    return owner if owner is not unit and owner.folder and not owner.workspace else None


def _role(name: str, service: dict[str, Any]) -> str:
    command = service.get("command") or service.get("entrypoint") or ""
    text = " ".join(map(str, command)) if isinstance(command, list) else str(command)
    if _WORKER_NAME.search(name) or _WORKER.search(text):
        return "worker"
    return "once" if _ONCE.search(name) else "app"


def _mounts_code(service: dict[str, Any]) -> bool:
    volumes = service.get("volumes")
    for volume in volumes if isinstance(volumes, list) else []:
        source = (
            volume if isinstance(volume, str) else str(volume.get("source", "")) if isinstance(volume, dict) else ""
        )
        if re.match(r"(\.{1,2}/?|\./(src|app|server|backend|api)/?|\$\{?PWD\}?/?)(:|$)", source):
            return True
    return False


def _filled(value: Any) -> str:
    """Fill the defaults of variables in; those without one are left out."""
    return _VARIABLE.sub(lambda found: found[2] or "", value[:300]) if isinstance(value, str) else ""


def image_kind(rule: Rule, image: str) -> tuple[str, str]:
    """Tell what an image is, and write it with its version: (`database`, `postgres 17.9`)."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    version = re.match(r"v?(\d+(?:\.\d+)*)", tag)
    label = f"{name} {version[1]}" if version else name
    for kind, names in rule.extra["images"].items():
        if name == "server" and "mssql" not in image:
            break
        if name in names or any(name.startswith(f"{known}-") for known in names if known != "server"):
            return kind, label
    return "other", label or "an image"


_IN_STRING = re.compile(rb"services:[ \t]*\r?\n[ \t]+[\w-]+:[ \t]*\r?\n[ \t]+(image|build|container_name):")


def in_strings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say that the text of a compose file stands in code: something writes it, and it is not there."""
    for path in project.sources(unit):
        content = project.tree.bytes(path) or b""
        if (found := _IN_STRING.search(content)) is not None:
            line = content[: found.start()].count(b"\n") + 1
            note = "no compose file is here; the text of one stands in a string, which code writes"
            yield Finding(Row.DELIVERY, "compose", ABSENT, Proof.USED, [Place(path, line)], note=note)
            return
