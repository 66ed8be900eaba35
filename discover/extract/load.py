"""Load tests: how many users, which arrival rate, which thresholds, against which host. Nothing found is ever run.

Arrival rates become `peak_rps`, where one iteration makes one request. Virtual users never do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from discover import rules
from discover.code import Call, Function, Module, Node
from discover.findings import Finding, Place, Proof, Row
from discover.project import Project, Unit
from discover.texts import logical_lines, without_comments
from discover.wiring import Spot, fold, member, settled

MAX_FILES = 400
MAX_BYTES = 300_000
MAX_SHOWN = 5
MAX_ELEMENT = 20_000
MAX_LINE = 2_000

_ASIDE = re.compile(r"(^|/)(docs?|examples?|samples?|templates?|snippets?|website)/", re.IGNORECASE)
_KIND = re.compile(
    r"(load|stress|spike|soak|smoke|breakpoint|endurance|performance|perf|average|peak|capacity|baseline"
    r"|benchmark|volume)",
    re.IGNORECASE,
)
_BEYOND = frozenset({"stress", "spike", "breakpoint", "capacity", "soak", "endurance", "smoke"})
"""Kinds of tests that say nothing about the usual peak."""
_HOST = re.compile(r"\b(?:https?|wss?)://(?:[^\s/\"'`@]*@)?([A-Za-z0-9][\w.-]*)")
_LOCAL = re.compile(
    r"^(localhost|127\..*|0\.0\.0\.0|10\..*|192\.168\..*|172\.(1[6-9]|2\d|3[01])\..*|[^.]+"
    r"|host\.docker\.internal|.*\.(local|localhost|test|internal"
    r"|svc|lan)|.*\.svc\.cluster\.local|(.*\.)?example\.(com|org|net)|(.*\.)?k6\.io|(.*\.)?grafana\.com"
    r"|(.*\.)?github(usercontent)?\.com"
    r"|(.*\.)?jsdelivr\.net|(.*\.)?unpkg\.com|(www\.)?w3\.org|schema\.org|(.*\.)?apache\.org"
    r"|(.*\.)?artillery\.io|(.*\.)?npmjs\.com)$"
)
_STAGING = re.compile(
    r"(^|[.-])(staging|stage|stg|dev|develop|test|testing|qa|uat|sandbox|preview|pre-?prod)([.-]|\d|$)", re.IGNORECASE
)
_STAGED, _PERHAPS = "a staging host", "no local host, perhaps production"
_LOOPS = re.compile(r"\b(for|while)\s*\(|\.(forEach|map|reduce)\s*\(|\bhttp\.batch\s*\(")


@dataclass(slots=True)
class Rate:
    """An arrival rate."""

    per_second: float
    place: Place
    requests: int | None = 1
    """How many requests one arrival makes; None where that can't be told."""
    word: str = "iteration"

    def __str__(self) -> str:
        """Write the rate."""
        if self.requests == 1:
            return f"{number(self.per_second)} requests per s"
        if self.requests is None:
            return f"{number(self.per_second)} {self.word}s per s, each with an unknown number of requests"
        whole = number(self.per_second * self.requests)
        return (
            f"{number(self.per_second)} {self.word}s per s, {self.requests} requests each: about {whole} requests per s"
        )


