"""Pipelines: which system runs what on a change. A badge in a README is none; a job that is off runs nothing."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from discover import rules
from discover.findings import Finding, Place, Proof, Row
from discover.project import Project, Unit
from discover.texts import shown, without_comments
from discover.tree import is_template

MAX_FILES = 60
MAX_STEPS = 4_000
MAX_TEXT = 300_000

_BUILDS = "image builds"
_TESTS = "tests"
_KINDS: tuple[tuple[str, str], ...] = (
    ("lint", r"eslint|ruff(?! format\b.*--fix)|flake8|pylint|black|isort|prettier|biome|standard|tslint|oxlint"
             r"|rubocop|stylelint"
             r"|pre-commit run|hadolint|golangci-lint|djlint|pycodestyle|super-linter|reviewdog"
             r"|pre-commit/action|ruff-action"
             r"|[\w-]*lint-action|action-[\w-]*lint[\w-]*|lint-[\w-]+-action"),
    ("types", r"mypy|pyright|basedpyright|pyre check|ty check|tsc(?=.*--noEmit)|vue-tsc"),
    (_TESTS, r"pytest|py\.test|jest|vitest|mocha|ava|playwright test|cypress run|cypress-io/github-action"
             r"|manage\.py test|flask test"
             r"|unittest|nosetests|newman run|behave|node (?:--\S+ )*--test|deno test|bun test|go test"
             r"|cargo test|karma start|wdio"
             r"|codecept(?:js)? run|tap|borp|uvu|--exit-code-from|--abort-on-container-exit|tox|nox|ng test"
             r"|mvn (?:\S+ )*(?:test|verify)|phpunit"),
    ("load tests", r"k6 (?:run|cloud)|k6-action|run-k6-action|artillery|locust|autocannon"),
    ("build", r"tsc|nest build|next build|vite build|webpack|esbuild|rollup|tsup|swc|ng build|python -m build"
              r"|poetry build|uv build"),
    (_BUILDS, r"docker/build-push-action|docker/bake-action|docker build|docker image build"
              r"|docker (?:\S+ )?buildx (?:build|bake)"
              r"|docker[ -]compose (?:\S+ )*build|kaniko|buildah|podman build|docker push|docker@\d"
              r"|plugins/docker|plugin-docker-buildx"
              r"|docker\.build\(|docker/build|pack build"),
    ("security scans", r"codeql|trivy|snyk|zaproxy|npm audit|yarn audit|pnpm audit|pip-audit|gitleaks"
                       r"|trufflehog|semgrep|bandit"
                       r"|safety check|sonar\w*|grype|dependency-review-action|zizmor"),
    ("release", r"semantic-release|npm publish|pnpm publish|yarn npm publish|twine upload|pypi-publish"
                r"|poetry publish|uv publish"
                r"|release-please|changesets/action|action-gh-release|goreleaser|create-release"),
    ("deploy", r"flyctl deploy|fly deploy|heroku(?:-deploy)?|kubectl (?:\S+ )*(?:apply|set image|rollout)"
               r"|helm (?:\S+ )*(?:upgrade|install)|ecs-deploy|ecs update-service"
               r"|gcloud (?:\S+ )?(?:run|app|functions) deploy|deploy-cloudrun|deploy-appengine"
               r"|serverless deploy|sls deploy|sam deploy|cdk deploy"
               r"|vercel(?:-action)?|wrangler|netlify|ssh-action|scp-action|kamal deploy|terraform apply"
               r"|pulumi up|webapps-deploy|functions-action"
               r"|eb deploy|beanstalk|render-deploy|railway up|argocd app sync|rsync|pm2 (?:deploy|reload"
               r"|restart)|docker stack deploy|azurewebapp@\d"
               r"|codedeploy|dokku|capistrano|cap production deploy|firebase deploy|zappa (?:deploy|update)"
               r"|ansible-playbook"),
)  # fmt: skip
_TOOLS = [
    (kind, re.compile(rf"(?<![\w./@-])(?:[\w./-]*/)?(?:{words})(?![\w-])", re.IGNORECASE)) for kind, words in _KINDS
]
_RUNNER = re.compile(
    r"(?:\b(?:npm|pnpm|yarn|bun|npx|turbo|nx|lerna|make|just|task|rush|hatch|poe|poetry run|pdm|inv|invoke|gradle"
    r"|gradlew|wsrun|run-s|run-p"
    r"|npm-run-all|concurrently|moon)\b|(?:^|[\s/])(?:bin|scripts?|ci|tools|hack)/)(?P<tail>.*)"
)
_NAMED = [
    (kind, re.compile(rf"(?<![\w/.=-])(?:[a-z0-9]+[:_-]+)*(?:{words})(?:[:_-][\w:.*-]+)?(?![\w/.=])", re.IGNORECASE))
    for kind, words in (
        ("lint", r"lint\w*|format|fmt|prettier|style"),
        ("types", r"type-?checks?|types|check-types|ts:check|tsc"),
        (_TESTS, r"tests?|spec|e2e|coverage|cov|unit|integration|t"),
        ("build", r"build|compile"),
        ("release", r"release|publish"),
        ("deploy", r"deploy"),
    )
]
_INSTALLS = re.compile(
    r"\b(?:pip3?|pipx|uv pip|uv tool|apt|apt-get|brew|gem|conda|mamba|apk|npm|pnpm|yarn|bun|poetry|pipenv|pdm"
    r"|uv|go|cargo|playwright|cypress)"
    r"\s+(?:-\S+\s+)*(?:install|i|ci|add|sync|install-deps)\b|^\s*(?:echo|cd|export|mkdir|cp|chmod|cat|touch"
    r"|set|sleep|curl|wget)\b"
)
_SCRIPT = re.compile(r"\b(?:npm|pnpm|yarn|bun)\s+(?:-\S+\s+)*(?:run(?:-script)?\s+)?([\w:.-]+)")
_OPTIONS = re.compile(r"(?<!\S)(--filter|-F|--workspace|-w|workspace|--prefix|-C|--cwd|--dir|--project)[ =]\S+")
"""Options that name a package, whatever it is called."""
_PARTS = re.compile(r"&&|\|\||;|\n|(?<!\|)\|(?!\|)")
_MAIN = re.compile(r"^(main|master|trunk|develop|default|\*+|\*\*/.*|v\*|\$default-branch)$")
_COMMANDS = frozenset(
    {"script", "scripts", "run", "command", "commands", "bash", "powershell", "pwsh", "inline", "uses", "task", "pipe",
     "inlineScript", "template"}
)  # fmt: skip
_LEFT_OUT = frozenset(
    {
        "before_script",
        "before_install",
        "install",
        "after_script",
        "environment",
        "env",
        "variables",
        "cache",
        "services",
        "on",
    }
)
_GITLAB_WORDS = frozenset(
    {
        "stages",
        "variables",
        "include",
        "default",
        "workflow",
        "image",
        "services",
        "cache",
        "before_script",
        "after_script",
        "spec",
    }
)


@dataclass(slots=True)
class Pipeline:
    """What one system runs."""

    system: str
    kinds: dict[str, set[str]] = field(default_factory=dict)
    """What is run → on which conditions; the empty one where it is run without any."""
    places: list[Place] = field(default_factory=list)
    branches: set[str] = field(default_factory=set)
    """Of the files that run tests; empty if one of them holds for every branch or for the main one."""
    off: list[str] = field(default_factory=list)
    """Jobs that are switched off."""
    elsewhere: list[str] = field(default_factory=list)
    """Templates and shared workflows, whose content is not in the codebase."""
    jobs: int = 0
    read: int = 0
    """Characters of commands."""

    def __str__(self) -> str:
        """Write what is run, in a fixed order."""
        said = []
        for kind, _ in _KINDS:
            if kind in self.kinds:
                conditions = self.kinds[kind]
                held = "" if "" in conditions else f" (only if {min(conditions)})"
                said.append(f"{kind}{held}")
        if self.elsewhere and _TESTS not in self.kinds:
            said.append(f"included: {', '.join(dict.fromkeys(self.elsewhere[:3]))}")
        elif _TESTS not in self.kinds:
            if len(said) == 1:
                said[0] += " only"
            said = [*(said or ["housekeeping only"]), "no tests"]
        return ", ".join(said)


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Find what runs on a change: one finding for all systems."""
    found: list[Pipeline] = []
    off: list[str] = []
    for rule in sorted(rules.of(Row.DELIVERY, "ci"), key=lambda rule: int(rule.extra.get("order", 9))):
        paths = [
            path
            for path in project.tree.files
            if not is_template(path)
            and any(fnmatchcase(path, pattern) and path.count("/") == pattern.count("/") for pattern in rule.files)
        ][:MAX_FILES]
        pipeline = Pipeline(rule.value)
        for path in paths:
            _read(project, unit, pipeline, path, str(rule.extra.get("form", "yaml")))
        off += pipeline.off
        if pipeline.places and pipeline.jobs:
            found.append(pipeline)
        elif paths and pipeline.off:
            yield Finding(
                Row.DELIVERY, "ci", f"{rule.value}: every job is switched off", Proof.NAMED, [Place(paths[0], 1)]
            )
    if not found:
        return
    if len(found) == 1:
        value = f"{found[0].system}: {found[0]}"
    else:
        value = " and ".join(f"{pipeline.system} ({pipeline})" for pipeline in found)
    branches = sorted(found[0].branches) if len(found) == 1 else []
    yield Finding(
        Row.DELIVERY,
        "ci",
        value,
        Proof.USED,
        [place for pipeline in found for place in pipeline.places[:6]],
        scope=f"only on {', '.join(branches[:4])}" if branches else "",
        note=f"switched off: {', '.join(off[:4])}" if off else "",
    )


