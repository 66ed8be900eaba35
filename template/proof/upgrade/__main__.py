"""`make upgrade`: merge the newest release of the template, install, check, migrate. `make upgrade abort` undoes it.

Python and git are all it needs: in the middle of a merge neither the service nor its packages may load.
Exit codes: 0 done, 1 a person has to decide.
"""

import os
import shlex
import shutil
import subprocess
import sys

from proof.upgrade import worktree
from proof.upgrade.answers import edited
from proof.upgrade.worktree import ROOT, Journal, Stop

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
    command = [*_copier(), "update", "--quiet", answering, *arguments]
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
    return journal


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
    if subprocess.run([_uv(), *command], cwd=ROOT, check=False).returncode:
        raise Stop(f"{failure}, for the reason above. Nothing but the work tree has changed. Mend it; {_AGAIN}")


def _migrate() -> None:
    where = subprocess.run(
        [_uv(), "run", "--quiet", "python", "-c", "from app.settings import settings; print(settings().environment)"],
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
        command = [_uv(), "sync", "--quiet", "--group", "proof"]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            _say("The packages are still those of the upgrade: `make setup` installs the old ones.")


def _copier() -> list[str]:
    return shlex.split(os.environ.get("COPIER", "")) or [_uv(), "tool", "run", "--from", "copier>=9.19", "copier"]


def _uv() -> str:
    return os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")


def _say(text: str) -> None:
    _ = sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
