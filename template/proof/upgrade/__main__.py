"""`make upgrade`: merge the newest release of the template, install, check, migrate. `make upgrade abort` undoes it.

Python and git are all it needs: in the middle of a merge neither the service nor its packages may load.
Exit codes: 0 done, 1 a person has to decide.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from proof.upgrade import worktree
from proof.upgrade.answers import edited
from proof.upgrade.copies import ANSWERS, Copy, copier, uv
from proof.upgrade.worktree import ROOT, Journal, Stop

# What `make forget-example` deletes is gone for good.
_EXAMPLE = ROOT / "app/domain/items"
_AGAIN = "then `make upgrade` goes on; `make upgrade abort` gives back the tree as it was."


def main(arguments: list[str]) -> int:
    """Upgrade, go on with an upgrade, or abort it."""
    try:
        if arguments == ["abort"]:
            _abort()
        else:
            _upgrade(arguments)
    except Stop as stop:
        _say(f"\n{stop}")
        return 1
    except KeyboardInterrupt:
        _say("\nStopped. `make upgrade` goes on, `make upgrade abort` gives back the tree as it was.")
        return 1
    return 0


def _upgrade(arguments: list[str]) -> None:
    journal = Journal.read()
    if journal and not worktree.changed(journal.before):
        journal.close()  # the tree was given back by other means
        journal = None
    if journal is None:
        journal = _merge(arguments)
        if journal is None:
            return
    elif journal.merging:
        raise Stop("The last upgrade was cut off while it merged. `make upgrade abort` gives back the tree as it was.")
    elif arguments:
        raise Stop("An upgrade is under way, and takes no other answers. Finish it without, or `make upgrade abort`.")
    _stop_at_conflicts(journal)
    journal = journal.installing()
    _step("Installing", ("sync", "--quiet", "--group", "proof"), "uv could not install what pyproject.toml asks for")
    check = ("run", "--quiet", "--group", "proof", "python", "-m", "proof.workshop", "check")
    _step("Checking", check, "The checks fail on the merged code")
    _migrate()
    journal.close()
    _say(
        f"\nThe service follows {worktree.version()} of the template. `git diff {journal.before[:12]}` shows what that "
        "changed; `git add --all && git commit` keeps it."
    )


def _merge(arguments: list[str]) -> Journal | None:
    old, source = worktree.version(), worktree.source()
    if ":" not in source and not source.startswith(("/", "~")):
        raise Stop(
            f"`_src_path` in .copier-answers.yml is {source}, a path from where the service was made. "
            "Write the address of the template there instead, and commit that."
        )
    if sentence := edited():
        raise Stop(sentence)
    journal = worktree.begin()
    _say("Merging …")
    # A person answers new questions; where nobody can, their defaults hold.
    answering = "--skip-answered" if sys.stdin.isatty() else "--defaults"
    command = [*copier(), "update", "--quiet", answering, *arguments]
    try:
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        _give_back(journal.merged())
        raise Stop("Stopped. The tree is as it was.") from None
    journal = journal.merged()
    if code:
        _give_back(journal)
        raise Stop("Copier did not update, for the reason above. The tree is as it was.")
    if not worktree.changed(journal.before) and not journal.arrived:
        journal.close()
        _say(f"Nothing is new: the service follows {old} of the template.")
        return None
    _say(f"Merged: {old} → {worktree.version()}.")
    if gone := worktree.changed(journal.before, "D"):
        _say(
            "The template has these files no more, so they are deleted here, too. "
            f"`git checkout {journal.before[:12]} -- FILE` brings one back:\n{worktree.listed(gone)}"
        )
    _tell_of_what_is_not_here(journal.before, old)
    return journal


def _tell_of_what_is_not_here(before: str, old: str) -> None:
    """Name the files that the template changed and that this service has under another name, or not at all."""
    with TemporaryDirectory(prefix="upgrade-") as folder:
        answers = Path(folder) / "answers.yml"
        _ = answers.write_text(worktree.git("show", f"{before}:./{ANSWERS}"), encoding="utf-8")
        try:
            then = Copy.of(Path(folder) / "then", release=old, answers=answers)
            now = Copy.of(Path(folder) / "now")
        except Stop as stop:
            _say(f"Whether the template changed files that you have moved is not known: {stop}")
            return
        forgotten: set[str] = set() if _EXAMPLE.exists() else {"items", "items.py"}
        missing = tuple(
            name
            for name in sorted(then.files - worktree.held(before))
            if forgotten.isdisjoint(Path(name).parts) and (name not in now.files or then.differs(now.root, name))
        )
    if missing:
        _say(
            "The template changed these files, which you have moved or deleted. If you moved one, take its change over "
            f"from the template, between {old} and {worktree.version()}:\n{worktree.listed(missing)}"
        )


def _stop_at_conflicts(journal: Journal) -> None:
    if found := worktree.conflicts(journal.before):
        files = tuple(f"{name}: line {', '.join(ranges)}" for name, ranges in found.items())
        raise Stop(
            f"You and the template changed the same lines of {len(found)} file{'s' if len(found) > 1 else ''}:\n"
            f"{worktree.listed(files)}\n"
            "There, your lines stand below <<<<<<< and the template's below =======. Keep what is right and delete the "
            f"markers; {_AGAIN}\n"
            "Where the conflict is in the Makefile, call "
            "`uv run --no-project python -m proof.upgrade` instead of `make upgrade`."
        )
    worktree.settle()


def _step(doing: str, command: tuple[str, ...], failure: str) -> None:
    _say(f"{doing} …")
    if subprocess.run([uv(), *command], cwd=ROOT, check=False).returncode:
        raise Stop(f"{failure}, for the reason above. Nothing but the work tree has changed. Mend it; {_AGAIN}")


def _migrate() -> None:
    where = subprocess.run(
        [uv(), "run", "--quiet", "python", "-c", "from app.settings import settings; print(settings().environment)"],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    if where != "development":
        _say(f"ENVIRONMENT is {where or 'not readable'}, so no database was migrated: `make migrate` does it.")
        return
    _step("Migrating", ("run", "--quiet", "app", "migrate"), "The development database could not be migrated")


def _abort() -> None:
    journal = Journal.read()
    if journal is None:
        raise Stop("No upgrade is under way: there is nothing to abort.")
    _give_back(journal)
    _say(f"The tree is as it was, at {worktree.version()} of the template.")


def _give_back(journal: Journal) -> None:
    left = journal.give_back()
    journal.close()
    if left:
        _say(f"These files are not in git and were left:\n{worktree.listed(left)}")
    if journal.installed:
        command = [uv(), "sync", "--quiet", "--group", "proof"]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            _say("The packages are still those of the upgrade: `make setup` installs the old ones.")


def _say(text: str) -> None:
    _ = sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
