"""What a Node backend answers: its language, framework, every route, and how its versions are told apart."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from discover import decorated_routes, nest_routes, next_routes
from discover.code import Call, Module
from discover.findings import Finding, Place, Proof, Route, Row
from discover.javascript_routing import Answer, Graph, State, join
from discover.project import SCRIPTS, Project, Unit
from discover.rules import Rule, each
from discover.tree import is_test
from discover.wiring import Spot, best

_TYPED = (".ts", ".tsx", ".mts", ".cts")
_ASSETS = re.compile(r"(^|/)(public|static|assets|www|vendor|frontend|client|views|custom)/")
_CONFIG = re.compile(r"(^|/)[^/]*(config|rc)\.[cm]?[jt]s$|(^|/)\.[^/]+\.[cm]?js$")
_ENGINES = {
    "pug": "pug", "jade": "pug", "ejs": "ejs", "hbs": "handlebars", "handlebars": "handlebars", "nunjucks": "nunjucks",
    "njk": "nunjucks", "html": "html", "mustache": "mustache", "eta": "eta", "liquid": "liquid", "twig": "twig",
    "art-template": "art-template", "tsx": "jsx", "jsx": "jsx", "edge": "edge",
}  # fmt: skip
_FRONTENDS = {
    "@angular/core": "angular", "react": "react", "vue": "vue", "svelte": "svelte", "preact": "preact",
    "solid-js": "solid", "next": "next.js", "nuxt": "nuxt",
}  # fmt: skip
_PEERS = {
    "axios": ("@nestjs/axios", "@nestjs/terminus"), "bull": ("@nestjs/bull",), "bullmq": ("@nestjs/bullmq",),
    "mongoose": ("@nestjs/mongoose", "@typegoose/typegoose"), "typeorm": ("@nestjs/typeorm",),
    "sequelize": ("@nestjs/sequelize", "sequelize-typescript"), "knex": ("objection", "nestjs-knex", "nest-knexjs"),
    "nodemailer": ("next-auth", "@auth/core", "@nestjs-modules/mailer"), "socket.io": ("@nestjs/platform-socket.io",),
    "cors": ("routing-controllers",), "body-parser": ("routing-controllers",), "multer": ("routing-controllers",),
    "joi": ("@nestjs/config",), "jsonwebtoken": ("passport-jwt",), "moment": ("moment-timezone",),
}  # fmt: skip
"""What loads a package that the code itself does not import."""
_VIEWS = ("express", "@fastify/view", "point-of-view", "express-handlebars", "@nestjs/platform-express", "@nestjs/core")
_NEEDS_IMPORT = re.compile(
    r"^(@nestjs/(microservices|websockets|graphql|bull|bullmq|schedule|cqrs|event-emitter|axios|cache-manager|throttler|terminus"
    r"|jwt|passport|swagger|elasticsearch|serve-static)|crypto-js|lodash|axios|node-fetch|got|superagent|request|moment|dayjs"
    r"|luxon|uuid|nanoid|bcrypt|bcryptjs|argon2|jsonwebtoken|jose|nodemailer|bull|bullmq|bee-queue|agenda|socket\.io"
    r"|amqplib|kafkajs|aws-sdk|@aws-sdk/.+|joi|zod|yup|celebrate|express-validator|express-rate-limit|express-session"
    r"|cookie-session|helmet|cors|morgan|winston|stripe|twilio|multer|slugify|slug|validator|mongoose|sequelize|typeorm"
    r"|knex|objection|compression|body-parser|cookie-parser|express-jwt|express-async-errors|passport-.+|firebase-admin"
    r"|@sendgrid/mail|node-cron|cron|puppeteer|cheerio|openai|langchain|method-override|connect-flash|csurf|lusca)$"
)


@dataclass(slots=True)
class Read:
    """What was read of a unit."""

    graph: Graph
    answers: list[Answer] = field(default_factory=list)
    nest: nest_routes.Nest | None = None
    next: next_routes.Next | None = None
    generated: list[tuple[str, int, int, Place]] = field(default_factory=list)
    """(generator, models, endpoints each, place)"""


_KNOWN: WeakKeyDictionary[Project, dict[str, Read]] = WeakKeyDictionary()


def _read(project: Project, unit: Unit) -> Read:
    known = _KNOWN.setdefault(project, {})
    if unit.folder not in known:
        graph = Graph(project, unit)
        read = known[unit.folder] = Read(graph, list(graph.answers))
        if "@nestjs/common" in unit.npm or "@nestjs/core" in unit.npm or any(project.importing(unit, "@nestjs/common")):
            read.nest = nest_routes.read(project, unit)
            read.answers += read.nest.answers
        read.answers += decorated_routes.read(project, unit)
        if "next" in unit.npm:
            read.next = next_routes.read(project, unit, graph)
            read.answers += read.next.answers
        read.answers += _generated(project, unit, read)
        if any(True for _ in project.importing(unit, "@trpc/server")):
            read.answers += next_routes.procedures(project, unit)
        read.answers = _once(read.answers)
    return known[unit.folder]


def _once(answers: list[Answer]) -> list[Answer]:
    kept: dict[tuple[str, str, str], Answer] = {}
    for answer in answers:
        key = (answer.route.method, answer.route.path, answer.header)
        if key not in kept or (kept[key].conditional and not answer.conditional):
            kept[key] = answer
    return list(kept.values())


def _is_script(unit: Unit) -> bool:
    return bool(unit.npm) or any(path.endswith("package.json") for path in unit.manifests)


def routes(project: Project, unit: Unit) -> Iterator[Route]:
    """Give every route that a Node unit answers."""
    if _is_script(unit):
        yield from (answer.route for answer in _read(project, unit).answers)


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Give what stands about a Node unit's interface."""
    if not _is_script(unit):
        return
    read = _read(project, unit)
    served = bool(read.answers)
    yield from _language(project, unit)
    yield from _frameworks(project, unit, read)
    yield from _count(project, read)
    yield from _next(project, unit, read)
    yield from _nest(project, read)
    yield from _versioning(project, read)
    yield from _rendered(project, unit)
    yield from _layout(project, unit)
    for said, place in dict.fromkeys(read.graph.discoveries):
        yield Finding(Row.API, "route_discovery", said, project.proof(place.path), [place])
    for name, models, endpoints, place in read.generated:
        value = f"{name}: {models} models x {endpoints} endpoints"
        yield Finding(Row.API, "generated_routes", value, project.proof(place.path), [place])
    if served:
        yield from _unused(project, unit)


