"""`make drop part=…` and `make add part=…`: take an optional part of the template out of the service, or put it in.

Both render the service twice, as the template makes it with the part and without, and so know what belongs to it.
Python and git are all they need, as for `make upgrade`.
"""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from proof.upgrade import worktree
from proof.upgrade.answers import edited
from proof.upgrade.copies import ANSWERS, Copy, copier
from proof.upgrade.worktree import ROOT, Journal, Stop


def main(arguments: list[str]) -> int:
    """Take a part out or put it in, or say why not."""
    verb, part = arguments[0], "".join(arguments[1:2])
    try:
        _check(verb, part)
        journal = worktree.begin()
        try:
            with TemporaryDirectory(prefix="part-") as folder:
                _change(verb, part, Path(folder), journal)
        finally:
            journal.close()
    except (Stop, KeyboardInterrupt) as stop:
        _say(f"\n{stop if isinstance(stop, Stop) else 'Stopped. The tree is as it was.'}")
        return 1
    return 0


def _check(verb: str, part: str) -> None:
    if Journal.read() is not None:
        raise Stop("An upgrade is under way. Finish it with `make upgrade`, or `make upgrade abort`.")
    if sentence := edited():
        raise Stop(sentence)
    on = _parts()
    has = f"This service has {', '.join(on)}." if on else "This service has none."
    if not part:
        raise Stop(f"Name the part: make {verb} part=…. {has}")
    if verb == "drop" and part not in on:
        raise Stop(f"{part} is not among the parts. {has}")
    if verb == "add" and part in on:
        raise Stop(f"{part} is among the parts already. {has}")


def _parts() -> list[str]:
    """The parts that are on, as the answers are recorded."""
    text = (ROOT / ANSWERS).read_text(encoding="utf-8")
    if found := re.search(r"^parts:\n((?:[ ]*- .+\n)*)", text, re.MULTILINE):
        return re.findall(r"- (\w+)", found[1])
    return re.findall(r"\w+", "".join(re.findall(r"^parts: \[(.*)\]$", text, re.MULTILINE)))


