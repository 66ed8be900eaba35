"""What the tests share: the template as a plain directory, its questions, and a copy of it with some answers."""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
import shutil
import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from allpairspy import AllPairs
from copier import run_copy
from copier._main import Worker
from jinja2 import Environment, meta

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("examples/*.yml"))}

# The values that stand for all others: the ends of each range, and both sides of where a derived number jumps.
DOMAIN: dict[str, list[Any]] = {
    "project_name": [
        "My Service",
        "Bob's Café & Co (new!)",
        "x",
        "An Api With the Longest Name That Is Accepted, of 60 Letters",
    ],
    "description": [
        "The backend of it.",
        "Ünïcode: it's #1, *bold* [not] | a_b_c %s \u00a0\u65e5\u672c $HOME @x; - y",
        "d",
        "d" * 160,
    ],
    "peak_rps": ["200", "1", "5000", "100000", "1300", "20000"],
    "data_gb": ["10", "1", "500", "100000", "50", "1000"],
    "availability": ["99.9", "99.95", "99.99"],
    "data_class": ["public", "internal", "personal", "regulated"],
    "compliance": [[], ["gdpr", "soc2", "hipaa", "pci-dss"]],  # every other set: test_protection.py
    "parts": [[], list(EXAMPLES["everything"]["parts"])],  # each alone and in pairs: test_parts.py
    "deploy": ["compose", "none"],
    "ci": ["github", "gitlab", "none"],
    "rps_per_core": ["1000", "700", "20000"],
    "license": ["none", "mit", "apache-2.0", "bsd-3-clause"],
}

# Conditions hang on choices; the others are mostly filled in.
FILLED_IN = ("project_name", "description", "peak_rps", "data_gb", "rps_per_core")
MOST_COMBINATIONS = 500

# What depends on where and how Copier is run, and not on answers.
OF_THE_RUN = ("destination", "names", "unknown_names")


def answers(**given: Any) -> dict[str, Any]:
    """Give answers that are whole: the first value of the domain where nothing else is given."""
    return {name: values[0] for name, values in DOMAIN.items()} | given


@functools.cache
def plain_template() -> Path:
    """Copy the template out of the work tree, without git: Copier reads that fastest."""
    target = Path(tempfile.mkdtemp(prefix="template-"))
    shutil.copy2(ROOT / "copier.yml", target)
    ignored = shutil.ignore_patterns("__pycache__", ".venv", ".uv", ".data", ".pytest_cache", ".ruff_cache", "uv.lock")
    for name in ("examples", "features", "includes", "template"):
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    return target


@contextlib.contextmanager
def compiled_once() -> Iterator[None]:
    """Compile each Jinja source once: Copier does so for every part of every path, which is a third of an update.

    Not where there is a filter: Jinja may call it while it compiles, and some give something new each time.
    """
    compiling = Environment.compile
    done: dict[tuple[Any, ...], Any] = {}

    def remembered(environment: Environment, source: Any, *rest: Any) -> Any:
        if not isinstance(source, str) or "|" in source:
            return compiling(environment, source, *rest)
        key = (source, *rest, environment.variable_start_string, *sorted(environment.extensions))
        if key not in done:
            done[key] = compiling(environment, source, *rest)
        return done[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", remembered)
        yield


def render(target: Path, **given: Any) -> Path:
    """Render a service as `copier copy --defaults` does, trusting nothing."""
    run_copy(str(plain_template()), target, data=given, defaults=True, quiet=True, unsafe=False)
    return target


def files(root: Path) -> dict[str, str]:
    """Give every file below a directory by its path, as text."""
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }


def jinja_files() -> list[Path]:
    """Give the files of the template that Copier renders, relative to it."""
    root = plain_template() / "template"
    return sorted(path.relative_to(root) for path in root.rglob("*.jinja"))


def pairwise() -> list[dict[str, Any]]:
    """Give few sets of answers, in which each pair of the first values of two options occurs at least once."""
    rows = AllPairs([values[:4] for values in DOMAIN.values()])
    return [questions().obliged(dict(zip(DOMAIN, row, strict=True))) for row in rows]