# -- language and framework -------------------------------------------------------------------------------------------


def _language(project: Project, unit: Unit) -> Iterator[Finding]:
    own = [
        path
        for path in project.sources(unit)
        if path.endswith(SCRIPTS) and project.unit_of(path) is unit and not _CONFIG.search(path)
    ]
    server = [path for path in own if not _ASSETS.search(next_routes.inner(unit, path))] or own
    if not server:
        return
    typed = [path for path in server if path.endswith(_TYPED)]
    counted = Counter("typescript" if path.endswith(_TYPED) else "javascript" for path in server)
    language = "typescript" if len(typed) * 2 >= len(server) else "javascript"
    prefix = f"{unit.folder}/" if unit.folder else ""
    manifest = f"{prefix}package.json"
    places: list[Place] = []
    if language == "typescript":
        places += [Place(path, 1) for path in (f"{prefix}tsconfig.json",) if project.tree.exists(path)]
        if (listed := unit.dependency("typescript")) is not None:
            places.append(listed.place)
    proof = max(project.proof(path) for path in server[:200])
    entries = [path for path in unit.entries if path in server]
    places += [Place(path, 1) for path in entries[:2]]
    for key in ('"type"\\s*:\\s*"module"', '"main"', '"start"'):
        if line := project.tree.line(manifest, key):
            places.append(Place(manifest, line))
    if language == "javascript" and project.tree.exists(f"{prefix}jsconfig.json"):
        places.append(Place(f"{prefix}jsconfig.json", 1))
    other = min(counted.values()) if len(counted) > 1 else 0
    name = "javascript" if language == "typescript" else "typescript"
    note = f"{other} of {len(server)} files are {name}" if other else ""
    yield Finding(Row.API, "language", language, proof, places or [Place(server[0], 1)], note=note)


def _version(unit: Unit, *packages: str) -> tuple[str, Place | None]:
    """Give the major version that the manifest lists: `15 canary`, `5`."""
    for name in packages:
        listed = unit.npm.get(name)
        if listed is None:
            continue
        found = re.search(r"(\d+)(?:\.[\dx*]+)*(?:-(alpha|beta|canary|rc|next)\b)?", listed.version)
        if found is None:
            return (listed.version if listed.version in ("canary", "next", "latest") else ""), listed.place
        return " ".join(part for part in (found[1], found[2]) if part), listed.place
    return "", None


