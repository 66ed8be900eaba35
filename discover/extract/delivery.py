"""How a backend gets to where it runs: process managers, clusters, platforms; environment files, queues, payments."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from discover import dockerfile, rules
from discover.code import Call, Module, Node
from discover.findings import Finding, Place, Proof, Row
from discover.project import Project, Unit
from discover.rules import Rule
from discover.texts import shown
from discover.tree import Tree
from discover.workers import TaskError

MAX_YAML_BYTES = 200_000
MAX_YAML_FILES = 1_500

_ASIDE = re.compile(
    r"(^|/)(tests?|__tests__|e2e|fixtures?|examples?|docs?|samples?|node_modules|\.github)/", re.IGNORECASE
)
_CONFIGURED = re.compile(r"env|config|setting|option|enabled|feature|flag", re.IGNORECASE)


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find everything about delivery but pipelines, images and compose files."""
    yield from process_managers(project, unit)
    yield from procfiles(project, unit)
    yield from clusters(project, unit)
    yield from serverless(project, unit)
    yield from terraform(project, unit)
    yield from hosting(project, unit)
    yield from hosting_hints(project, unit)
    yield from requirements(project, unit)
    yield from committed_env(project, unit)
    yield from queues(project, unit)
    for key in ("scheduler", "cluster"):
        for _, seen in rules.each(project, unit, Row.DELIVERY, key):
            yield seen
    yield from payments(project, unit)


def _said(key: str, value: str, places: Iterable[Place], note: str = "") -> Finding:
    return Finding(Row.DELIVERY, key, value, Proof.USED, list(places)[:6], note=note)


def _listed(items: Iterable[str], most: int = 8) -> str:
    every = list(dict.fromkeys(items))
    return f"{', '.join(every[:most])}{f' and {len(every) - most} more' if len(every) > most else ''}"