def _read(project: Project, unit: Unit, pipeline: Pipeline, path: str, form: str) -> None:
    before = {kind: set(conditions) for kind, conditions in pipeline.kinds.items()}
    if form == "groovy":
        text = without_comments(project.text(path))
        if not text.strip():
            return
        pipeline.jobs += 1
        _classify(project, unit, pipeline, [text])
        if re.search(r"@Library|^\s*\w+\s*(\(|\{)", text) and not re.search(
            r"\bsh\b|\bbat\b|\bpipeline\b|\bnode\b", text
        ):
            pipeline.elsewhere.append("a shared library")
        pipeline.places.append(Place(path, 1))
        return
    for data in _documents(project, path):
        if not isinstance(data, dict):
            continue
        jobs = pipeline.jobs
        if form == "github":
            _github(project, unit, pipeline, data)
        else:
            _generic(project, unit, pipeline, data, form)
        if pipeline.jobs > jobs:
            tests = pipeline.kinds.get(_TESTS, set()) - before.get(_TESTS, set())
            first = bool(tests) and _TESTS not in before
            pipeline.places.insert(0 if first else len(pipeline.places), Place(path, 1))
            if tests:
                _branches(pipeline, data, first)


def _documents(project: Project, path: str) -> list[Any]:
    """Read every document of a file; most pipelines have one."""
    one = project.data(path)
    if (
        re.search(r"^---\s*$", project.text(path).partition("\n")[2], re.MULTILINE)
        and project.tree.sizes[path] < 20_000
    ):
        return project.tree.documents(path)
    return [one]