def _frameworks(project: Project, unit: Unit, read: Read) -> Iterator[Finding]:
    own = {
        "nestjs": _nestjs, "next.js": _nextjs,
    }  # fmt: skip
    for rule, trace in each(project, unit, Row.API, "javascript_framework"):
        if rule.value in own:
            yield from own[rule.value](project, unit, read, rule, trace)
            continue
        if rule.value == "express" and read.nest is not None and read.nest.answers and trace.proof < Proof.USED:
            continue
        if rule.value not in ("express", "fastify", "koa", "hono", "elysia", "hapi"):
            if trace.proof >= Proof.USED:
                version, _ = _version(unit, *rule.npm) if rule.value == "trpc" else ("", None)
                yield Finding(Row.API, "framework", f"{rule.value} {version}".strip(), trace.proof, trace.places)
            continue
        name = rule.value
        for other in ("polka", "restify"):
            if name == "express" and other in unit.npm and "express" not in unit.npm:
                name = other
        version, place = _version(unit, rule.npm[0], *(["@hapi/hapi"] if name == "hapi" else []), name)
        made = [
            Place(spot.module.path, spot.node.line)
            for one, spot, app in read.graph.made.values()
            if one.name == rule.name and app
        ]
        proof, places = best(project, [*made, *(trace.places if trace.proof >= Proof.USED else [])])
        if not made and trace.proof < Proof.USED:
            proof, places = trace.proof, trace.places
        rendered = [found.value for found in _rendered(project, unit)] if name in ("express", "koa") else []
        libraries = {answer.framework for answer in read.answers} & set(decorated_routes.PACKAGES.values())
        if libraries and proof < Proof.USED:
            proof, places = best(project, [a.route.place for a in read.answers if a.framework in libraries])
        parts = [f"{name} {version}".strip(), f"({', '.join(sorted(libraries))})" if libraries else ""]
        value = " ".join(part for part in parts if part)
        value += f", server-rendered ({', '.join(map(str, rendered))})" if rendered else ""
        yield Finding(Row.API, "framework", value, proof, [*places[:4], *([place] if place and made else [])])


def _nestjs(project: Project, unit: Unit, read: Read, rule: Rule, trace: Finding) -> Iterator[Finding]:
    version, listed = _version(unit, "@nestjs/core", "@nestjs/common")
    nest = read.nest
    if nest is None or not (nest.application.created or nest.answers):
        yield Finding(Row.API, "framework", rule.value, min(trace.proof, Proof.IMPORTED), trace.places)
        return
    created = nest.application.created
    platform = next((name for name, _ in created if name), "")
    value = f"nestjs {version}".strip() + (f" ({platform} platform)" if platform else "")
    places = [place for _, place in created] or [answer.route.place for answer in nest.answers[:1]]
    proof, places = best(project, places)
    yield Finding(Row.API, "framework", value, proof, [*places, *([listed] if listed else [])])


def _nextjs(project: Project, unit: Unit, read: Read, rule: Rule, trace: Finding) -> Iterator[Finding]:
    version, listed = _version(unit, "next")
    files = [
        path
        for path in project.sources(unit)
        if project.unit_of(path) is unit
        and re.match(
            r"(src/)?(app/(.*/)?(page|route|layout)\.[cm]?[jt]sx?$|pages/.+\.[cm]?[jt]sx?$)",
            next_routes.inner(unit, path),
        )
    ]
    configs = project.files(unit, "next.config.*")
    if not files or read.next is None:
        yield Finding(Row.API, "framework", rule.value, Proof.LISTED, trace.places[:1])
        return
    app = any(re.match(r"(src/)?app/", next_routes.inner(unit, path)) for path in files)
    pages = [path for path in files if re.match(r"(src/)?pages/", next_routes.inner(unit, path))]
    kinds = ["app directory"] if app else []
    routes_of_pages = len(read.next.pages)
    if routes_of_pages:
        kinds.append(
            f"{'one' if routes_of_pages == 1 else routes_of_pages} pages/api route{'s'[: routes_of_pages > 1]}"
        )
    elif pages:
        kinds.append("pages directory")
    value = f"next.js {version}".strip() + f" ({' and '.join(kinds)})"
    where = f" in {unit.folder}" if unit.folder else ""
    places = [*([listed] if listed else []), *(Place(path, 1) for path in configs[:1]), Place(files[0], 1)]
    exported = project.module(configs[0]) if configs else None
    if exported is not None and exported.exports:
        node = next(iter(exported.exports.values()))
        _, node = project.find(exported, node, -1)
        places.insert(1, Place(configs[0], node.line))
    proof = max(project.proof(path) for path in files[:50])
    yield Finding(Row.API, "framework", f"{value}{where}", proof, places)