def _and(items: list[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def _count(number: Any, word: str) -> str:
    return f"{number} {word}" if str(number) == "1" else f"{number} {word}s"


def _files(project: Project, unit: Unit, *patterns: str) -> list[str]:
    """Give a unit's files and those of the codebase's root, without what is for tests, examples and documents."""
    return [path for path in project.files(unit, *patterns, root=True, tests=True) if not _ASIDE.search(path)]


# -- process managers -------------------------------------------------------------------------------------------------


def process_managers(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find PM2, Supervisor, systemd and forever."""
    named: dict[str, Callable[[Project, Unit, Rule], tuple[str, list[Place]]]] = {
        "pm2": _pm2, "supervisor": _supervisor, "systemd": _systemd,
    }  # fmt: skip
    for rule in rules.of(Row.DELIVERY, "process_manager"):
        value, places = named[rule.name](project, unit, rule) if rule.name in named else ("", [])
        starts = re.compile(
            rf"(^|[\s;&|/\"'\[]){rule.value}(-runtime|-docker)?[\s\"',]+(start|restart|reload|\S+\.(js|json|cjs|yml))"
        )
        started = [(text, place) for text, place in _commands(project, unit) if starts.search(text)]
        commands = [place for _, place in started][:2]
        if places:
            yield _said("process_manager", value, [*places, *commands], "started by a script" if commands else "")
        elif started:
            text = started[0][0]
            yield _said("process_manager", _pm2_command(text) if rule.name == "pm2" else rule.value, commands)
        elif (seen := rules.evidence(project, unit, rule)) is not None and seen.proof < Proof.USED:
            yield seen


def _commands(project: Project, unit: Unit) -> Iterator[tuple[str, Place]]:
    """Give what starts something: scripts of package.json, a Procfile, and the commands of Dockerfiles."""
    yield from (
        (command, unit.place) for name, command in unit.scripts.items() if not re.match(r"(pre|post)?test", name)
    )
    for path in _files(project, unit, "Procfile", *rules.rules()["docker"].files):
        if path.endswith("Procfile"):
            yield from ((line, Place(path, number)) for number, line in enumerate(project.text(path).splitlines(), 1))
        else:
            for found in dockerfile.instructions(project.text(path)):
                if found.name in ("CMD", "ENTRYPOINT"):
                    yield found.text, Place(path, found.line)


def _pm2_command(text: str) -> str:
    found = re.search(r"(?:-i|--instances)[\"', =]+(max|-?\d+)", text)
    return f"pm2, {_instances(found[1] if found is not None else 1)}"


def _instances(number: Any) -> str:
    return "one instance per core" if str(number) in ("max", "0", "-1") else _count(number, "instance")


def _pm2(project: Project, unit: Unit, rule: Rule) -> tuple[str, list[Place]]:
    for path in _files(project, unit, *rule.files):
        apps = _pm2_apps(project, path)
        if not apps:
            continue
        said = [
            _instances(app.get("instances", 1))
            + (", cluster" if str(app.get("exec_mode")).startswith("cluster") else "")
            for app in apps
        ]
        if len(apps) > 1:
            said = [f"{app.get('name', 'app')} ({text})" for app, text in zip(apps, said, strict=True)]
        return f"pm2, {', '.join(said[:6])}", [Place(path, project.tree.line(path, r"\bapps\b") or 1)]
    return "", []


def _pm2_apps(project: Project, path: str) -> list[dict[str, Any]]:
    if path.endswith((".json", ".yml", ".yaml")):
        data = project.data(path)
        apps = data.get("apps") if isinstance(data, dict) else None
    else:
        module = project.module(path)
        exported = module.exports.get("default") if module is not None else None
        value = project.fold(module, exported) if module is not None and exported is not None else None
        apps = value.value.get("apps") if value is not None and isinstance(value.value, dict) else None
    return [app for app in apps if isinstance(app, dict)] if isinstance(apps, list) else []


def _supervisor(project: Project, unit: Unit, rule: Rule) -> tuple[str, list[Place]]:
    programs: dict[str, Place] = {}
    for path in _files(project, unit, *rule.files):
        for number, line in enumerate(project.text(path).splitlines(), 1):
            if (found := re.match(r"\[program:([\w.-]+)\]", line)) is not None:
                programs.setdefault(found[1], Place(path, number))
    return f"supervisor: {_listed(programs)}", list(programs.values())


def _systemd(project: Project, unit: Unit, rule: Rule) -> tuple[str, list[Place]]:
    places = [
        Place(path, line)
        for path in _files(project, unit, *rule.files)
        if (line := project.tree.line(path, r"^ExecStart\s*=")) > 0
    ]
    return f"systemd: {_listed(posixpath.basename(place.path).removesuffix('.service') for place in places)}", places


def procfiles(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find a Procfile's process types."""
    for path in _files(project, unit, "Procfile")[:1]:
        types = {
            found[1]: Place(path, number)
            for number, line in enumerate(project.text(path).splitlines(), 1)
            if (found := re.match(r"\s*([\w-]+)\s*:\s*\S", line)) is not None
        }
        if types:
            yield _said("procfile", f"{_and(list(types))} (heroku)", types.values())


# -- clusters ---------------------------------------------------------------------------------------------------------


def documents(root: str, path: str, size: int) -> list[Any]:
    """Read every document of a YAML file in a worker."""
    tree = Tree(Path(root))
    tree.add(path, size)
    return tree.documents(path)


def yaml_documents(project: Project, path: str) -> list[Any]:
    """Read every document of a YAML file."""
    size = project.tree.sizes[path]
    if size < 20_000:
        return project.tree.documents(path)
    try:
        found: list[Any] = project.workers.run(
            "discover.extract.delivery:documents", str(project.tree.root), path, size
        )
    except TaskError as error:
        project.tree.skipped.setdefault(path, str(error))
        return []
    return found


def yaml_texts(project: Project, unit: Unit) -> Iterator[tuple[str, str]]:
    """Give the YAML files that may be data of any kind, with their text."""
    for path in _files(project, unit, "*.yml", "*.yaml")[:MAX_YAML_FILES]:
        if project.tree.sizes[path] <= MAX_YAML_BYTES and (text := project.tree.text(path)):
            yield path, text


def _charts(project: Project, unit: Unit) -> list[str]:
    """Give the charts, without those that stand inside another one."""
    found = _files(project, unit, "Chart.yaml", "Chart.yml")
    folders = {path.rpartition("/")[0] for path in found}
    kept = []
    for path in found:
        above, mark, _ = f"/{path.rpartition('/')[0]}".rpartition("/charts/")
        if not mark or above.lstrip("/") not in folders:
            kept.append(path)
    return kept


_API = re.compile(
    r"v1$|(apps|batch|autoscaling|policy|extensions)/|[\w.]*\.k8s\.io/|serving\.knative|argoproj\.io|traefik|monitoring\.coreos"
    r"|cert-manager|keda|external-secrets|secrets-store|helm\.toolkit|networking\.istio|projectcontour|getambassador"
)
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Rollout", "ReplicaSet", "Pod")


def clusters(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find Kubernetes manifests, Helm charts and Kustomize overlays."""
    charts = [path.rpartition("/")[0] for path in _charts(project, unit)]
    workloads: dict[str, Place] = {}
    others: dict[str, Place] = {}
    overlays: dict[str, Place] = {}
    for path, text in yaml_texts(project, unit):
        name = path.rpartition("/")[2]
        if name in ("kustomization.yaml", "kustomization.yml", "Kustomization"):
            overlays[path.rpartition("/")[0]] = Place(path, 1)
        elif (
            re.search(r"^apiVersion\s*:", text, re.MULTILINE)
            and re.search(r"^kind\s*:", text, re.MULTILINE)
            and "{{" not in text
            and not any(not chart or path.startswith(f"{chart}/") for chart in charts)
        ):
            project.text(path)
            _manifests(yaml_documents(project, path), path, text, workloads, others)
    if workloads or others:
        said = [*workloads, *(kind for kind in others if kind not in ("ConfigMap", "Secret", "Namespace"))]
        yield _said("kubernetes", _listed(said or others, 10), [*workloads.values(), *others.values()])
    if overlays:
        inner = [folder.rpartition("/")[2] or "." for folder in overlays if "base" not in folder.split("/")]
        yield _said("kustomize", f"kustomize: {_listed(inner or ['base'])}", overlays.values())
    if charts:
        said, places = [], []
        for path in _charts(project, unit):
            text, place = _chart(project, path)
            said.append(text)
            places.append(place)
        yield _said("helm", f"helm chart {_listed(said, 4)}", places)


def _manifests(items: list[Any], path: str, text: str, workloads: dict[str, Place], others: dict[str, Place]) -> None:
    starts = [0, *(number for number, line in enumerate(text.splitlines(), 1) if line.startswith("---"))]
    for number, item in enumerate(items):
        nested = item.get("items") if isinstance(item, dict) and item.get("kind") == "List" else None
        for data in nested if isinstance(nested, list) else [item]:
            if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
                continue
            api = str(data.get("apiVersion", ""))
            if not _API.match(api) or api.startswith(("config.", "kustomize.")):
                continue
            place = Place(path, starts[number] + 1 if number < len(starts) else 1)
            spec, meta = data.get("spec"), data.get("metadata")
            spec = spec if isinstance(spec, dict) else {}
            name = meta.get("name", "") if isinstance(meta, dict) else ""
            kind = data["kind"]
            if kind in _WORKLOADS:
                replicas = f" ({_count(spec['replicas'], 'replica')})" if "replicas" in spec else ""
                schedule = f" ({spec['schedule']})" if kind == "CronJob" and "schedule" in spec else ""
                workloads.setdefault(f"{kind} {name}{replicas}{schedule}", place)
            elif kind == "HorizontalPodAutoscaler":
                others.setdefault(f"{kind} {spec.get('minReplicas', 1)} to {spec.get('maxReplicas', '?')}", place)
            else:
                others.setdefault(f"{kind} (knative)" if api.startswith("serving.knative") else kind, place)


def _chart(project: Project, path: str) -> tuple[str, Place]:
    data = project.data(path)
    folder = path.rpartition("/")[0]
    said = [str(data.get("name")) if isinstance(data, dict) and data.get("name") else folder.rpartition("/")[2]]
    values = project.data(f"{folder}/values.yaml".lstrip("/"))
    if isinstance(values, dict):
        scaling = values.get("autoscaling")
        if isinstance(scaling, dict) and scaling.get("enabled") is True:
            said.append(f"{scaling.get('minReplicas', 1)} to {scaling.get('maxReplicas', '?')} replicas")
        elif isinstance(values.get("replicaCount"), int):
            said.append(_count(values["replicaCount"], "replica"))
    return f"{said[0]} ({said[1]})" if len(said) > 1 else said[0], Place(path, 1)


# -- functions, infrastructure as code --------------------------------------------------------------------------------


def serverless(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find what runs as functions: the Serverless Framework, SAM, and others by their file."""
    for rule in rules.of(Row.DELIVERY, "serverless"):
        for path in _files(project, unit, *rule.files)[:1] if rule.files else []:
            text = project.text(path)
            if not re.search(str(rule.extra.get("text", "")), text):
                continue
            data = project.data(path) if path.endswith((".yml", ".yaml", ".json")) else None
            yield _said("serverless", _functions(rule, data if isinstance(data, dict) else {}), [Place(path, 1)])


def _functions(rule: Rule, data: dict[Any, Any]) -> str:
    provider = data.get("provider")
    said = []
    if isinstance(provider, dict):
        said.append(" ".join(str(provider[key]) for key in ("name", "runtime") if isinstance(provider.get(key), str)))
    elif isinstance(provider, str):
        said.append(provider)
    listed = data.get("functions")
    count = sum(isinstance(function, dict) for function in listed.values()) if isinstance(listed, dict) else 0
    resources = data.get("Resources")
    for resource in resources.values() if isinstance(resources, dict) else []:
        count += isinstance(resource, dict) and resource.get("Type") == "AWS::Serverless::Function"
    if count:
        said.append(_count(count, "function"))
    return ": ".join(filter(None, [rule.value, ", ".join(filter(None, said))]))


def terraform(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find Terraform and its like: the providers, and what they make."""
    resources: dict[str, Place] = {}
    for path in _files(project, unit, "*.tf")[:200]:
        text = re.sub(r"^[ \t]*(#|//).*$", "", project.text(path), flags=re.MULTILINE)
        for found in re.finditer(r'^[ \t]*resource[ \t]+"(\w+)"', text, re.MULTILINE):
            resources.setdefault(found[1], Place(path, text[: found.start()].count("\n") + 1))
    if resources:
        providers = dict.fromkeys(kind.partition("_")[0] for kind in resources)
        yield _said("terraform", f"terraform: {_listed(providers, 4)} ({_listed(resources)})", resources.values())
    for rule in rules.of(Row.DELIVERY, "infrastructure"):
        for path in _files(project, unit, *rule.files)[:1]:
            if re.search(str(rule.extra.get("text", "")), project.text(path)):
                yield _said("infrastructure", f"{rule.value} ({path})", [Place(path, 1)])


# -- platforms --------------------------------------------------------------------------------------------------------


def hosting(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find the files of platforms."""
    for key in ("hosting", "vagrant"):
        for rule in rules.of(Row.DELIVERY, key):
            wanted, unwanted = str(rule.extra.get("text", "")), str(rule.extra.get("not_text", ""))
            places = [
                Place(path, 1)
                for path in _files(project, unit, *rule.files)
                if re.search(wanted, text := project.text(path)) and not (unwanted and re.search(unwanted, text))
            ]
            if places and key == "vagrant":
                yield _said(key, rule.value, places)
            elif places:
                details = _platform(project, rule, places[0].path)
                yield _said(key, f"{rule.value} ({places[0].path}{f': {details}' if details else ''})", places)


def _platform(project: Project, rule: Rule, path: str) -> str:
    """Read what a platform's file says about size and number."""
    data = (
        project.data(path) if path.endswith((".toml", ".json", ".yml", ".yaml")) and rule.extra.get("reads") else None
    )
    if not isinstance(data, dict):
        return ""
    said: list[str] = []
    for key in rule.extra["reads"]:
        value: Any = data
        for part in key.split("."):
            if isinstance(value, list):
                value = [item.get(part) for item in value if isinstance(item, dict)]
            else:
                value = value.get(part) if isinstance(value, dict) else None
        every = [item for item in value if isinstance(item, (str, int))] if isinstance(value, list) else value
        if isinstance(every, (str, int)) and not isinstance(every, bool):
            said.append(f"{key.rpartition('.')[2].replace('_', ' ')} {every}")
        elif isinstance(every, list) and every:
            said.append(f"{key.rpartition('.')[2].replace('_', ' ')} {_listed(map(str, every), 5)}")
    return ", ".join(said)


def hosting_hints(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find what only hints at a platform: its packages, and the variables that it alone sets."""
    ours = rules.of(Row.DELIVERY, "hosting_hint")
    variables = {name: rule for rule in ours for name in rule.extra.get("variables", [])}
    named: dict[str, dict[str, list[Place]]] = {}
    for rule in ours:
        for module in project.importing(unit, *rule.npm, *rule.modules) if rule.npm or rule.modules else []:
            for brought in module.imports:
                for name in (*rule.npm, *rule.modules):
                    if not brought.type_only and (brought.module == name or brought.module.startswith(f"{name}/")):
                        named.setdefault(rule.value, {}).setdefault(name, []).append(Place(module.path, brought.line))
    if variables:
        reads = rb"""(?:\benv(?:\??\.|\[["'])|environ(?:\.get)?[\[(]["']|getenv\(["'])"""
        pattern = re.compile(reads + rb"(" + b"|".join(name.encode() for name in variables) + rb")\b")
        for path in project.sources(unit):
            content = project.tree.bytes(path) or b""
            for found in pattern.finditer(content):
                name = found[1].decode()
                place = Place(path, content[: found.start()].count(b"\n") + 1)
                named.setdefault(variables[name].value, {}).setdefault(name, []).append(place)
    for value, names in named.items():
        places = [places[0] for places in names.values()]
        yield Finding(Row.DELIVERY, "hosting_hint", f"{value} ({_listed(names, 4)})", Proof.USED, places[:6],
                      note="only a hint: packages and variables of that platform are used")  # fmt: skip


# -- requirements and environment files -------------------------------------------------------------------------------


def requirements(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say where a Python unit's packages are listed, and whether in more than one place."""
    if not unit.pypi:
        return
    prefix = f"{unit.folder}/" if unit.folder else ""
    pip = [path for path in unit.manifests if path.endswith((".txt", ".in"))]
    first = next(
        (
            path
            for name in ("requirements.txt", "requirements.in", "requirements/prod.txt", "requirements/production.txt",
                         "requirements/base.txt", "requirements/main.txt")
            if (path := f"{prefix}{name}") in pip
        ),
        pip[0] if pip else "",
    )  # fmt: skip
    others = [name for name in ("Pipfile", "pyproject.toml", "setup.py") if f"{prefix}{name}" in unit.manifests]
    others = [name for name in others if any(item.place.path == f"{prefix}{name}" for item in unit.pypi.values())
              or name == "Pipfile"]  # fmt: skip
    if not first and not others:
        return
    said, places = [], []
    if first:
        inner, line = _through(project, first)
        said.append(inner if inner == first else f"{inner} through -r in {first}")
        places = [Place(inner, line), *([Place(first, 1)] if inner != first else [])]
    for name in others:
        text = project.text(f"{prefix}{name}")
        tool = next((tool for tool in ("poetry", "uv", "pdm", "hatch") if f"[tool.{tool}" in text), "")
        said.append(f"{prefix}{name}{f' ({tool})' if tool and name == 'pyproject.toml' else ''}")
        places.append(Place(f"{prefix}{name}", 1))
    value = said[0] if len(said) == 1 else f"{said[0]}; {', '.join(said[1:])}, too: {len(said)} lists"
    locks = [
        name
        for name in ("poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock")
        if project.tree.exists(f"{prefix}{name}")
    ]
    yield _said("requirements", value, places, f"locked by {', '.join(locks)}" if locks else "")


def _through(project: Project, path: str) -> tuple[str, int]:
    """Follow `-r` as long as a file has nothing else: (path, line of the first requirement)."""
    for _ in range(5):
        lines = project.text(path).splitlines()
        own = [number for number, line in enumerate(lines, 1) if re.match(r"\s*[A-Za-z0-9]", line)]
        inner = [found[1] for line in lines if (found := re.match(r"\s*(?:-r|--requirement)[ =]?\s*(\S+)", line))]
        target = posixpath.normpath(posixpath.join(path.rpartition("/")[0], inner[0])) if inner else ""
        if own or not target or not project.tree.exists(target):
            return path, own[0] if own else 1
        path = target
    return path, 1


def committed_env(project: Project, unit: Unit) -> Iterator[Finding]:
    """Name the environment files that are in the tree and that no .gitignore leaves out. They are not opened."""
    folders: dict[str, list[str]] = {}
    for path in sorted(project.tree.closed)[:300]:
        name = path.rpartition("/")[2]
        owner = project.unit_of(path)
        if not re.search(r"^\.env(\..+)?$|\.env$", name, re.IGNORECASE) or owner not in (unit, project.units[0]):
            continue
        if not ignored(project, path):
            folders.setdefault(path.rpartition("/")[0], []).append(name)
    said = [
        f"{folder}/{names[0]}{''.join(f', {name}' for name in names[1:])}" if folder else ", ".join(names)
        for folder, names in folders.items()
    ]
    if said:
        places = [Place(f"{folder}/{name}" if folder else name) for folder, names in folders.items() for name in names]
        yield _said("committed_env", "; ".join(said[:6]), places, "values are not read; no .gitignore leaves them out")


def ignored(project: Project, path: str) -> bool:
    """Tell whether the .gitignore files above a path leave it out."""
    parts = path.split("/")
    result = False
    for depth in range(len(parts)):
        folder = "/".join(parts[:depth])
        file = f"{folder}/.gitignore" if folder else ".gitignore"
        if not project.tree.exists(file):
            continue
        inner = "/".join(parts[depth:])
        for line in project.text(file).splitlines():
            rule = line.strip()
            if not rule or rule.startswith("#"):
                continue
            wanted = not rule.startswith("!")
            if _ignores(rule.removeprefix("!"), inner):
                result = wanted
    return result


def _ignores(rule: str, inner: str) -> bool:
    only_folders = rule.endswith("/")
    rule = rule.rstrip("/")
    anchored = "/" in rule
    rule = rule.removeprefix("/").removeprefix("**/")
    parts = inner.split("/")
    for length in range(1, len(parts) + 1):
        if only_folders and length == len(parts):
            continue
        candidate = "/".join(parts[:length]) if anchored and not rule.startswith("*") else parts[length - 1]
        if fnmatchcase(candidate, rule):
            return True
    return False


# -- queues and payments ----------------------------------------------------------------------------------------------


def _uses(project: Project, unit: Unit, rule: Rule) -> Iterator[tuple[Module, Call, str]]:
    for module in project.importing(unit, *rule.npm):
        for call in module.calls:
            origin = project.origin(module, call.node.items[0], call.function)
            if rules.uses(rule, rule.npm, origin):
                yield module, call, origin


def queues(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find queues and brokers of Node services, and whether they are optional."""
    for rule in rules.of(Row.DELIVERY, "queue"):
        if not rule.npm:
            continue
        found = list(_uses(project, unit, rule))
        if not found:
            seen = rules.evidence(project, unit, rule)
            if seen is not None and seen.proof < Proof.USED:
                yield seen
            continue
        best = max(project.proof(module.path) for module, _, _ in found)
        conditions = {_condition(call) for _, call, _ in found}
        optional = min(conditions) if "" not in conditions else ""
        names = _listed(dict.fromkeys(name for module, call, _ in found for name in _names(project, module, call)), 6)
        value, where = rule.value, str(rule.extra.get("backend", ""))
        transports = _listed(name for _, call, _ in found for name in _transports(call.node))
        if rule.extra.get("transports"):
            if not transports:
                continue
            value = f"{transports} ({rule.value})"
        details = ", ".join(filter(None, [where, "optional" if optional else ""]))
        yield Finding(
            Row.DELIVERY,
            "queue",
            f"{value} ({details})" if details else value,
            best,
            [Place(module.path, call.node.line) for module, call, _ in found if project.proof(module.path) == best][:5],
            condition=f"only if {shown(optional)}" if optional else "",
            note=f"queues: {names}" if names else "",
        )


def _condition(call: Call) -> str:
    return next(
        (text for text in call.conditions if _CONFIGURED.search(text) and not text.startswith(("!", "not "))), ""
    )


_NAMES_QUEUE = re.compile(
    r"(^|\.)(\w*Queue\w*|\w*Worker|QueueEvents|FlowProducer|Processor|consume|process|define|topic|subscribe|publish|send|work)$"
)


def _names(project: Project, module: Module, call: Call) -> Iterator[str]:
    """Give the names of queues that a call makes or reads."""
    if not _NAMES_QUEUE.search(call.node.items[0].dotted):
        return
    for argument in call.node.arguments[:1]:
        node = argument.get("name") or argument.get("topic") if argument.kind == "object" else argument
        if node is not None and node.kind in ("string", "name", "attribute"):
            value = project.fold(module, node, call.function)
            if value.known and isinstance(value.value, str) and re.fullmatch(r"[\w.:-]{1,60}", value.value):
                yield value.value


def _transports(node: Node) -> Iterator[str]:
    known = {
        "RMQ": "rabbitmq",
        "KAFKA": "kafka",
        "NATS": "nats",
        "REDIS": "redis",
        "MQTT": "mqtt",
        "GRPC": "grpc",
        "TCP": "tcp",
    }
    pending = [node]
    while pending:
        item = pending.pop()
        if item.kind == "attribute" and item.items[0].dotted == "Transport" and item.value in known:
            yield known[str(item.value)]
        pending += [*item.items, *(value for _, value in item.pairs)]


def payments(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find payments as code uses them: checkout, webhooks … A constant amount without a webhook is a demo."""
    for rule in rules.of(Row.DELIVERY, "payments"):
        features: dict[str, str] = rule.extra.get("features", {})
        listed = any(unit.dependency(name) is not None for name in (*rule.npm, *rule.pypi))
        found: dict[str, list[Place]] = {}
        constant = True
        words = {word for pattern in features for word in re.findall(r"\w+", pattern)}
        words -= {"create", "sessions", "Session", "create_async"}
        for module in _speaking_of(project, unit, rule.value, words) if listed and words else []:
            for call in module.calls:
                callee = call.node.items[0]
                says = next(
                    (says for pattern, says in features.items() if fnmatchcase(callee.dotted, f"*{pattern}")), ""
                )
                if not says:
                    continue
                origin = project.origin(module, callee, call.function)
                if rule.value not in f"{origin} {callee.dotted}".lower():
                    continue
                found.setdefault(says, []).append(Place(module.path, call.node.line))
                constant = constant and _constant_amount(project, module, call)
        seen = rules.evidence(project, unit, rule)
        if not found:
            if seen is not None:
                yield seen
            continue
        order = [says for says in dict.fromkeys(features.values()) if says in found]
        value = f"{rule.value} {_and(order)}"
        if constant and "webhook" not in found and set(found) <= {"charges", "payment intents"}:
            value += ": a demo (constant amount, no webhook)"
        places = [place for says in ("webhook", *order) for place in found.get(says, [])]
        best = max(project.proof(place.path) for place in places)
        yield Finding(Row.DELIVERY, "payments", value, best, list(dict.fromkeys(places))[:6])


def _speaking_of(project: Project, unit: Unit, name: str, words: set[str]) -> Iterator[Module]:
    """Give the modules whose text has a name and any of some words."""
    both = (name.encode(), name.capitalize().encode())
    pattern = re.compile(rb"\b(" + b"|".join(word.encode() for word in sorted(words)) + rb")\b")
    paths = []
    for path in project.sources(unit):
        content = project.tree.bytes(path) or b""
        if any(spelt in content for spelt in both) and pattern.search(content):
            paths.append(path)
    project.load(paths)
    for path in paths:
        if (module := project.module(path)) is not None:
            yield module


def _constant_amount(project: Project, module: Module, call: Call) -> bool:
    amount = call.node.get("amount") or next(
        (item.get("amount") for item in call.node.arguments if item.kind == "object"), None
    )
    if amount is None:
        return False
    value = project.fold(module, amount, call.function)
    return value.known and isinstance(value.value, (int, float)) and not value.env