class Questions:
    """The questions of the template, evaluated without copying anything."""

    def __init__(self, template: Path | None = None) -> None:
        worker = Worker(
            src_path=str(template or plain_template()), dst_path=Path(tempfile.mkdtemp(prefix="nowhere-")), quiet=True
        )
        self.all: dict[str, dict[str, Any]] = worker.template.questions_data
        self.environment: Environment = worker.jinja_env
        self._templates = {
            name: self.environment.from_string(question["default"])
            for name, question in self.all.items()
            if isinstance(question.get("default"), str) and not name.startswith(OF_THE_RUN)
        }

    def derive(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Work out every answer and every derived value from what is given, in the order of the questions."""
        context: dict[str, Any] = dict(given)
        for name, question in self.all.items():
            if name in given or name.startswith(OF_THE_RUN):
                continue
            template = self._templates.get(name)
            value: Any = template.render(context) if template else question["default"]
            if question.get("type") == "int":
                value = int(value)
            elif question.get("type") == "bool":
                value = str(value) == "True"
            elif template and (question.get("type") == "yaml" or question.get("multiselect")):
                value = yaml.safe_load(value)
            context[name] = value
        return context

    def obliged(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Give the same answers with the parts that they oblige to."""
        demanded = self.derive(given)["demanded_parts"]
        return {**given, "parts": sorted({*given["parts"], *demanded})}

    def refusal(self, name: str, context: Mapping[str, Any]) -> str:
        """Give the sentence of a question's validator; it is empty when the answer is accepted."""
        return self.environment.from_string(self.all[name]["validator"]).render(context).strip()

    def roots(self, variables: Iterable[str]) -> set[str]:
        """Give the answers that variables hang on, through all that is derived in between."""
        found: set[str] = set()
        open_ends = list(variables)
        while open_ends:
            name = open_ends.pop()
            if name in found or name not in self.all:
                continue
            found.add(name)
            if name not in DOMAIN and name in self._templates:
                open_ends += meta.find_undeclared_variables(self.environment.parse(self.all[name]["default"]))
        return found & set(DOMAIN)


@functools.cache
def questions() -> Questions:
    """Give the questions, read once."""
    return Questions()


def chosen_from(names: list[str]) -> Iterator[dict[str, Any]]:
    """Give values for some answers, in every combination or in the most telling ones."""
    filled_in = [name for name in names if name in FILLED_IN]
    choices = [name for name in names if name not in FILLED_IN]
    every = list(itertools.product(*(DOMAIN[name] for name in choices)))
    rows: list[Any] = list(itertools.product(*(DOMAIN[name] for name in filled_in)))
    taken = len(rows)
    if len(every) * taken > MOST_COMBINATIONS:
        rows = list(AllPairs([DOMAIN[name] for name in filled_in]))
        taken = -(-MOST_COMBINATIONS // len(every))
    turn = itertools.cycle(rows)
    for values in every:
        for row in itertools.islice(turn, min(taken, len(rows))):
            yield dict(zip(choices + filled_in, [*values, *row], strict=True))


def combinations(file: Path) -> Iterable[dict[str, Any]]:
    """Give every combination of only those answers that one Jinja file hangs on, with all that is derived from them.

    Where there are more than MOST_COMBINATIONS, each combination of choices meets a few of the numbers and texts, of
    which each pair occurs.
    """
    source = (plain_template() / "template" / file).read_text(encoding="utf-8")
    used = sorted(questions().roots(meta.find_undeclared_variables(questions().environment.parse(source))))
    for chosen in chosen_from(used):
        given = answers(**chosen)
        context = questions().derive(questions().obliged(given))
        if not questions().refusal("connection_budget", context):
            yield context


def render_pairwise(root: Path) -> list[Path]:
    """Render few projects, in which every pair of answers occurs unless the plan refuses it."""
    accepted = [row for row in pairwise() if not questions().refusal("connection_budget", questions().derive(row))]
    return [render(root / f"{number:02}", **row) for number, row in enumerate(accepted)]


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def without_colour(text: str) -> str:
    """Give what a terminal would show, without its control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