# -- routes -----------------------------------------------------------------------------------------------------------


def _count(project: Project, read: Read) -> Iterator[Finding]:
    paths = {answer.route.path for answer in read.answers if answer.route.method in ("GET", "ANY")}
    always = [
        answer
        for answer in read.answers
        if not answer.conditional
        and not answer.catch_all
        and answer.route.method != "OPTIONS"
        and not (answer.route.method == "HEAD" and answer.route.path in paths)
    ]
    if not always:
        return
    rest = [answer for answer in read.answers if answer.conditional]
    notes = [f"and {len(rest)} on a condition"] if rest else []
    if any(answer.catch_all for answer in read.answers):
        notes.append("and one that takes everything else")
    files = Counter(answer.route.place.path for answer in always)
    places = [
        next(answer.route.place for answer in always if answer.route.place.path == path)
        for path, _ in files.most_common(5)
    ]
    proof, places = best(project, places)
    yield Finding(Row.API, "endpoint_count", len(always), proof, places, note=", ".join(notes))


def _generated(project: Project, unit: Unit, read: Read) -> Iterator[Answer]:
    """Give the routes of packages that make them from models."""
    graph = read.graph
    for module in project.importing(unit, "finale-rest", "epilogue", "finale"):
        graph.scan(module)
        models = 0
        first: Place | None = None
        count = 5
        for call in module.calls:
            source = project.origin(module, call.node.items[0], call.function)
            if not re.match(r"(finale-rest|epilogue|finale)\.resource$", source) or not call.node.arguments:
                continue
            options = call.node.arguments[0]
            place = Place(module.path, call.node.line)
            first = first or place
            endpoints, listed = options.get("endpoints"), options.get("actions")
            actions = ["create", "list", "read", "update", "delete"]
            if listed is not None:
                value = project.fold(module, listed, call.function)
                actions = [str(item) for item in value.value] if isinstance(value.value, list) else actions
            count = len(actions)
            for turn in graph.expansions(module, call, {}):
                models += 1
                paths = graph.texts(Spot(module, endpoints, call.function), turn) if endpoints is not None else None
                if not paths:
                    continue
                for action in actions:
                    method = {"create": "POST", "update": "PUT", "delete": "DELETE"}.get(action, "GET")
                    path = paths[0] if action in ("create", "list") else paths[-1]
                    answer = graph.answer(place, method, path, State())
                    answer.generated = answer.route.note = "made by finale-rest"
                    yield answer
        if first is not None:
            name = next(iter(project.packages(module) & {"finale-rest", "epilogue", "finale"}), "finale-rest")
            read.generated.append((name, models, count, first))
    served: list[Place] = []
    for module in project.importing(unit, "express-restify-mongoose"):
        for call in module.calls:
            if project.origin(module, call.node.items[0], call.function).endswith("express-restify-mongoose.serve"):
                served += [Place(module.path, call.node.line)] * len(graph.expansions(module, call, {}))
    if served:
        read.generated.append(("express-restify-mongoose", len(served), 8, served[0]))
    if read.nest is not None and read.nest.crud:
        read.generated.append(("@nestjsx/crud", len(read.nest.crud), 8, read.nest.crud[0][1]))


