"""`discover PATH`: read an existing backend, show what was found, and write the answers that follow."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from discover import answers as answering
from discover import engine, output, report, screen
from discover import nouns as naming
from discover.questions import derive
from discover.text import plain

DONE, STOPPED, REFUSED = 0, 1, 2
"""Written; could not go on (several services, or Copier stopped); what was given cannot be."""

FOLDER = "discovered"


class RefusedError(Exception):
    """What was given cannot be; the message is one sentence."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence, without the usage."""
        raise RefusedError(f"{message[:1].upper()}{message[1:]}. `discover --help` lists what is accepted.")


def parser() -> argparse.ArgumentParser:
    """Describe the command."""
    made = _Parser(
        prog="discover",
        description="Read an existing backend (Node, TypeScript, Python), say what is there with its evidence, and "
        "write the answers for the template that follow. It executes nothing of it, and writes nothing into it.",
        epilog="Ends with 0 when it is done, 1 when it could not go on, 2 when what was given cannot be.",
    )
    made.add_argument("path", metavar="PATH", type=Path, help="the folder of the backend's code")
    made.add_argument("--unit", metavar="FOLDER", help="which of several services: its folder or its name")
    made.add_argument(
        "--out", metavar="FOLDER", type=Path, help=f"where to write (default: ./{FOLDER}); never inside the code"
    )
    made.add_argument("--json", action="store_true", help="print everything as JSON; files only where --out is given")
    made.add_argument("--ask", action="store_true", help="go straight on: ask what is open, and make the service")
    made.add_argument("--template", metavar="URL", help="the template's repository or folder, where it is not known")
    made.add_argument(
        "--seconds", metavar="N", type=_seconds, default=engine.SECONDS, help="the longest that it may take"
    )
    made.add_argument("--quiet", action="store_true", help="write the files and say nothing")
    return made


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 3600:
        raise argparse.ArgumentTypeError(f"give a number of seconds from 1 to 3600, not {text!r}")
    return number


def main(arguments: list[str] | None = None) -> int:
    """Run the command; give its exit code."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        return _run(parser().parse_args(arguments))
    except (RefusedError, engine.NotFoundError) as error:
        return _tell(str(error), REFUSED)
    except KeyboardInterrupt:
        return _tell("Stopped.", STOPPED)
    except BrokenPipeError:
        # Whoever read the output has gone: there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STOPPED


def _tell(sentence: str, code: int) -> int:
    # A list of services has lines of its own.
    for line in sentence.splitlines():
        print(line[: len(line) - len(line.lstrip())] + plain(line), file=sys.stderr)
    return code


def _run(given: argparse.Namespace) -> int:
    root = given.path.resolve()
    out: Path | None = given.out if given.out is not None else None if given.json else Path(FOLDER)
    if out is not None:
        _refuse_inside(out, root, "--out")
    template = given.template or own_template()
    if given.ask:
        if template is None:
            raise RefusedError("It is not known where the template is: give its repository with --template URL.")
        if not sys.stdin.isatty():
            raise RefusedError(
                "--ask asks questions, so it needs a terminal; without one, use `copier copy --data-file`."
            )
    try:
        with progress(quiet=given.quiet) as tell:
            result = engine.discover(given.path, unit=given.unit, progress=tell, seconds=given.seconds)
    except engine.UnitNeededError as error:
        return _tell(str(error), STOPPED if given.unit is None else REFUSED)
    answered = answering.answers(result)
    made = naming.nouns(result)
    service = _service(answered)
    command = next_command(out or Path(), template or "TEMPLATE", service)
    if out is not None:
        texts = {
            "answers.yml": answering.write(answered, result),
            "entities.yml": naming.write(made),
            "report.html": report.write(result, answered, made, command),
        }
        _write(out, texts)
    if given.json:
        print(output.write(result, answered, made), end="")
    elif not given.quiet:
        screen.show(result, answered, sys.stdout, out=out, command=command)
    return _ask(str(template), Path(service), answered, root) if given.ask else DONE


def _refuse_inside(path: Path, root: Path, what: str) -> None:
    """Refuse to write into the codebase, also through a link."""
    real = path.resolve()
    if real == root or root in real.parents:
        raise RefusedError(
            f"{path} is inside the code that is read, where nothing is written: give {what} a folder outside of {root}."
        )
    if real.exists() and not real.is_dir():
        raise RefusedError(f"{path} is a file: give {what} a folder.")


def _write(out: Path, texts: dict[str, str]) -> None:
    """Write the files, each at once: nobody sees half of one, and no link is followed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=out, prefix=".", delete=False) as file:
                file.write(text)
            Path(file.name).chmod(0o644)
            Path(file.name).replace(out / name)
    except OSError as error:
        raise RefusedError(f"{out} cannot be written to ({error.strerror}): give --out another folder.") from None


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Say on the terminal what is being done, once that takes longer than a second."""
    start = monotonic()
    shown = False

    def tell(message: str) -> None:
        nonlocal shown
        if monotonic() - start > 1:
            shown = True
            print(f"\r\x1b[2K{plain(message)[:78]}", end="", file=sys.stderr, flush=True)

    try:
        yield tell if sys.stderr.isatty() and not quiet else lambda _: None
    finally:
        if shown:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


# The template.


def own_template() -> str | None:
    """Say where the template is: what this package was installed from is its repository."""
    try:
        said = distribution("backend-architect").read_text("direct_url.json")
        return source_of(json.loads(said)) if said else None
    except (PackageNotFoundError, ValueError):
        return None


def source_of(direct: Any) -> str | None:
    """Read a `direct_url.json` (PEP 610): a repository or a folder, as Copier takes it."""
    url = direct.get("url") if isinstance(direct, dict) else None
    if not isinstance(url, str) or not url:
        return None
    if "vcs_info" in direct:
        return url if url.endswith(".git") else f"git+{url}"
    if "dir_info" in direct and url.startswith("file:"):
        return unquote(urlsplit(url).path)
    return None


def _service(answered: answering.Answers) -> str:
    """Name the folder of the new service: as its package is named."""
    return str(derive(answered.values)["project_slug"]) if "project_name" in answered.values else "my-service"


def next_command(out: Path, template: str, service: str) -> str:
    """Give the command that makes the service."""
    file = (out / "answers.yml").as_posix()
    return shlex.join(["uvx", "copier", "copy", "--data-file", file, template, service])


def _ask(template: str, target: Path, answered: answering.Answers, root: Path) -> int:
    """Go on to Copier: what is known is given, the rest is asked."""
    from copier import run_copy
    from copier.errors import CopierError

    _refuse_inside(target, root, "the new service")
    try:
        # The parts are asked, with what was found as the default: what a law demands follows from an answer to come.
        data = {name: value for name, value in answered.values.items() if name != "parts"}
        found = {name: value for name, value in answered.values.items() if name == "parts"}
        run_copy(template, target, data=data, user_defaults=found)
    except (CopierError, ValueError, OSError) as error:
        return _tell(str(error).strip().partition("\n")[0] or f"Copier stopped: {type(error).__name__}.", STOPPED)
    return DONE


if __name__ == "__main__":
    sys.exit(main())