def _change(verb: str, part: str, folder: Path, journal: Journal) -> None:
    on = _parts()
    wanted = [*on, part] if verb == "add" else [each for each in on if each != part]
    _say("Looking at what belongs to it …")
    try:
        now, then = (
            Copy.of(folder / name, f"parts=[{', '.join(each)}]") for name, each in (("now", on), ("then", wanted))
        )
    except Stop as stop:
        raise Stop(f"{stop}\nNothing was changed.") from None
    share = _Share(*((now, then) if verb == "drop" else (then, now)))
    if verb == "drop":
        _foresee_drop(part, share)
    else:
        _foresee_add(part, share)
    if sys.stdin.isatty() and input("\nGo on? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise Stop("Nothing was changed.")
    kept = share.edits(folder) if verb == "drop" else ""
    _say("\nUpdating …")
    data = f"parts=[{', '.join(wanted)}]"
    command = [*copier(), "update", "--quiet", "--defaults", "--vcs-ref=:current:", "--data", data]
    try:
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        _ = journal.merged().give_back()
        raise
    journal = journal.merged()
    if code:
        _ = journal.give_back()
        raise Stop("Copier did not update, for the reason above. The tree is as it was.")
    if verb == "drop":
        _clear(part, share, kept)
    else:
        _reapply(part)
    _conclude(journal.before, share if verb == "drop" else None)


class _Share:
    """What a part has of the service: files of its own, and lines of files that are shared."""

    def __init__(self, with_it: Copy, without: Copy) -> None:
        self._with_it: Copy = with_it
        self.files: list[str] = sorted(with_it.files - without.files)
        self.shared: list[str] = sorted(
            name for name in with_it.files & without.files if with_it.differs(without.root, name)
        )
        left = {parent for name in without.files for parent in Path(name).parents}
        self.folders: list[Path] = sorted(
            {parent for name in self.files for parent in Path(name).parents if parent not in left}
        )
        self.tables: list[str] = sorted(
            table
            for name in self.files
            if name.startswith("migrations/")
            for table in _found(r'op\.create_table\(\s*"(\w+)"', _text(with_it.root / name))
        )
        self.settings: list[str] = sorted(_settings(with_it) - _settings(without))
        modules = {".".join(Path(name).with_suffix("").parts) for name in self.files if name.endswith(".py")}
        self._modules: frozenset[str] = frozenset({*modules, *(each.removesuffix(".__init__") for each in modules)})

    @property
    def edited(self) -> list[str]:
        """Files of the part that a person changed, deleted, or added to its folders."""
        changed = [name for name in self.files if self._with_it.differs(ROOT, name)]
        return sorted({*changed, *self.added})

    @property
    def added(self) -> list[str]:
        """Files in folders of the part that are not the template's."""
        return [
            name
            for name in worktree.git("ls-files", "-z").split("\0")
            if name and name not in self._with_it.files and not set(Path(name).parents).isdisjoint(self.folders)
        ]

    def edits(self, folder: Path) -> str:
        """What a person did to the files of the part, as a patch."""
        for name in self.edited:
            for side, root in (("a", self._with_it.root), ("b", ROOT)):
                (folder / side).mkdir(exist_ok=True)
                if (root / name).is_file():
                    (folder / side / name).parent.mkdir(parents=True, exist_ok=True)
                    _ = shutil.copy(root / name, folder / side / name)
        if not self.edited:
            return ""
        # Whatever somebody has told git to show them instead.
        plain = ("--no-prefix", "--no-color", "--no-ext-diff", "--no-textconv")
        command = [shutil.which("git") or "git", "diff", "--no-index", *plain, "--binary", "a", "b"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        return done.stdout.decode("utf-8", errors="surrogateescape")

    def uses(self) -> Iterator[str]:
        """Where code that does not belong to the part imports it."""
        for name in worktree.git("ls-files", "-z", "*.py").split("\0"):
            if not name or name in self.files or name in self.added or not (ROOT / name).is_file():
                continue
            theirs = {each for _, each in _imports(self._with_it.root, name)}
            for line, module in _imports(ROOT, name):
                if module in self._modules and module not in theirs:
                    yield f"{name}:{line} imports {module}"

    def mentions(self) -> Iterator[str]:
        """Where files that are not the template's name a setting of the part."""
        if not self.settings:
            return
        named = re.compile(rf"\b({'|'.join(self.settings)})\b")
        for name in worktree.git("ls-files", "-z").split("\0"):
            if not name or name in self._with_it.files or name in self.added or not (ROOT / name).is_file():
                continue
            for number, line in enumerate(_text(ROOT / name).splitlines(), 1):
                if found := named.search(line):
                    yield f"{name}:{number} names {found[0]}"


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _found(pattern: str, text: str) -> list[str]:
    return [str(match[1]) for match in re.finditer(pattern, text, re.MULTILINE)]


def _settings(copy: Copy) -> set[str]:
    return set(_found(r"^([A-Z_]+)=", _text(copy.root / ".env.example")))


def _imports(root: Path, name: str) -> Iterator[tuple[int, str]]:
    """Each module that a file imports, with its line."""
    try:
        tree = ast.parse(_text(root / name))
    except (OSError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = Path(name).parts[: -node.level] if node.level else ()
            module = ".".join((*above, *([node.module] if node.module else [])))
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{each.name}") for each in node.names)


def _foresee_drop(part: str, share: _Share) -> None:
    if uses := sorted(set(share.uses())):
        raise Stop(
            f"Your code imports {part}. Take that out first, and commit it:\n{worktree.listed(tuple(uses))}\n"
            "Nothing was changed."
        )
    _say(f"`make drop part={part}` deletes {_count(share.files, 'file')}:\n{worktree.listed(_folded(share))}")
    if share.shared:
        _say(f"It takes lines out of:\n{worktree.listed(tuple(share.shared))}")
    if share.settings:
        _say(f"These settings are read no more: {', '.join(share.settings)}.")
    if share.tables:
        _say(f"These tables stay in the database, with all rows: {', '.join(share.tables)}.")
    if share.edited:
        _say(f"You edited these; dropped/{part}.patch keeps what you wrote:\n{worktree.listed(tuple(share.edited))}")
    if mentions := tuple(share.mentions()):
        _say(f"These files of yours name it, and stay as they are:\n{worktree.listed(mentions)}")


def _foresee_add(part: str, share: _Share) -> None:
    if taken := tuple(name for name in share.files if (ROOT / name).exists()):
        raise Stop(
            f"{part} has files of the same names. Move these first:\n{worktree.listed(taken)}\nNothing was changed."
        )
    _say(f"`make add part={part}` adds {_count(share.files, 'file')}:\n{worktree.listed(_folded(share))}")
    if share.shared:
        _say(f"It puts lines into:\n{worktree.listed(tuple(share.shared))}")
    if share.settings:
        _say(f"These settings are read then; .env.example explains them: {', '.join(share.settings)}.")
    if share.tables:
        _say(f"`make migrate` makes these tables, or goes on with those that are there: {', '.join(share.tables)}.")
    if _patch(part).is_file():
        _say(f"It applies dropped/{part}.patch, what you wrote before, and removes that file.")


def _folded(share: _Share) -> tuple[str, ...]:
    """The files of a part, whole folders in one line."""
    tops = [each for each in share.folders if each.parent not in share.folders]
    alone = [name for name in share.files if set(Path(name).parents).isdisjoint(tops)]
    return tuple(sorted([*(f"{each.as_posix()}/" for each in tops), *alone]))


def _count(names: list[str], what: str) -> str:
    return f"{len(names)} {what}{'s' if len(names) != 1 else ''}"


def _patch(part: str) -> Path:
    return ROOT / "dropped" / f"{part}.patch"


def _clear(part: str, share: _Share, kept: str) -> None:
    """Delete what Copier leaves of the part, and keep what a person wrote."""
    for name in {*share.files, *share.edited}:
        (ROOT / name).unlink(missing_ok=True)
    for folder in reversed(share.folders):
        shutil.rmtree(ROOT / folder / "__pycache__", ignore_errors=True)
        with suppress(OSError):  # it holds what git ignores
            (ROOT / folder).rmdir()
    if kept:
        _patch(part).parent.mkdir(exist_ok=True)
        _ = _patch(part).write_text(kept, encoding="utf-8", errors="surrogateescape", newline="")


def _reapply(part: str) -> None:
    if not _patch(part).is_file():
        return
    try:
        _ = worktree.git("apply", str(_patch(part)))
    except Stop:
        _say(
            f"dropped/{part}.patch does not fit the part as it is now. `git apply --reject dropped/{part}.patch` "
            "applies what still fits and says what does not."
        )
        return
    _patch(part).unlink()
    with suppress(OSError):  # it keeps what was written to other parts
        _patch(part).parent.rmdir()


def _conclude(before: str, dropped: _Share | None) -> None:
    undo = "`git reset --hard && git clean -d --force` gives back the tree as it was."
    if found := worktree.conflicts(before):
        files = tuple(f"{name}: line {', '.join(ranges)}" for name, ranges in found.items())
        raise Stop(f"You and the template changed the same lines; mend these:\n{worktree.listed(files)}\n{undo}")
    worktree.settle()
    if dropped is not None and (uses := sorted(set(dropped.uses()))):
        raise Stop(f"These imports lead nowhere now:\n{worktree.listed(tuple(uses))}\n{undo}")
    _say(f"\nDone. `make check` proves it, `git add --all && git commit` keeps it. {undo}")


def _say(text: str) -> None:
    _ = sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