def _next(project: Project, unit: Unit, read: Read) -> Iterator[Finding]:
    found = read.next
    if found is None:
        return
    total = len(found.app) + len(found.pages)
    if total:
        yield Finding(
            Row.API,
            "api_routes",
            _api_routes(found),
            max(project.proof(path) for path in (*found.app, *found.pages)),
            _route_places(found),
            note=", ".join(sorted(set(found.app.values()) | set(found.pages.values()))[:12]),
        )
    if found.segments:
        value = ", ".join(found.segments)
        places = list(dict.fromkeys(found.segments.values()))
        yield Finding(
            Row.API, "dynamic_segments", value, max(project.proof(place.path) for place in places), places[:5]
        )
    actions = next_routes.actions(project, unit)
    if actions.files:
        places = [Place(path, line) for path, (_, line) in sorted(actions.files.items(), key=lambda item: -item[1][0])]
        paths = [
            next_routes.inner(unit, place.path) if place.path.startswith(unit.folder) else place.path
            for place in places
        ]
        total = sum(count for count, _ in actions.files.values())
        value = f"{total} in {', '.join(paths[:4])}" + (f" and {len(paths) - 4} more files" if len(paths) > 4 else "")
        wrappers = ", ".join(f"{name} ({count})" for name, (count, _) in actions.wrappers.items())
        places += [place for _, place in actions.wrappers.values()]
        note = f"made with {wrappers}" if wrappers else ""
        proof = max(project.proof(place.path) for place in places)
        yield Finding(Row.API, "server_actions", value, proof, places[:6], note=note)


def _api_routes(found: next_routes.Next) -> str:
    """Count route files by what they are for: `1 webhook + 2 auth callbacks`, `6 app routes + 1 pages route`."""
    app, pages = len(found.app), len(found.pages)

    def counted(number: int, name: str) -> str:
        return f"{number} {name}{'s' if number > 1 else ''}"

    kinds = [counted(app, "app route")] if app else []
    kinds += [counted(pages, "pages route")] if pages else []
    value = " + ".join(kinds)
    webhooks = [path for path in found.app.values() if "webhook" in path]
    inside = [path for path in found.app.values() if re.match(r"/api(/|$)", path)]
    details = [counted(len(webhooks), "webhook")] if webhooks else []
    details += [counted(len(found.callbacks), "auth callback")] if found.callbacks else []
    if app and not inside:
        details.append("none under app/api")
    return f"{value} ({', '.join(details)})" if details else value


def _route_places(found: next_routes.Next) -> list[Place]:
    places: dict[str, Place] = {}
    for answer in found.answers:
        places.setdefault(answer.route.place.path, answer.route.place)
    return list(places.values())[:8]


# -- versions ---------------------------------------------------------------------------------------------------------


def _nest(project: Project, read: Read) -> Iterator[Finding]:
    if read.nest is None:
        return
    application = read.nest.application
    if application.prefix_place is not None and application.prefix:
        env = f" ({application.prefix_env})" if application.prefix_env else ""
        place = application.prefix_place
        note = f"not before {', '.join(path for _, path in application.excluded)}" if application.excluded else ""
        value = f"{application.prefix_text}{env}"
        yield Finding(Row.API, "global_prefix", value, project.proof(place.path), [place], note=note)
    if not application.kind or application.versioning_place is None:
        return
    place = application.versioning_place
    versions = dict(sorted(read.nest.versions.items()))
    value = " ".join(part for part in (application.kind, application.key) if part)
    if versions:
        value += f", version{'s' if len(versions) > 1 else ''} {', '.join(versions)}"
    yield Finding(Row.VERSIONS, "versioning", value, project.proof(place.path), [place])
    if versions:
        places = list(dict.fromkeys(place for found in versions.values() for place in found))
        listed = ", ".join(versions) + (" and neutral" if read.nest.neutral else "")
        yield Finding(Row.VERSIONS, "versions", listed, best(project, places)[0], places[:20])
    said: list[str] = []
    for name, path, _ in read.nest.neutral:
        at = "/" if not path.strip("/") else join(path)
        said.append(f"{re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name).lower()} at {at}{' (root)' if at == '/' else ''}")
    if said:
        proof, places = best(project, [where for _, _, where in read.nest.neutral])
        shown = ", ".join(said[:4]) + (f" and {len(said) - 4} more" if len(said) > 4 else "")
        yield Finding(Row.VERSIONS, "neutral", f"{shown}, without version", proof, places)