def _branches(pipeline: Pipeline, data: dict[Any, Any], first: bool) -> None:
    """Keep the branches that tests are limited to, unless the main one is among them."""
    triggers = data.get("on", data.get(True, data.get("branches")))
    held: set[str] = set()
    every = not isinstance(triggers, dict)
    for name, trigger in triggers.items() if isinstance(triggers, dict) else []:
        if name in ("push", "pull_request", "only"):
            listed = (
                trigger if isinstance(trigger, list) else trigger.get("branches") if isinstance(trigger, dict) else None
            )
            if isinstance(listed, list) and listed:
                held |= {str(branch) for branch in listed}
            else:
                every = True
    if every or any(_MAIN.match(branch) for branch in held):
        pipeline.branches = set()
    elif first:
        pipeline.branches = held


def _false(value: Any) -> bool:
    return value is False or (isinstance(value, str) and re.sub(r"[${}\s]", "", value) == "false")


def _github(project: Project, unit: Unit, pipeline: Pipeline, data: dict[Any, Any]) -> None:
    jobs = data.get("jobs")
    for name, job in jobs.items() if isinstance(jobs, dict) else []:
        if not isinstance(job, dict):
            continue
        if _false(job.get("if")):
            pipeline.off.append(f"job {name} (if: false)")
            continue
        pipeline.jobs += 1
        condition = re.sub(r"^\$\{\{\s*|\s*\}\}$", "", str(job.get("if", "")))
        condition = shown(condition) if re.search(r"\bvars\.\w+", condition) and len(condition) <= 80 else ""
        uses = job.get("uses")
        if isinstance(uses, str) and not uses.startswith("./"):
            _classify(project, unit, pipeline, [uses], condition)
            if not _only_housekeeping(f"{name} {uses}"):
                pipeline.elsewhere.append(uses.partition("@")[0].replace("/.github/workflows", ""))
        steps = _steps(project, job.get("steps"), 0)
        if any("matrix." in step for step in steps):
            steps += _values(job.get("strategy"))
        _classify(project, unit, pipeline, steps, condition)


