"""A new noun, copied from the example."""

import importlib
import keyword
import re
import shutil
import subprocess
from pathlib import Path

import click

from app.adapters import schema
from app.adapters.process import ROOT
from proof.workshop import migrations
from proof.workshop.tools import tool

EXAMPLE = "items"


@click.command()
@click.argument("name", default="")
@click.option("--singular", default="", help="One of them, where taking the s away is not enough: --singular child.")
def domain(name: str, singular: str) -> None:
    """Add the noun NAME (plural: orders), copied from items: its folder, its tests, its load test, its migration."""
    plural, one = _noun(name, singular)
    sources = [
        ROOT / "app/domain" / EXAMPLE,
        ROOT / "tests/domain" / EXAMPLE,
        *ROOT.glob(f"*/scenarios/{EXAMPLE}.py"),
    ]
    targets = [source.with_name(plural + source.suffix) for source in sources]
    for source, target in zip(sources, targets, strict=True):
        if not source.exists():
            raise click.ClickException(f"{source.relative_to(ROOT)} is gone: it is what a new noun is copied from.")
        if target.exists():
            raise click.ClickException(f"{target.relative_to(ROOT)} exists already; nothing was made.")
    names = _Names(plural, one)
    for source, target in zip(sources, targets, strict=True):
        _copy(source, target, names)
    importlib.invalidate_caches()
    try:
        migrations.write(f"add {plural}")
    except Exception:
        for target in targets:
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        raise
    schema.migrate()
    for target in targets:
        click.echo(f"made {target.relative_to(ROOT)}{'/' if target.is_dir() else ''}")
    click.echo(f"/v1/{names.path} answers at the next start. `make check` proves it; no existing file was edited.")


def _noun(name: str, singular: str) -> tuple[str, str]:
    taken = sorted(each.name for each in (ROOT / "app/domain").iterdir() if each.is_dir())
    if not name:
        raise click.ClickException("Name the noun, in the plural: make domain name=orders.")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 40:  # noqa: PLR2004
        raise click.ClickException(
            f"{name} is no name for a noun: lower-case words with underscores between, in the plural: order_lines."
        )
    one = singular or _singular(name)
    if name in taken:
        raise click.ClickException(f"{name} exists already, in app/domain/{name}/.")
    if not one or one == name or keyword.iskeyword(one) or not one.isidentifier():
        raise click.ClickException(
            f"Say what one of the {name} is called: uv run python -m proof.workshop domain {name} --singular …"
        )
    return name, one


def _singular(plural: str) -> str:
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("ss", "")):
        if plural.endswith(ending):
            return plural.removesuffix(ending) + replacement if ending != "ss" else ""
    return plural[:-1] if plural.endswith("s") else ""


class _Names:
    """Every spelling of the new noun."""

    def __init__(self, plural: str, one: str) -> None:
        self.path: str = plural.replace("_", "-")
        classes, a_class = (("".join(word.title() for word in each.split("_"))) for each in (plural, one))
        self._code: dict[str, str] = {"Items": classes, "items": plural, "Item": a_class, "item": one}
        self._prose: dict[str, str] = {
            key: value.replace("_", " ") if key.islower() else value.capitalize().replace("_", " ")
            for key, value in {"Items": plural, "items": plural, "Item": one, "item": one}.items()
        }

    def in_code(self, line: str) -> str:
        """A line of Python: names, constraint names, paths."""
        line = line.replace(f"/v1/{EXAMPLE}", f"/v1/{self.path}")
        return self._replaced(line, self._code)

    def in_prose(self, text: str) -> str:
        """A docstring or a comment. Classes keep their spelling there, too."""
        text = re.sub(r"\bItem(?=[A-Z])", self._code["Item"], text)
        return self._replaced(text, self._prose)

    @staticmethod
    def _replaced(text: str, names: dict[str, str]) -> str:
        return re.sub(r"Items|items|Item|item", lambda match: names[match[0]], text)


def _copy(source: Path, target: Path, names: _Names) -> None:
    for file in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
        destination = target / names.in_code(file.relative_to(source).as_posix()) if file != source else target
        destination.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text(encoding="utf-8")
        # Docstrings and comments are prose; the rest is code.
        parts = re.split(r'("""[\s\S]*?"""|#.*$)', text, flags=re.MULTILINE)
        renamed = [names.in_prose(part) if index % 2 else names.in_code(part) for index, part in enumerate(parts)]
        destination.write_text("".join(renamed), encoding="utf-8", newline="\n")
    # Imports are sorted anew by their new names, and lines are broken anew for their new lengths.
    for command in (("ruff", "check", "--fix", "--quiet", "--select", "I"), ("ruff", "format", "--quiet")):
        subprocess.run(tool(*command, str(target)), cwd=ROOT, check=True)
