"""The commands for people who change the service: check, fix, domain, migration. They need the development tools."""

import importlib
import keyword
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click

from app.adapters import schema
from app.cli import ROOT, alembic_config, migrate_database, prepared

EXAMPLE = "items"
CRITICAL = (
    "app/platform/admin/*",
    "app/platform/auth/*",
    "app/platform/personal_data/*",
    "app/adapters/encryption.py",
    "app/kit/access.py",
    "app/kit/crypto.py",
    "app/kit/passwords.py",
    "app/kit/tokens.py",
    "app/http/authentication.py",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that `app check` proves."""

    name: str
    command: tuple[str, ...]
    mend: str


_CHECKS = (
    Check("format", ("ruff", "format", "--check", "--quiet", "."), "run `make fix`"),
    Check("lint", ("ruff", "check", "--quiet", "."), "run `make fix`, then mend what is left"),
    Check("types", ("basedpyright",), "give it its type; an ignore is no mend"),
    Check("arrows", ("lint-imports", "--no-cache"), "move the code to the room it belongs in: AGENTS.md has the list"),
    Check("tests", ("pytest", "--cov", "--cov-report=term-missing:skip-covered"), "read the first failure above"),
    Check(
        "coverage of who and may",
        ("coverage", "report", f"--include={','.join(CRITICAL)}", "--fail-under=90"),
        "test the lines named above",
    ),
)


def register(cli: click.Group) -> None:
    """Add these commands to the command line."""
    for command in (check, fix, domain, migration):
        cli.add_command(command)


@click.command()
def check() -> None:
    """Prove everything: format, lint, types, import arrows, migrations, tests with coverage."""
    failed: list[Check] = []
    for each in _CHECKS:
        started = time.perf_counter()
        done = subprocess.run(_tool(each.command), cwd=ROOT, capture_output=True, check=False)
        passed = done.returncode == 0
        seconds = time.perf_counter() - started
        if not passed or each.name == "tests":
            click.echo(done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace"))
        click.secho(
            f"{'passed' if passed else 'FAILED'}  {each.name} ({seconds:.1f} s)", fg="green" if passed else "red"
        )
        if not passed:
            failed.append(each)
    if failed:
        lines = "\n".join(f"  - {each.name}: {each.mend}." for each in failed)
        raise click.ClickException(f"{len(failed)} of {len(_CHECKS)} checks failed:\n{lines}")
    click.echo(f"All {len(_CHECKS)} checks passed.")


@click.command()
def fix() -> None:
    """Mend what a machine can mend: imports, format, simple findings."""
    for command in (("ruff", "check", "--fix", "."), ("ruff", "format", ".")):
        if subprocess.run(_tool(command), cwd=ROOT, check=False).returncode:
            raise click.ClickException("What is listed above needs a person.")


@click.command()
@click.argument("what", default="")
def migration(what: str) -> None:
    """Write the migration of what changed in the models; WHAT says it in a few words: "add a price"."""
    _write_migration(what, missing='Say in a few words what changes: make migration name="add a price".')


@click.command()
@click.argument("name", default="")
@click.option("--singular", default="", help="One of them, where taking the s away is not enough: --singular child.")
def domain(name: str, singular: str) -> None:
    """Add the noun NAME (plural: orders), copied from items: its folder, its tests, its load test, its migration."""
    plural, one = _noun(name, singular)
    sources = [
        ROOT / "app/domain" / EXAMPLE,
        ROOT / "tests/domain" / EXAMPLE,
        ROOT / f"loadtest/scenarios/{EXAMPLE}.py",
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
        _write_migration(f"add {plural}", missing="")
    except Exception:
        for target in targets:
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        raise
    migrate_database()
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
        raise click.ClickException(f"Say what one of the {name} is called: uv run app domain {name} --singular …")
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
        subprocess.run(_tool((*command, str(target))), cwd=ROOT, check=True)


def _write_migration(what: str, *, missing: str) -> None:
    if not what.strip():
        raise click.ClickException(missing)
    from alembic import command

    prepared()
    migrate_database()
    _one_end()
    script = command.revision(
        alembic_config(), what, autogenerate=True, head="app@head", version_path=str(ROOT / "migrations/app")
    )
    if not script:
        raise click.ClickException("The models and the database agree: there is nothing to migrate.")


def _one_end() -> None:
    """The new one comes after the newest, so there has to be one newest: two are what merging two branches leaves."""
    ends = [each.revision for each in schema.newest() if each.branch == "app"]
    if len(ends) > 1:
        raise click.ClickException(
            f"migrations/app/ has {len(ends)} ends: {', '.join(ends)}. Let the one that no database has yet come after "
            "the other: its down_revision names it."
        )


def _tool(command: tuple[str, ...]) -> list[str]:
    name, *arguments = command
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise click.ClickException(f"{name} is not installed: run `make setup`, which installs the development tools.")
    return [found, *arguments]