@dataclass(slots=True)
class Script:
    """One load test."""

    tool: str
    place: Place
    label: str = ""
    users: int = 0
    users_place: Place | None = None
    word: str = "VU"
    thresholds: list[str] = field(default_factory=list)
    threshold_place: Place | None = None
    rates: list[Rate] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    hints: list[tuple[str, Place]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unknown_rate: tuple[str, Place] | None = None
    unknown_users: tuple[str, Place] | None = None
    command: bool = False
    """It stands in a line of a shell."""


def number(value: float) -> str:
    """Write a number without needless digits."""
    return str(int(value)) if float(value).is_integer() else f"{value:.3g}"


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find the load tests of a unit, and those of the whole codebase."""
    scripts: list[Script] = []
    for reader in READERS:
        scripts += reader(project, unit)
    scripts = [script for script in scripts if not _only_starts(script, scripts)]
    _label(scripts)
    yield from _told(scripts)
    seen = {script.tool for script in scripts}
    for rule in rules.of(Row.LOAD, "load_tests"):
        if rule.value not in seen and (rule.npm or rule.pypi):
            found = rules.evidence(project, unit, rule)
            if found is not None:
                found.proof = min(found.proof, Proof.IMPORTED)
                yield found
    yield from _overload(project, unit)


def _only_starts(script: Script, scripts: list[Script]) -> bool:
    """Tell whether a script is a command that only runs another one, without numbers of its own."""
    if not script.command or script.users or script.rates:
        return False
    return any(other.tool == script.tool and not other.command for other in scripts)


def _label(scripts: list[Script]) -> None:
    """Name each script by the kind of test that its file's name says, or by its file."""
    for script in scripts:
        stem = re.sub(r"\.(k6|test|spec|perf|load)?\.?\w+$", "", script.place.path.rpartition("/")[2])
        folder = script.place.path.rpartition("/")[0]
        alone = not any(
            other.place.path != script.place.path and other.place.path.startswith(f"{folder}/") for other in scripts
        )
        found = _KIND.search(stem) or (_KIND.search(folder.rpartition("/")[2]) if alone else None)
        script.label = script.label or (found[1].lower() if found is not None else stem)
    for label in {script.label for script in scripts}:
        same = [script for script in scripts if script.label == label]
        if len({script.place.path for script in same}) > 1:
            for script in same:
                script.label = script.place.path.rpartition("/")[2].rpartition(".")[0]


def _told(scripts: list[Script]) -> Iterator[Finding]:
    for tool in dict.fromkeys(script.tool for script in scripts):
        own = [script for script in scripts if script.tool == tool]
        labels = list(dict.fromkeys(script.label for script in own))
        hosts = list(dict.fromkeys(host for script in own for host in script.hosts if not _LOCAL.match(host)))
        unknown = list(dict.fromkeys(text for script in own for text in script.unknown))
        notes = [
            f"the target {host} is {_STAGED if _STAGING.search(host) else _PERHAPS}: never called" for host in hosts[:3]
        ]
        notes += [f"not read: {text}" for text in unknown[:3]]
        yield Finding(Row.LOAD, "load_tests", f"{tool}: {_few(labels)}", Proof.USED,
                      [script.place for script in own][:8], note="; ".join(notes))  # fmt: skip
        yield from _hints(tool, own, hosts)
    several = len(scripts) > 1

    def named(text: str, script: Script) -> str:
        return f"{text} ({script.label})" if several else text

    users = [
        (f"{script.users} {script.word}{'' if script.users == 1 else 's'}", script, script.users_place or script.place)
        for script in sorted(scripts, key=lambda script: -script.users if len(scripts) > MAX_SHOWN else 0)
        if script.users and script.unknown_users is None
    ]
    users += [(script.unknown_users[0], script, script.unknown_users[1]) for script in scripts if script.unknown_users]
    if users:
        value = ", ".join(named(text, script) for text, script, _ in users[:MAX_SHOWN])
        yield Finding(Row.LOAD, "load_peak_vus", value, Proof.USED, [place for _, _, place in users][:8])
    held = [script for script in scripts if script.thresholds][:MAX_SHOWN]
    if held:
        value = ", ".join(named(", ".join(script.thresholds[:6]), script) for script in held[:6])
        yield Finding(Row.LOAD, "load_threshold", value, Proof.USED,
                      [script.threshold_place or script.place for script in held][:8])  # fmt: skip
    rated = [(script, rate) for script in scripts for rate in script.rates]
    rates = [(str(rate), script, rate.place) for script, rate in rated]
    rates += [(script.unknown_rate[0], script, script.unknown_rate[1]) for script in scripts if script.unknown_rate]
    if rates:
        value = ", ".join(named(text, script) for text, script, _ in rates[:MAX_SHOWN])
        yield Finding(Row.LOAD, "load_rate", value, Proof.USED, [place for _, _, place in rates][:8])
    usual = [(script, rate) for script, rate in rated if not _BEYOND & set(re.split(r"[^a-z]+", script.label.lower()))]
    known = [(script, rate) for script, rate in usual or rated if rate.requests == 1]
    if known:
        script, rate = max(known, key=lambda pair: pair[1].per_second)
        yield Finding(Row.LOAD, "peak_rps", max(1, round(rate.per_second)), Proof.USED, [rate.place],
                      note=f"an arrival rate of a load test ({script.tool}, {script.label}), not measured")  # fmt: skip
    hints = [(named(text, script), place) for script in scripts for text, place in script.hints]
    if hints:
        yield Finding(Row.LOAD, "peak_hint", ", ".join(text for text, _ in hints[:6]), Proof.USED,
                      [place for _, place in hints][:6], note="a hint, no answer")  # fmt: skip


def _hints(tool: str, scripts: list[Script], hosts: list[str]) -> Iterator[Finding]:
    """Say which platform the host of a load test belongs to."""
    for rule in rules.of(Row.DELIVERY, "hosting_hint"):
        for domain in rule.extra.get("domains", []):
            for script in scripts:
                if any(host in hosts and host.endswith(domain) for host in script.hosts):
                    yield Finding(Row.DELIVERY, "hosting_hint", f"{rule.value} (only from the {tool} URL)", Proof.USED,
                                  [script.place], note="only a hint: the host of a load test")  # fmt: skip
                    return


def _few(labels: list[str], most: int = 5) -> str:
    return _and(labels if len(labels) <= most else [*labels[:most], f"{len(labels) - most} more"])


def _and(items: list[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def hosts_of(text: str) -> list[str]:
    """Give the hosts of the addresses in a text, its comments and imports left out."""
    bare = re.sub(r"^[ \t]*(#|\*|import\b|<!--).*$", "", without_comments(text), flags=re.MULTILINE)
    return list(dict.fromkeys(found.lower().rstrip(".") for found in _HOST.findall(bare)))


def _homes(project: Project, unit: Unit) -> list[Unit]:
    """Give the units whose load tests may be of this one: its own, the root, and those that are no services."""
    return [
        other for other in project.units if other is unit or not other.folder or other.kind in ("tooling", "library")
    ]


def _modules(project: Project, unit: Unit, *packages: str) -> Iterator[Module]:
    seen: set[str] = set()
    for home in _homes(project, unit):
        for module in project.importing(home, *packages, tests=True):
            if module.path not in seen and len(seen) < MAX_FILES and not _ASIDE.search(module.path):
                seen.add(module.path)
                yield module


def _files(project: Project, unit: Unit, *patterns: str) -> list[str]:
    found = [path for home in _homes(project, unit) for path in project.files(home, *patterns, tests=True)]
    return [path for path in dict.fromkeys(found) if not _ASIDE.search(path)][: MAX_FILES * 2]


def _integer(value: Any) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return int(value)
    return int(value) if isinstance(value, str) and value.strip().isdigit() else None


def _seconds(value: Any) -> float | None:
    """Read a duration such as `1m30s`, `500ms` or a number of seconds."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    parts = re.findall(r"([\d.]+)\s*(ms|s|m|h|d)?", value) if isinstance(value, str) else []
    sizes = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
    total = sum(float(amount) * sizes[size] for amount, size in parts if re.fullmatch(r"\d+(\.\d+)?", amount))
    return total or None


# -- k6 ---------------------------------------------------------------------------------------------------------------

_K6_REQUESTS = re.compile(
    r"^k6/(http|net/grpc|experimental/fs)\b.*\.(get|post|put|patch|del|head|options|request|asyncRequest|invoke"
    r"|batch)$"
)


def k6(project: Project, unit: Unit) -> Iterator[Script]:
    """Read k6 scripts."""
    for module in _modules(project, unit, "k6"):
        options = module.exports.get("options")
        if options is None and "default" not in module.exports:
            continue
        script = Script("k6", Place(module.path, 1), hosts=_k6_hosts(project, module))
        if options is not None:
            _k6_options(project, module, Spot(module, options), script)
        yield script


def _k6_hosts(project: Project, module: Module) -> list[str]:
    """Give the hosts in a script and in the modules of the codebase that it imports."""
    paths = [module.path, *(project.target(module, brought.module) for brought in module.imports)]
    return [host for path in dict.fromkeys(paths) if path for host in hosts_of(project.text(path))]


def _k6_options(project: Project, module: Module, options: Spot, script: Script) -> None:
    scenarios = member(project, options, "scenarios")
    held = settled(project, scenarios) if scenarios is not None else None
    if held is not None and held.node.kind == "object" and held.node.pairs:
        by_start: dict[str, tuple[int, list[Rate]]] = {}
        for name, node in held.node.pairs:
            if name and name != "...":
                scenario = Spot(held.module, node, held.function)
                start = fold(project, member(project, scenario, "startTime"))
                key = str(start.value) if start is not None and start.known else "0s"
                users, rates = by_start.get(key, (0, []))
                users += _k6_users(project, scenario, script)
                by_start[key] = (users, [*rates, *_k6_rates(project, module, scenario, script)])
        script.users = max((users for users, _ in by_start.values()), default=0)
        script.rates = [_sum(rates) for _, rates in by_start.values() if rates]
    else:
        script.users = _k6_users(project, options, script)
        stages = member(project, options, "stages")
        script.users_place = stages.place if script.users_place is None and stages is not None else script.users_place
    limit = member(project, options, "rps")
    if limit is not None and (amount := _k6_number(project, limit, script)):
        script.hints.append((f"at most {amount} requests per s", limit.place))
    _k6_thresholds(project, options, script)


def _sum(rates: list[Rate]) -> Rate:
    """Add up the rates of scenarios that run at the same time."""
    if len(rates) == 1:
        return rates[0]
    requests = {rate.requests for rate in rates}
    return Rate(sum(rate.per_second for rate in rates), rates[0].place, requests.pop() if len(requests) == 1 else None)


def _k6_number(project: Project, spot: Spot | None, script: Script) -> int | None:
    value = fold(project, spot)
    if value is None:
        return None
    if not value.known:
        script.unknown.append(str(value))
        return None
    return _integer(value.value)


def _k6_users(project: Project, scenario: Spot, script: Script) -> int:
    """Give the most virtual users of a scenario, or of options; arrival rates have none of their own."""
    executor = fold(project, member(project, scenario, "executor"))
    if executor is not None and executor.known and "arrival-rate" in str(executor.value):
        return 0
    found, before = [0], len(script.unknown)
    for key in ("vus", "startVUs", "maxVUs"):
        spot = member(project, scenario, key)
        amount = _k6_number(project, spot, script)
        if amount and spot is not None:
            found.append(amount)
            script.users_place = script.users_place or spot.place
    for target, place in _k6_stages(project, scenario, script):
        if target > max(found):
            script.users_place = place
        found.append(target)
    if len(script.unknown) > before:
        script.unknown_users = script.unknown.pop(), scenario.place
        del script.unknown[before:]
    return max(found)


def _k6_stages(project: Project, scenario: Spot, script: Script) -> Iterator[tuple[int, Place]]:
    stages = member(project, scenario, "stages")
    held = settled(project, stages) if stages is not None else None
    for node in held.node.items if held is not None and held.node.kind == "array" else []:
        stage = Spot(held.module, node, held.function) if held is not None else scenario
        target = member(project, stage, "target")
        amount = _k6_number(project, target, script)
        if amount is not None and target is not None:
            yield amount, target.place


def _k6_rates(project: Project, module: Module, scenario: Spot, script: Script) -> list[Rate]:
    executor = fold(project, member(project, scenario, "executor"))
    if executor is None or not executor.known or "arrival-rate" not in str(executor.value):
        return []
    unit = fold(project, member(project, scenario, "timeUnit"))
    seconds = 1.0 if unit is None else _seconds(unit.value) if unit.known else None
    before = len(script.unknown)
    spots = [member(project, scenario, "rate"), member(project, scenario, "startRate")]
    found = [
        (amount, spot.place) for spot in spots if spot is not None and (amount := _k6_number(project, spot, script))
    ]
    found += list(_k6_stages(project, scenario, script))
    if len(script.unknown) > before:
        script.unknown_rate = script.unknown.pop(), scenario.place
        del script.unknown[before:]
        return []
    if not found or seconds is None:
        return []
    most, place = max(found, key=lambda pair: pair[0])
    run = fold(project, member(project, scenario, "exec"))
    name = str(run.value) if run is not None and run.known else "default"
    return [Rate(most / seconds, place, _k6_requests(project, module, name))]


def _k6_requests(project: Project, module: Module, name: str) -> int | None:
    """Count the requests of one iteration; None where a loop or a condition may make more."""
    node = module.exports.get(name)
    where, found = project.find(module, node) if node is not None else (module, Node("null", 0))
    return _requests_of(project, where, where.function(found), 0) or None


def _requests_of(project: Project, module: Module, function: Function | None, depth: int) -> int | None:
    """Count the requests of a function and of the helpers that it calls."""
    if function is None or depth > 3 or _LOOPS.search(project.text(module.path)):
        return None
    count = 0
    for call in module.calls_in(function.number):
        callee = call.node.items[0]
        origin = project.origin(module, callee, call.function)
        if _K6_REQUESTS.match(origin):
            if call.conditions or origin.endswith("batch"):
                return None
            count += 1
            continue
        where, found = project.find(module, callee, call.function)
        helper = where.function(found)
        if helper is not None:
            inner = _requests_of(project, where, helper, depth + 1)
            if inner is None or (inner and call.conditions):
                return None
            count += inner
    return count


def _k6_thresholds(project: Project, options: Spot, script: Script) -> None:
    spot = member(project, options, "thresholds")
    held = settled(project, spot) if spot is not None else None
    for metric, node in held.node.pairs if held is not None and held.node.kind == "object" else []:
        for text, place in _k6_expressions(
            project, Spot(held.module, node, held.function) if held is not None else options
        ):
            if metric.startswith("http_reqs"):
                script.hints.append((f"http_reqs {text}", place))
            elif told := _threshold(metric, text):
                script.thresholds.append(told)
                script.threshold_place = script.threshold_place or place


def _k6_expressions(project: Project, spot: Spot) -> Iterator[tuple[str, Place]]:
    held = settled(project, spot)
    for node in held.node.items if held.node.kind == "array" else [held.node]:
        inner = Spot(held.module, node, held.function)
        if settled(project, inner).node.kind == "object":
            inner = member(project, inner, "threshold") or inner
        value = fold(project, inner)
        if value is not None and value.known and isinstance(value.value, str):
            yield value.value, inner.place


def _threshold(metric: str, text: str) -> str:
    """Write a threshold: `p(95)<2000` of a duration is `p95 < 2000 ms`."""
    found = re.match(r"\s*(p\((?:[\d.]+)\)|avg|med|min|max|rate|count|value)\s*(<=?|>=?|===?)\s*([\d.]+)", text)
    if found is None:
        return ""
    what, sign, limit = re.sub(r"[()]", "", found[1]), found[2], found[3]
    name = metric.partition("{")[0]
    if name.startswith(("http_req_", "iteration_duration", "grpc_req", "ws_")) and what != "rate":
        return f"{what} {sign} {limit} ms{'' if name == 'http_req_duration' else f' ({name})'}"
    if what == "rate":
        name = {"http_req_failed": "failed requests"}.get(name, name)
        return f"{name} {sign} {number(float(limit) * 100)} %"
    return f"{name} {what} {sign} {limit}"


# -- artillery, taurus ------------------------------------------------------------------------------------------------


def artillery(project: Project, unit: Unit) -> Iterator[Script]:
    """Read Artillery's test definitions."""
    for path in _files(project, unit, "*.yml", "*.yaml", "*.json"):
        if not 0 < project.tree.sizes[path] < 300_000 or path.endswith(("package.json", "lock.json", "tsconfig.json")):
            continue
        text = project.tree.text(path) or ""
        if not re.search(r"arrivalRate|arrivalCount|rampTo", text) or not re.search(r"\bphases\b", text):
            continue
        data = project.data(path)
        config = data.get("config") if isinstance(data, dict) else None
        if isinstance(config, dict):
            yield _artillery(project, path, config, data)


def _artillery(project: Project, path: str, config: dict[str, Any], data: dict[str, Any]) -> Script:
    script = Script("artillery", Place(path, 1), hosts=hosts_of(str(config.get("target", ""))))
    requests = _flow_requests(data.get("scenarios"))
    best: Rate | None = None
    phases = config.get("phases")
    for phase in phases if isinstance(phases, list) else []:
        if not isinstance(phase, dict):
            continue
        amounts = [amount for key in ("arrivalRate", "rampTo") if (amount := _integer(phase.get(key)))]
        count, seconds = _integer(phase.get("arrivalCount")), _seconds(phase.get("duration"))
        per_second = float(max(amounts)) if amounts else count / seconds if count and seconds else 0.0
        if per_second and (best is None or per_second > best.per_second):
            key = "rampTo" if amounts and _integer(phase.get("rampTo")) == max(amounts) else "arrivalRate|arrivalCount"
            shown = int(max(amounts)) if amounts else count
            line = project.tree.line(path, rf"\b(?:{key})\b\W+{shown}\b") or 1
            best = Rate(per_second, Place(path, line), requests, "arrival")
    script.rates = [best] if best is not None else []
    ensure = config.get("ensure")
    if isinstance(ensure, dict):
        place = Place(path, project.tree.line(path, r"\bensure\b") or 1)
        limits = {
            key: value for key, value in ensure.items() if re.fullmatch(r"p\d+|max|median|min|maxErrorRate", str(key))
        }
        listed = ensure.get("thresholds")
        for item in listed if isinstance(listed, list) else []:
            limits |= {key.rpartition(".")[2]: value for key, value in item.items()} if isinstance(item, dict) else {}
        script.thresholds = [
            f"failed requests < {value} %" if key == "maxErrorRate" else f"{key} < {value} ms"
            for key, value in limits.items()
        ]
        script.threshold_place = place
    return script


def _flow_requests(scenarios: Any) -> int | None:
    """Count the requests of one arrival; None where scenarios differ, loop or branch."""
    counts = set()
    for scenario in scenarios if isinstance(scenarios, list) else []:
        flow = scenario.get("flow") if isinstance(scenario, dict) else None
        count = 0
        for step in flow if isinstance(flow, list) else []:
            keys = set(step) if isinstance(step, dict) else set()
            if keys & {"loop", "parallel", "function"} or (isinstance(step, dict) and "ifTrue" in str(step)):
                return None
            count += bool(keys & {"get", "post", "put", "patch", "delete", "head", "options"})
        counts.add(count)
    return counts.pop() if len(counts) == 1 and 0 not in counts else None


def taurus(project: Project, unit: Unit) -> Iterator[Script]:
    """Read Taurus's test definitions."""
    for path in _files(project, unit, "*.yml", "*.yaml"):
        if not 0 < project.tree.sizes[path] < 100_000:
            continue
        text = project.tree.text(path) or ""
        if not (
            re.search(r"^execution\s*:", text, re.MULTILINE) and re.search(r"\b(concurrency|throughput)\s*:", text)
        ):
            continue
        data = project.data(path)
        listed = data.get("execution") if isinstance(data, dict) else None
        script = Script("taurus", Place(path, 1), hosts=hosts_of(text))
        for item in listed if isinstance(listed, list) else [listed]:
            if isinstance(item, dict):
                script.users = max(script.users, _integer(item.get("concurrency")) or 0)
                rate = _integer(item.get("throughput"))
                if rate:
                    script.rates.append(Rate(rate, Place(path, project.tree.line(path, r"\bthroughput\s*:") or 1)))
        yield script


# -- autocannon, locust -----------------------------------------------------------------------------------------------


def autocannon(project: Project, unit: Unit) -> Iterator[Script]:
    """Read programs that call autocannon."""
    for module in _modules(project, unit, "autocannon"):
        for call in module.calls:
            if project.origin(module, call.node.items[0], call.function) not in ("autocannon", "autocannon.default"):
                continue
            script = Script(
                "autocannon",
                Place(module.path, call.node.line),
                word="connection",
                hosts=hosts_of(project.text(module.path)),
            )
            options = Spot(module, call.node.arguments[0], call.function) if call.node.arguments else None
            connections = member(project, options, "connections")
            script.users = _k6_number(project, connections, script) or 10
            script.users_place = connections.place if connections is not None else None
            whole, each = member(project, options, "overallRate"), member(project, options, "connectionRate")
            if whole is not None and (rate := _k6_number(project, whole, script)):
                script.rates.append(Rate(rate, whole.place))
            elif each is not None and (rate := _k6_number(project, each, script)):
                script.rates.append(Rate(rate * script.users, each.place))
            yield script


def locust(project: Project, unit: Unit) -> Iterator[Script]:
    """Read locust files, and the users that a locust.conf starts."""
    users, place = 0, None
    for path in _files(project, unit, "locust.conf", ".locust.conf"):
        for line_number, line in enumerate(project.text(path).splitlines(), 1):
            if (found := re.match(r"\s*users\s*[=:]\s*(\d+)", line)) is not None:
                users, place = int(found[1]), Place(path, line_number)
    for module in _modules(project, unit, "locust"):
        classes = [
            kind
            for kind in module.classes
            if any(re.search(r"^locust\b.*User$", project.origin(module, base)) for base in kind.bases)
        ]
        if not classes:
            continue
        script = Script("locust", Place(module.path, classes[0].line), users=users, users_place=place, word="user")
        script.hosts = hosts_of(project.text(module.path))
        for kind in classes:
            for item in kind.members:
                wait = item.value
                if (
                    item.name == "wait_time"
                    and wait is not None
                    and wait.kind == "call"
                    and wait.items[0].dotted.endswith("constant_throughput")
                ):
                    value = project.fold(module, wait.arguments[0]) if wait.arguments else None
                    if value is not None and value.known and isinstance(value.value, (int, float)):
                        whole = f", {number(value.value * users)} with {users} users" if users else ""
                        script.hints.append(
                            (f"{number(value.value)} tasks per s and user{whole}", Place(module.path, item.line))
                        )
        yield script


# -- gatling, jmeter --------------------------------------------------------------------------------------------------

_GATLING_USERS = re.compile(
    r"\b(?:atOnceUsers|rampUsers|constantConcurrentUsers|stressPeakUsers"
    r"|rampConcurrentUsers)\s{0,9}\(\s{0,9}(\d+)\s{0,9}\)(?:\s{0,9}\.?\s{0,9}to\s{0,9}\(?\s{0,9}(\d+))?"
)
_GATLING_RATE = re.compile(
    r"\b(?:constantUsersPerSec|rampUsersPerSec|incrementUsersPerSec)\s{0,9}\(\s{0,9}(\d+(?:\.\d+)?)\s{0,9}\)(?:\s{0,9}\.?\s{0,9}to\s{0,9}\(?\s{0,9}(\d+(?:\.\d+)?))?"
)
_GATLING_THROTTLE = re.compile(r"\b(?:reachRps|jumpToRps)\s{0,9}\(\s{0,9}(\d+)\s{0,9}\)")
_GATLING_REQUEST = re.compile(
    r"\bhttp\s{0,9}\(\s{0,9}\"[^\"]*\"\s{0,9}\)\s{0,9}\.\s{0,9}(?:get|post|put|patch|delete|head)\s{0,9}\("
    r"|\bhttp\s{0,9}\(\s{0,9}'[^']*'\s{0,9}\)\s{0,9}\.\s{0,9}(?:get|post|put|patch|delete)\s{0,9}\("
)


_GATLING_PERCENTILE = re.compile(
    r"percentile\d?\s{0,9}\(?\s{0,9}(\d+(?:\.\d+)?)?\s{0,9}\)?\s{0,9}\.\s{0,9}(?:lt|lte)\s{0,9}"
    r"\(\s{0,9}(\d+)\s{0,9}\)"
)


def gatling(project: Project, unit: Unit) -> Iterator[Script]:
    """Read Gatling's simulations, whatever language they are written in."""
    for path in _files(
        project, unit, "*.scala", "*.java", "*.kt", "*.gatling.js", "*.gatling.ts", "*simulation*.js", "*simulation*.ts"
    ):
        raw = (project.tree.text(path) or "") if project.tree.sizes[path] < MAX_BYTES else ""
        if not re.search(r"\bio\.gatling\b|@gatling\.io/", raw):
            continue
        text = without_comments(raw)
        if not re.search(r"\bsetUp\s*\(|\bsimulation\s*\(|\binject", text):
            continue
        project.text(path)

        def place(found: re.Match[str], text: str = text, path: str = path) -> Place:
            return Place(path, text[: found.start()].count("\n") + 1)

        script = Script("gatling", Place(path, 1), word="user", hosts=hosts_of(text))
        for found in _GATLING_USERS.finditer(text):
            amount = max(int(part) for part in found.groups() if part)
            if amount > script.users:
                script.users, script.users_place = amount, place(found)
        requests = len(_GATLING_REQUEST.findall(text))
        loops = re.search(
            r"\b(repeat|during|forever|foreach|asLongAs|doIf|randomSwitch|roundRobinSwitch)\s*\(",
            re.sub(r"\.during\s*\(", "", text),
        )
        rates = [
            Rate(
                max(float(part) for part in found.groups() if part),
                place(found),
                None if loops or not requests else requests,
                "user",
            )
            for found in _GATLING_RATE.finditer(text)
        ]
        rates += [Rate(float(found[1]), place(found)) for found in _GATLING_THROTTLE.finditer(text)]
        script.rates = [max(rates, key=lambda rate: (rate.requests == 1, rate.per_second))] if rates else []
        for found in _GATLING_PERCENTILE.finditer(text):
            script.thresholds.append(
                f"p{number(float(found[1]))} < {found[2]} ms" if found[1] else f"percentile < {found[2]} ms"
            )
            script.threshold_place = script.threshold_place or place(found)
        yield script


_JMX_ELEMENT = re.compile(
    r"<(ThreadGroup|SetupThreadGroup|kg\.apc\.\w{1,60}|com\.blazemeter\.[\w.]{1,90}|ConstantThroughputTimer"
    r"|PreciseThroughputTimer|HTTPSamplerProxy)\b([^<>]{0,600})>"
)
_JMX_VALUE = re.compile(
    r'<(?:stringProp|intProp|doubleProp|longProp)\s+name="([^"]+)"\s*>([^<]*)<|<name>(throughput)</name>\s*<value>([^<]*)<'
)


def jmeter(project: Project, unit: Unit) -> Iterator[Script]:
    """Read JMeter's plans; elements that are switched off count for nothing."""
    for path in _files(project, unit, "*.jmx"):
        text = project.text(path)
        script = Script("jmeter", Place(path, 1), word="thread")
        samplers = 0
        for found in _JMX_ELEMENT.finditer(text):
            kind, attributes = found.groups()
            body = text[found.end() : text.find(f"</{kind}>", found.end(), found.end() + MAX_ELEMENT)]
            if 'enabled="false"' in attributes:
                continue
            values = {one or three: two or four for one, two, three, four in _JMX_VALUE.findall(body)}
            place = Place(path, text[: found.start()].count("\n") + 1)
            if kind == "HTTPSamplerProxy":
                samplers += 1
                script.hosts += (
                    [host] if re.fullmatch(r"[\w.-]+\.[\w.-]+", host := values.get("HTTPSampler.domain", "")) else []
                )
            elif "Timer" in kind:
                amount = _jmx_number(values.get("throughput", ""))
                period = (
                    60.0
                    if kind == "ConstantThroughputTimer"
                    else _seconds(values.get("throughputPeriod", "3600")) or 3600.0
                )
                if amount:
                    script.rates.append(Rate(amount / period, place))
            elif "Arrivals" in kind:
                amount = _jmx_number(values.get("TargetLevel", ""))
                if amount:
                    seconds = 60.0 if values.get("Unit", "M") == "M" else 1.0
                    script.rates.append(Rate(amount / seconds, place, samplers or None, "arrival"))
            else:
                amount = _jmx_number(values.get("ThreadGroup.num_threads", "") or values.get("TargetLevel", ""))
                if amount and amount > script.users:
                    script.users, script.users_place = int(amount), place
        for rate in script.rates:
            if rate.word == "arrival":
                rate.requests = samplers or None
        yield script


def _jmx_number(text: str) -> float:
    """Read a number, or the default of a property: `${__P(users,100)}`."""
    found = re.fullmatch(r"\s*(?:\$\{__(?:P|property)\([^,]+,\s*(?:,\s*)?)?(\d+(?:\.\d+)?)(?:\)\})?\s*", text)
    return float(found[1]) if found is not None else 0.0


# -- commands ---------------------------------------------------------------------------------------------------------

_COMMAND = re.compile(
    r"(?:^|[\s;&|\"'`(/=])(autocannon|wrk2?|vegeta|hey|bombardier|oha|siege|loadtest|ab|locust|artillery"
    r"|k6)\s+(?=[^\n]*(?:-|https?:))([^\n;|&\"]*)"
)
_NO_COMMAND = re.compile(r"\b(install|add|which|apt-get|brew)\b|^\s*(echo|printf)\b(?![^\n]*\|)")
_FLAGS: dict[str, tuple[str, str]] = {
    "autocannon": (r"-c|--connections", r"-R|--overallRate"),
    "wrk": (r"-c|--connections", r"-R|--rate"),
    "wrk2": (r"-c|--connections", r"-R|--rate"),
    "vegeta": (r"-max-workers", r"-rate"),
    "hey": (r"-c", ""),
    "bombardier": (r"-c|--connections", r"-r|--rate"),
    "oha": (r"-c", r"-q"),
    "siege": (r"-c|--concurrent", ""),
    "loadtest": (r"-c|--concurrency", r"--rps"),
    "ab": (r"-c", ""),
    "locust": (r"-u|--users", ""),
    "artillery": (r"--count|-c", ""),
    "k6": (r"-u|--vus", r"--rps"),
}


def commands(project: Project, unit: Unit) -> Iterator[Script]:
    """Read load tests that are one command: in scripts of package.json, Makefiles, shell files and pipelines."""
    paths = [home.place.path for home in _homes(project, unit) if home.scripts and home.place.path]
    paths += _files(project, unit, "Makefile", "*.mk", "justfile", "Taskfile.yml", "*.sh")
    paths += [path for path in project.tree.files if path.startswith(".github/workflows/")]
    seen: set[tuple[str, str]] = set()
    for path in paths:
        text = project.tree.text(path) if project.tree.sizes.get(path, MAX_BYTES) < MAX_BYTES else None
        for line_number, whole in logical_lines(text or ""):
            line = whole[:MAX_LINE]
            if line.lstrip().startswith("#") or _NO_COMMAND.search(line):
                continue
            for tool, arguments in _COMMAND.findall(line):
                script = _command(path, line_number, tool, arguments)
                if script is not None and (path, tool) not in seen:
                    seen.add((path, tool))
                    yield script


def _command(path: str, line: int, tool: str, arguments: str) -> Script | None:
    """Read a command; words that only look like one have no option and no target."""
    target = re.search(r"https?://|\$|--host\b|(^|\s)-f\s", arguments)
    verb = {"vegeta": "attack", "artillery": "run|quick", "k6": "run|cloud"}.get(tool)
    if verb is not None and not re.search(rf"\b({verb})\b", arguments):
        return None
    if verb is None and not (target and re.search(r"(^|\s)--?[A-Za-z]", arguments)):
        return None
    connections, rate = _FLAGS[tool]
    place = Place(path, line)
    script = Script(
        tool,
        place,
        word="connection" if tool not in ("locust", "k6") else "user",
        hosts=hosts_of(arguments),
        command=True,
    )

    def flag(names: str) -> str:
        found = re.search(rf"(?:^|\s)(?:{names})[ =]?(\d+(?:\.\d+)?(?:/\w+)?)", arguments) if names else None
        return found[1] if found is not None else ""

    script.users = int(float(flag(connections) or 0)) if "/" not in flag(connections) else 0
    if tool == "hey" and (each := flag("-q")):
        script.rates = [Rate(float(each) * (script.users or 50), place)]
    elif text := flag(rate):
        amount, _, period = text.partition("/")
        seconds = _seconds(period if re.match(r"\d", period) else f"1{period}") if period else 1.0
        script.rates = [Rate(float(amount) / (seconds or 1.0), place)] if float(amount) else []
    return script


def wrk_scripts(project: Project, unit: Unit) -> Iterator[Script]:
    """Find scripts of wrk."""
    for path in _files(project, unit, "*.lua"):
        if re.search(r"^[ \t]*wrk\.(method|body|headers|path|format)\b", project.text(path), re.MULTILINE):
            yield Script("wrk", Place(path, 1), hosts=hosts_of(project.text(path)))


READERS: tuple[Callable[[Project, Unit], Iterable[Script]], ...] = (
    k6, artillery, taurus, autocannon, locust, gatling, jmeter, commands, wrk_scripts,
)  # fmt: skip


# -- overload ---------------------------------------------------------------------------------------------------------


def _overload(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find what refuses requests while the process has too much to do; handing it to a register counts as a use."""
    for rule, seen in rules.each(project, unit, Row.LOAD, "overload_protection"):
        if seen.proof < Proof.USED:
            for module in project.importing(unit, *rule.npm):
                for call in module.calls:
                    if _hands_on(project, module, call, rule.npm):
                        seen.proof, seen.places = project.proof(module.path), [project.place(module, call)]
        yield seen


def _hands_on(project: Project, module: Module, call: Call, names: tuple[str, ...]) -> bool:
    return any(
        project.origin(module, argument, call.function).removesuffix(".default") in names
        for argument in call.node.arguments
        if argument.kind in ("name", "attribute")
    )
