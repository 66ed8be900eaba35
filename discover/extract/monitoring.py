"""Dashboards and alert rules. A request rate that one of them waits for is a hint at the peak, not an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from discover.extract.delivery import yaml_documents
from discover.findings import Finding, Place, Proof, Row
from discover.project import Project, Unit

MAX_JSON = 3_000
MAX_PANELS = 400
MAX_RULES = 100
MAX_HINTS = 5

_RATE = re.compile(
    r"\b(requests?|reqs?|rps|qps|throughput|hits)\b|http_requests?_total|http_server_requests", re.IGNORECASE
)
_LIMIT = re.compile(r"(?:>|>=)\s*(\d+(?:\.\d+)?)\s*(?:$|and\b|or\b)", re.IGNORECASE)


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find Grafana and Datadog dashboards, and Prometheus rules."""
    yield from dashboards(project, unit)
    yield from alerts(project, unit)


def _listed(items: list[str], most: int) -> str:
    every = list(dict.fromkeys(items))
    return f"{', '.join(every[:most])}{f' and {len(every) - most} more' if len(every) > most else ''}"


def dashboards(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find dashboards as JSON."""
    for path in project.files(unit, "*.json", root=True, tests=True)[:MAX_JSON]:
        content = project.tree.bytes(path) if project.tree.sizes[path] < 2_000_000 else None
        if content is None:
            continue
        if b'"panels"' in content and (b'"schemaVersion"' in content or b'"gridPos"' in content):
            data = project.data(path)
            data = data.get("dashboard", data) if isinstance(data, dict) else None
            if isinstance(data, dict) and isinstance(data.get("panels"), list):
                yield from _grafana(project, path, data)
        elif b'"widgets"' in content and b'"layout_type"' in content:
            data = project.data(path)
            widgets = data.get("widgets") if isinstance(data, dict) else None
            if isinstance(widgets, list):
                value = f"datadog dashboard JSON: {data.get('title') or path}, {len(widgets)} widgets"
                yield Finding(
                    Row.LOAD, "dashboard", value, Proof.USED, [Place(path, project.tree.line(path, '"widgets"'))]
                )


def _panels(items: list[Any], depth: int = 0) -> Iterator[dict[str, Any]]:
    for item in items[:MAX_PANELS]:
        if isinstance(item, dict):
            if item.get("type") != "row":
                yield item
            if isinstance(item.get("panels"), list) and depth < 3:
                yield from _panels(item["panels"], depth + 1)


def _grafana(project: Project, path: str, data: dict[str, Any]) -> Iterator[Finding]:
    panels = list(_panels(data["panels"]))
    titles = [str(panel["title"]) for panel in panels if isinstance(panel.get("title"), str) and panel["title"]]
    named = f": {data['title']}" if isinstance(data.get("title"), str) else ""
    place = Place(path, project.tree.line(path, r'"panels"\s*:\s*\[') or 1)
    yield Finding(Row.LOAD, "dashboard", f"grafana dashboard JSON{named}, {len(panels)} panels", Proof.USED, [place],
                  note=f"panels: {_listed(titles, 10)}" if titles else "")  # fmt: skip
    hints = 0
    for panel in panels:
        limits = [step for step in _steps(panel) if step > 1]
        if limits and _counts_requests(panel) and hints < MAX_HINTS:
            hints += 1
            value = f"threshold {max(limits):g} requests per s in the panel {panel.get('title', '')}".strip()
            line = project.tree.line(path, re.escape(f'"{panel.get("title", "")}"')) or 1
            yield Finding(Row.LOAD, "peak_hint", value, Proof.USED, [Place(path, line)], note="a hint, no answer")


def _counts_requests(panel: dict[str, Any]) -> bool:
    """Tell whether a panel shows requests per second, by its title, or by its unit."""
    title = str(panel.get("title", ""))
    if re.search(r"error|fail|latency|duration|budget|slo|availab|burn|[45]xx|status|%", title, re.IGNORECASE):
        return False
    config = panel.get("fieldConfig")
    defaults = config.get("defaults") if isinstance(config, dict) else None
    unit = str(defaults.get("unit", "")) if isinstance(defaults, dict) else ""
    rated = re.search(r"\b(rate|rps|qps|per sec(ond)?|throughput)\b|/s(ec)?\b", title, re.IGNORECASE) or unit in (
        "reqps",
        "rps",
    )
    return bool(rated) and any(_RATE.search(text) for text in (title, *_expressions(panel)))


def _expressions(panel: dict[str, Any]) -> Iterator[str]:
    targets = panel.get("targets")
    for target in targets if isinstance(targets, list) else []:
        if isinstance(target, dict) and isinstance(target.get("expr"), str):
            yield target["expr"]


def _steps(panel: dict[str, Any]) -> Iterator[float]:
    value: Any = panel
    for key in ("fieldConfig", "defaults", "thresholds", "steps"):
        value = value.get(key) if isinstance(value, dict) else None
    for step in [*(value if isinstance(value, list) else []), *(panel.get("thresholds") or [])]:
        if (
            isinstance(step, dict)
            and isinstance(step.get("value"), (int, float))
            and not isinstance(step["value"], bool)
        ):
            yield float(step["value"])


def alerts(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find rules that alert, as Prometheus and its operator read them."""
    names: dict[str, Place] = {}
    hints: list[Finding] = []
    for path in project.files(unit, "*.yml", "*.yaml", "*.rules", root=True, tests=True):
        text = project.tree.text(path) if project.tree.sizes[path] < 300_000 else None
        if text is None or not re.search(r"^[ \t]*-?[ \t]*alert[ \t]*:", text, re.MULTILINE) or "expr" not in text:
            continue
        if re.search(r"^[ \t]*\{\{-? *(if|range|with|define|end)", text, re.MULTILINE):
            continue
        project.text(path)
        for document in yaml_documents(project, path):
            for rule in list(_rules(document))[:MAX_RULES]:
                name, expression = str(rule.get("alert", "")), str(rule.get("expr", ""))
                if not name:
                    continue
                line = project.tree.line(path, rf"alert\s*:\s*[\"']?{re.escape(name)}\b") or 1
                names.setdefault(name, Place(path, line))
                limit = _LIMIT.search(expression.strip())
                if (
                    limit is not None
                    and "/" not in expression
                    and "rate(" in expression
                    and _RATE.search(expression)
                    and not re.search(r"5\.\.|=~?\"[45]|error|fail", expression)
                ):
                    value = f"threshold {limit[1]} requests per s in the alert {name}"
                    hints.append(
                        Finding(Row.LOAD, "peak_hint", value, Proof.USED, [Place(path, line)], note="a hint, no answer")
                    )
    if names:
        yield Finding(
            Row.LOAD, "alerts", f"prometheus rules: {_listed(list(names), 10)}", Proof.USED, list(names.values())[:8]
        )
    yield from hints


def _rules(document: Any) -> Iterator[dict[str, Any]]:
    holder = document.get("spec", document) if isinstance(document, dict) else None
    groups = holder.get("groups") if isinstance(holder, dict) else None
    for group in groups if isinstance(groups, list) else []:
        listed = group.get("rules") if isinstance(group, dict) else None
        for rule in listed if isinstance(listed, list) else []:
            if isinstance(rule, dict):
                yield rule