def _values(value: Any, depth: int = 0) -> list[str]:
    """Give every text in a matrix: one of them may be the command."""
    if isinstance(value, str):
        return [value] if re.search(r"[ /]", value) else []
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in inner for text in _values(item, depth + 1)] if depth < 6 else []


def _only_housekeeping(text: str) -> bool:
    return bool(
        re.search(
            r"lock|stale|label|dependabot|automerge|auto-merge|welcome|greet|assign|cla\b|sync|triage",
            text,
            re.IGNORECASE,
        )
    )


def _steps(project: Project, steps: Any, depth: int) -> list[str]:
    """Give the commands and actions of steps, those of the codebase's own actions included."""
    found: list[str] = []
    for step in steps if isinstance(steps, list) else []:
        if not isinstance(step, dict) or _false(step.get("if")):
            continue
        found += [str(step[key]) for key in ("run", "uses") if isinstance(step.get(key), str)]
        if isinstance(step.get("uses"), str) and step["uses"].startswith("./") and depth < 3:
            folder = posixpath.normpath(step["uses"])
            for name in ("action.yml", "action.yaml"):
                action = project.data(f"{folder}/{name}") if project.tree.exists(f"{folder}/{name}") else None
                runs = action.get("runs") if isinstance(action, dict) else None
                found += _steps(project, runs.get("steps"), depth + 1) if isinstance(runs, dict) else []
    return found


def _generic(project: Project, unit: Unit, pipeline: Pipeline, data: dict[Any, Any], form: str) -> None:
    """Read what is no GitHub workflow: commands stand under a few well-known names."""
    if form == "gitlab":
        _gitlab_includes(pipeline, data)
        data = {key: job for key, job in data.items() if key not in _GITLAB_WORDS and isinstance(job, dict)}
        data = {key: _extended(data, job, 0) for key, job in data.items() if not str(key).startswith(".")}
    elif form == "circleci":
        orbs = data.get("orbs")
        workflows = str(data.get("workflows", ""))
        jobs = data["jobs"] if isinstance(data.get("jobs"), dict) else {}
        used = {
            name: job
            for name, job in jobs.items()
            if not workflows or re.search(rf"'{re.escape(str(name))}'", workflows)
        }
        if isinstance(orbs, dict) and not used:
            pipeline.elsewhere += [str(orb) for orb in orbs.values() if isinstance(orb, str)]
        data = used or data
    elif form == "travis":
        if "script" not in data and data.get("language") == "node_js":
            data = {**data, "script": "npm test"}
        if data.get("deploy"):
            pipeline.kinds.setdefault("deploy", set()).add("")
    commands: list[str] = []
    _collect(data, commands, 0, pipeline)
    pipeline.jobs += bool(commands or pipeline.elsewhere)
    _classify(project, unit, pipeline, commands)