def _versioning(project: Project, read: Read) -> Iterator[Finding]:
    """Say which versions stand in paths."""
    if read.nest is not None and read.nest.application.kind == "URI":
        return
    headers = [answer for answer in read.answers if answer.header]
    if headers:
        names = sorted({answer.header for answer in headers})
        value = f"header Accept-Version, version{'s' if len(names) > 1 else ''} {', '.join(names)}"
        proof, places = best(project, [answer.route.place for answer in headers])
        yield Finding(Row.VERSIONS, "versioning", value, proof, places)
    versioned: dict[str, list[Answer]] = {}
    for answer in read.answers:
        if answer.version and not answer.catch_all:
            versioned.setdefault(answer.version, []).append(answer)
    if not versioned:
        return
    every = [answer for answer in read.answers if not answer.catch_all and not answer.conditional]
    plain = [answer for answer in every if not answer.version]
    count = sum(len(answers) for answers in versioned.values())
    value = f"path {', '.join(sorted(versioned))}"
    bases = {prefix.rpartition("/")[0] for prefix in versioned} - {""}
    twins = sorted(
        base
        for base in bases
        if any(answer.route.path == base or answer.route.path.startswith(f"{base}/") for answer in plain)
    )
    if twins:
        value += f", also unversioned {', '.join(twins)}"
    elif len(plain) > count:
        value += " only"
    places = [answer.version_place or answer.route.place for answers in versioned.values() for answer in answers]
    proof, places = best(project, places)
    note = f"{len(plain)} of {len(every)} routes have no version" if plain else ""
    yield Finding(Row.VERSIONS, "versioning", value, proof, places, note=note)


# -- what else stands in the layout -----------------------------------------------------------------------------------