def _extended(jobs: dict[Any, Any], job: dict[Any, Any], depth: int) -> dict[Any, Any]:
    """Add what a GitLab job takes over from another one."""
    for name in _texts(job.get("extends")):
        if isinstance(jobs.get(name), dict) and depth < 4:
            job = {**_extended(jobs, jobs[name], depth + 1), **job}
    return job


def _gitlab_includes(pipeline: Pipeline, data: dict[Any, Any]) -> None:
    included = data.get("include")
    for item in included if isinstance(included, list) else [included]:
        if isinstance(item, dict):
            name = next((item[key] for key in ("template", "project", "remote", "component") if item.get(key)), None)
            if name:
                pipeline.elsewhere.append(str(name).removesuffix(".gitlab-ci.yml").rpartition("://")[2])


def _collect(value: Any, commands: list[str], depth: int, pipeline: Pipeline, name: str = "") -> None:
    if depth > 12 or len(commands) > MAX_STEPS:
        return
    if isinstance(value, dict):
        if any(_false(value.get(key)) for key in ("if", "condition", "enabled")) or value.get("when") in (
            "never",
            False,
        ):
            pipeline.off.append(
                str(value.get("name") or value.get("displayName") or value.get("job") or name or "a job")
            )
            return
        for key, inner in value.items():
            if key in _COMMANDS:
                commands += [text for text in _texts(inner) if text]
                if isinstance(inner, dict):
                    _collect(inner, commands, depth + 1, pipeline, str(key))
            elif key == "image" and isinstance(inner, str) and re.search(r"kaniko|plugins?[/-]docker", inner):
                commands.append(inner)
            elif key not in _LEFT_OUT:
                _collect(inner, commands, depth + 1, pipeline, str(key))
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, commands, depth + 1, pipeline, name)


def _texts(value: Any, depth: int = 0) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and depth < 6:
        return [text for item in value for text in _texts(item, depth + 1)]
    return []


def _classify(project: Project, unit: Unit, pipeline: Pipeline, commands: Iterable[str], condition: str = "") -> None:
    scripts = {name: text for other in (*project.units, unit) for name, text in other.scripts.items()}
    makefile = project.text("Makefile") if project.tree.exists("Makefile") else ""
    for command in commands:
        pipeline.read += len(command)
        if pipeline.read > MAX_TEXT:
            return
        for kind in kinds(command, scripts, makefile):
            pipeline.kinds.setdefault(kind, set()).add(condition)


def kinds(command: str, scripts: dict[str, str], makefile: str = "", depth: int = 0) -> set[str]:
    """Tell what a shell command does; scripts of package.json and targets of a Makefile are looked up."""
    found: set[str] = set()
    joined = re.sub(r"\\\n", " ", re.sub(r"^[ \t]*#.*$", "", command, flags=re.MULTILINE))
    for whole in _PARTS.split(joined[:20_000]):
        part = re.sub(r"\.(sh|bash)\b", "", _OPTIONS.sub("", whole[:1_000]))
        if _INSTALLS.search(part):
            continue
        direct = [kind for kind, pattern in _TOOLS if pattern.search(part)]
        found.update(kind for kind in direct if not (kind == "build" and "types" in direct))
        runner = _RUNNER.search(part)
        if runner is None:
            continue
        script = _SCRIPT.search(part)
        text = scripts.get({"t": "test"}.get(script[1], script[1])) if script is not None else None
        if script is None and (target := re.search(r"\bmake\s+([\w:.-]+)", part)) is not None:
            recipe = re.search(rf"^{re.escape(target[1])}\s*:[^\n=]*\n((?:\t[^\n]*\n?)+)", makefile, re.MULTILINE)
            text = recipe[1] if recipe is not None else None
        if text is not None and "no test specified" in text:
            continue
        found.update(kind for kind, pattern in _NAMED if pattern.search(runner["tail"]))
        if text is not None and depth < 3:
            found |= kinds(text, scripts, makefile, depth + 1)
    return found