def _rendered(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say which template engine pages are rendered with."""
    engines: dict[str, Place] = {}
    for module in project.importing(unit, *_VIEWS):
        for call in module.calls:
            for name in _engine(project, module, call):
                engines.setdefault(name, Place(module.path, call.node.line))
    if not engines:
        return
    names = list(engines)
    pattern = re.compile(r"(^|/)htmx[^/]*\.js$")
    if any(pattern.search(path) for path in project.tree.files) or "htmx.org" in unit.npm:
        names.append("htmx")
    proof, places = best(project, engines.values())
    yield Finding(Row.API, "server_rendered", " and ".join(names), proof, places)


def _engine(project: Project, module: Module, call: Call) -> Iterator[str]:
    name = call.node.items[0].value
    if name not in ("set", "setViewEngine", "engine", "register"):
        return
    arguments = call.node.arguments
    texts = []
    for argument in arguments[:2]:
        value = (
            project.fold(module, argument, call.function)
            if argument.kind in ("string", "name", "attribute", "binary")
            else None
        )
        texts.append(str(value.value) if value is not None and value.known else "")
    if name == "set" and len(texts) > 1 and texts[0] == "view engine" and texts[1] in _ENGINES:
        yield _ENGINES[texts[1]]
    elif name in ("setViewEngine", "engine") and texts and texts[0].lstrip(".") in _ENGINES:
        yield _ENGINES[texts[0].lstrip(".")]
    elif name == "register" and len(arguments) > 1:
        source = project.origin(module, arguments[0], call.function)
        engine = arguments[1].get("engine") if source.startswith(("@fastify/view", "point-of-view")) else None
        for key, _ in engine.pairs if engine is not None else []:
            yield _ENGINES.get(key, key)


def _layout(project: Project, unit: Unit) -> Iterator[Finding]:
    yield from _workspace(project)
    prefix = f"{unit.folder}/" if unit.folder else ""
    for name in ("tsconfig.json", "jsconfig.json", "tsconfig.base.json"):
        path = f"{prefix}{name}"
        data = project.data(path)
        options = data.get("compilerOptions") if isinstance(data, dict) else None
        paths = options.get("paths") if isinstance(options, dict) else None
        if isinstance(paths, dict) and paths:
            base = str(options.get("baseUrl") or "") if isinstance(options, dict) else ""
            said = [
                f"{key} -> {posixpath.normpath(posixpath.join(base, value[0]))}"
                for key, value in paths.items()
                if isinstance(value, list) and value and isinstance(value[0], str)
            ]
            line = project.tree.line(path, re.escape(f'"{next(iter(paths))}"'))
            if said:
                yield Finding(Row.API, "path_alias", ", ".join(said[:6]), Proof.USED, [Place(path, line)])
            break
    for other in project.units:
        if other is unit or other.kind != "frontend" or not other.folder:
            continue
        if not other.folder.startswith(prefix) and not project.units[0].workspace:
            continue
        name = next((shown for package, shown in _FRONTENDS.items() if package in other.npm), "")
        # A library of components has no page of its own.
        page = any(path.startswith(f"{other.folder}/") and path.endswith("/index.html") for path in project.tree.files)
        if name and (page or name in ("next.js", "nuxt")):
            value = f"{name} in {other.folder}/ with its own package.json"
            yield Finding(Row.API, "frontend", value, Proof.USED, [Place(f"{other.folder}/package.json", 1)])
    yield from _committed(project, unit)


def _workspace(project: Project) -> Iterator[Finding]:
    root = project.units[0]
    if not root.workspace or root.workspace == "uv":
        return
    members = [other for other in project.units[1:] if other.manifests]
    files = {"pnpm": "pnpm-workspace.yaml", "nx": "nx.json", "turbo": "turbo.json", "lerna": "lerna.json"}
    path = next((files[name] for name in root.workspace.split(" + ") if name in files), "package.json")
    data = project.data("pnpm-workspace.yaml") if project.tree.exists("pnpm-workspace.yaml") else None
    patterns = data.get("packages") if isinstance(data, dict) else None
    if patterns is None:
        manifest = project.data("package.json")
        patterns = manifest.get("workspaces") if isinstance(manifest, dict) else None
        patterns = patterns.get("packages") if isinstance(patterns, dict) else patterns
    shown = [item for item in patterns if isinstance(item, str)] if isinstance(patterns, list) else []
    if not members:
        value = f"{root.workspace}, single project"
    else:
        value = ", ".join([root.workspace, *shown[:6]]) + (" (nested)" if any("**" in item for item in shown) else "")
    nested = next((item for item in shown if "**" in item), shown[0] if shown else "")
    line = project.tree.line(path, re.escape(nested)) if nested else 0
    yield Finding(Row.API, "workspace", value, Proof.USED, [Place(path, line or 1)])


def _committed(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say when what a compiler wrote lies beside its sources."""
    prefix = f"{unit.folder}/" if unit.folder else ""
    stems = {
        posixpath.splitext(next_routes.inner(unit, path).removeprefix("src/"))[0] for path in project.sources(unit)
    }
    for folder in ("dist", "build", "out"):
        start = f"{prefix}{folder}/"
        built = [
            path for path in project.tree.files if path.startswith(start) and path.endswith((".js", ".cjs", ".mjs"))
        ]
        twins = [
            path
            for path in built
            if posixpath.splitext(path[len(start) :].removeprefix("src/"))[0] in stems and not is_test(path)
        ]
        if twins:
            main = min(twins, key=lambda path: (not re.search(r"/main\.[cm]?js$", path), path))
            note = f"{len(built)} files, not read as sources"
            yield Finding(Row.API, "committed_build", f"{folder}/ is committed", Proof.USED, [Place(main)], note=note)


def _unused(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say which packages of a server are listed and never imported."""
    prefix = f"{unit.folder}/" if unit.folder else ""
    if any(path.startswith(prefix) and path.endswith(SCRIPTS) for path in project.tree.skipped):
        return
    paths = [path for path in project.sources(unit, tests=True) if path.endswith(SCRIPTS)]
    texts = " ".join(unit.scripts.values())
    manifest = project.text(f"{prefix}package.json")
    wanted: dict[str, Place] = {}
    for name, listed in unit.npm.items():
        if listed.group != "runtime" or not _NEEDS_IMPORT.match(name):
            continue
        if any(other in unit.npm for other in _PEERS.get(name, ())):
            continue  # those load it
        if name not in texts and manifest.count(f'"{name}"') < 2:
            wanted[name] = listed.place
    for path in paths:
        for specifier in project.scans[path].specifiers:
            for name in (specifier, specifier.partition("/")[0], "/".join(specifier.split("/")[:2])):
                wanted.pop(name, None)
    # Some are loaded by their name, which then stands in a text.
    for path in paths if wanted else []:
        content = project.tree.bytes(path) or b""
        for name in list(wanted):
            if any(f"{mark}{name}{end}".encode() in content for mark in "\"'`" for end in (mark, "/")):
                del wanted[name]
    if wanted:
        places = list(wanted.values())[:8]
        yield Finding(Row.API, "unused_deps", ", ".join(wanted), Proof.USED, places, note="listed, never imported")
