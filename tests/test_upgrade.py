"""`make upgrade` of a service: merged, installed, checked and migrated, or a sentence and the tree as it was."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import releases
import yaml
from history import FOLLOWED, NEWEST, NEXT, ROOM, RULES, commit, copy, head, publish_next, update
from releases import Release
from shell import outside, run, uv

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the template with every release, the work tree, and one more."""
    return publish_next(releases.clone(tmp_path_factory.mktemp("history") / "template", NEWEST))


@pytest.fixture(scope="module")
def rendered(history: Path) -> Path:
    """Make a service from the work tree."""
    return copy(history, history.with_name("service"), NEWEST)


@pytest.fixture
def service(rendered: Path, tmp_path: Path) -> Path:
    """Give a service to change."""
    return shutil.copytree(rendered, tmp_path / "service")


@pytest.fixture
def edited(service: Path) -> Path:
    """Give a service whose user changed a line that the next release changes, too."""
    rules = service / ".editorconfig"
    rules.write_text(rules.read_text(encoding="utf-8").replace(RULES[0], RULES[2]), encoding="utf-8")
    commit(service, "Edited")
    return service


COPIER = f"{sys.executable} -m copier"


def make(service: Path, *words: str, copier: str = COPIER) -> tuple[int, str]:
    """Call a verb, and give how it ended and what it said."""
    return ended(service, "make", "--no-print-directory", f"UV={uv()}", *words, COPIER=copier)


def ended(service: Path, *command: str, **environment: str) -> tuple[int, str]:
    """Run something, and give how it ended and what it said."""
    done = subprocess.run(
        command,
        cwd=service,
        env=outside() | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    return done.returncode, done.stdout


TOOLS = {".data", ".git", ".import_linter_cache", ".pytest_cache", ".ruff_cache", ".venv", "__pycache__"}


def tree(service: Path) -> tuple[dict[str, bytes | None], str]:
    """Give all that is in a service but what tools keep for themselves, empty folders included, and what git says."""
    paths = [path for path in sorted(service.rglob("*")) if not TOOLS & {*path.relative_to(service).parts}]
    found = {str(path.relative_to(service)): path.read_bytes() if path.is_file() else None for path in paths}
    return found, run("git", "status", "--porcelain", cwd=service) + run("git", "rev-parse", "HEAD", cwd=service)


def test_a_tree_with_changes_is_refused(edited: Path) -> None:
    (edited / "note.txt").write_text("mine\n", encoding="utf-8")
    before = tree(edited)
    code, said = make(edited, "upgrade")
    assert code
    assert "The work tree is not clean" in said
    assert "note.txt" in said
    assert tree(edited) == before


def test_a_project_without_a_commit_is_refused(service: Path) -> None:
    shutil.rmtree(service / ".git")
    run("git", "init", "-q", cwd=service)
    code, said = make(service, "upgrade")
    assert code
    assert "The project has no commit in git yet" in said


def test_an_address_that_leads_nowhere_is_named(service: Path) -> None:
    notes = service / ".copier-answers.yml"
    notes.write_text(re.sub(r"^_src_path: .*", "_src_path: .", notes.read_text("utf-8"), flags=re.M), encoding="utf-8")
    commit(service, "Made by copier copy .")
    code, said = make(service, "upgrade")
    assert code
    assert "`_src_path` in .copier-answers.yml is ., a path from where the service was made." in said


def test_what_changed_in_a_file_that_was_moved_is_named(service: Path) -> None:
    run("git", "mv", ".editorconfig", "docs/editorconfig", cwd=service)
    run("git", "rm", "-q", "CHANGELOG.md", cwd=service)
    commit(service, "Moved and deleted")

    # It stops where it would install.
    _, said = ended(service, sys.executable, "-m", "proof.upgrade", COPIER=COPIER, UV="false")

    wanted = "The template changed these files, which you have moved or deleted."
    assert f"{wanted} If you moved one, take its change over from the template, between {NEWEST} and {NEXT}:" in said
    assert said.partition(wanted)[2].splitlines()[1:2] == ["  .editorconfig"]


def test_a_conflict_is_explained_and_can_be_undone(edited: Path) -> None:
    before = tree(edited)
    code, said = make(edited, "upgrade")
    assert code
    assert f"Merged: {NEWEST} → {NEXT}." in said
    assert "moved or deleted" not in said
    text = (edited / ".editorconfig").read_text(encoding="utf-8").splitlines()
    start, end = text.index("<<<<<<< before updating") + 1, text.index(">>>>>>> after updating") + 1
    assert f"You and the template changed the same lines of 1 file:\n  .editorconfig: line {start}-{end}\n" in said
    assert (edited / "docs/news/new.md").is_file()

    code, again = make(edited, "upgrade")
    assert code
    assert f".editorconfig: line {start}-{end}" in again

    # What a person makes meanwhile is theirs, whether git knows it or not.
    (edited / "docs/news/mine.md").write_text("mine\n", encoding="utf-8")
    (edited / "staged.txt").write_text("mine\n", encoding="utf-8")
    run("git", "add", "staged.txt", cwd=edited)
    code, said = make(edited, "upgrade", "abort")
    assert not code, said
    assert "These files are not in git and were left:\n  docs/news/mine.md\n  staged.txt\n" in said
    assert f"The tree is as it was, at {NEWEST} of the template." in said
    (edited / "staged.txt").unlink()
    shutil.rmtree(edited / "docs/news")
    assert tree(edited) == before

    code, said = make(edited, "abort")
    assert code
    assert "No upgrade is under way" in said


def test_what_was_committed_meanwhile_is_not_dropped(edited: Path) -> None:
    start = run("git", "rev-parse", "HEAD", cwd=edited)[:12]
    make(edited, "upgrade")
    commit(edited, "Half-way")
    before = tree(edited)
    code, said = make(edited, "upgrade", "abort")
    assert code
    assert f"`git reset --hard {start}`" in said
    assert tree(edited) == before


def test_where_copier_refuses_the_tree_is_as_it_was(edited: Path) -> None:
    before = tree(edited)
    code, said = make(edited, "upgrade", "args=--data peak_rps=0")
    assert code
    assert "not '0'" in said
    assert "The tree is as it was." in said
    assert tree(edited) == before


def test_where_copier_fails_half_way_the_tree_is_as_it_was(edited: Path) -> None:
    before = tree(edited)
    code, said = make(edited, "upgrade", copier="sh -c 'echo half >> README.md; echo half > half.txt; exit 3'")
    assert code
    assert "The tree is as it was." in said
    assert tree(edited) == before


def test_where_a_person_interrupts_the_tree_is_as_it_was(service: Path) -> None:
    before = tree(service)
    code, said = make(
        service, "upgrade", copier="sh -c 'echo half >> README.md; echo half > half.txt; kill -INT $PPID; sleep 1'"
    )
    assert code
    assert "Stopped. The tree is as it was." in said
    assert tree(service) == before


def test_a_merge_that_was_cut_off_can_be_undone(service: Path) -> None:
    before = tree(service)
    make(service, "upgrade", copier="sh -c 'echo half >> README.md; echo half > half.txt; kill -KILL $PPID'")
    assert tree(service) != before
    code, said = make(service, "upgrade")
    assert code
    assert "was cut off while it merged" in said
    code, said = make(service, "upgrade", "abort")
    assert not code
    assert "These files are not in git and were left:\n  half.txt\n" in said
    (service / "half.txt").unlink()
    assert tree(service) == before


def test_nothing_new_is_said_to_be_so(history: Path, tmp_path: Path) -> None:
    service = copy(history, tmp_path / "service", NEXT)
    before = tree(service)
    code, said = make(service, "upgrade")
    assert not code
    assert f"Nothing is new: the service follows {NEXT} of the template." in said
    assert tree(service) == before


# With a database, and the whole way.

DUMP = """
import asyncio, json
import asyncpg
from app.adapters.database import DatabaseSettings
from app.adapters.process import prepared

async def dump():
    connection = await asyncpg.connect(DatabaseSettings.read().url.get_secret_value())
    tables = await connection.fetch("SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND "
        "relnamespace = 'public'::regnamespace")
    rows = {name: [json.loads(row[0]) for row in await connection.fetch(f"SELECT to_jsonb(t)::text FROM {name} t")]
        for name, _ in tables}
    keys = await connection.fetch("SELECT conrelid::regclass::text, array_agg(attname::text) FROM pg_constraint, "
        "pg_attribute WHERE contype = 'p' AND attrelid = conrelid AND attnum = ANY (conkey) GROUP BY conrelid")
    return {"rows": rows, "options": {name: options or [] for name, options in tables}, "keys": dict(map(tuple, keys))}

prepared()
print(json.dumps(asyncio.run(dump())))
"""
FILL = """
import asyncio
import asyncpg
from app.adapters.database import DatabaseSettings
from app.adapters.process import prepared

async def fill():
    connection = await asyncpg.connect(DatabaseSettings.read().url.get_secret_value())
    await connection.execute("INSERT INTO orders SELECT * FROM items")

prepared()
asyncio.run(fill())
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a directory in which PostgreSQL can serve; test_generated.py says why it is not one of pytest's."""
    with tempfile.TemporaryDirectory(prefix="services-", ignore_cleanup_errors=True) as root:
        yield Path(root)


def in_service(service: Path, *command: str) -> str:
    """Run something in the environment of a service."""
    return run(uv(), "run", "--quiet", "--group", "proof", *command, cwd=service)


def dump(service: Path) -> dict[str, Any]:
    """Give every row of the development database, and of every table its storage options and its primary key."""
    return dict(json.loads(in_service(service, "python", "-W", "ignore", "-c", DUMP).splitlines()[-1]))


def used(service: Path) -> dict[str, Any]:
    """Use a service as its people do: accounts and items, a noun of their own with data, a migration not yet run."""
    run(uv(), "sync", "--quiet", "--group", "proof", cwd=service)
    in_service(service, "python", "-m", "proof.seed", "--accounts", "3", "--items", "5")
    in_service(service, "python", "-m", "proof.workshop", "domain", "orders")
    in_service(service, "app", "migrate")
    in_service(service, "python", "-W", "ignore", "-c", FILL)
    own = service / "migrations/app"
    room = ROOM.format(revision="mine_0003", head=head(own), table="orders", percent=80)
    (own / "0003_room.py").write_text(room, encoding="utf-8")
    commit(service, "Used")
    found = dump(service)
    assert {name: len(found["rows"][name]) for name in ("accounts", "items", "orders")} == {
        "accounts": 3,
        "items": 15,
        "orders": 15,
    }
    return found


def nothing_is_lost(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Compare all rows of two states of a database: there may be more, and more columns."""
    for table, rows in before["rows"].items():
        if table != "alembic_version":
            key = itemgetter(*before["keys"][table])
            found = {key(row): row for row in after["rows"][table]}
            lost = [row for row in rows if not row.items() <= found.get(key(row), {}).items()]
            assert not lost, f"{table} lost rows or values"
    assert after["options"]["accounts"] == ["fillfactor=90"], "the platform's migration did not run"
    assert after["options"]["orders"] == ["fillfactor=80"], "the user's migration did not run"


@pytest.mark.parametrize("release", FOLLOWED, ids=str)
def test_a_database_of_a_release_is_migrated(release: Release, history: Path, place: Path) -> None:
    service = copy(history, place / "service", release.version)
    before = used(service)
    update(service)
    run(uv(), "sync", "--quiet", "--group", "proof", cwd=service)
    in_service(service, "app", "migrate")
    nothing_is_lost(before, dump(service))


CHECKING = """#!/bin/sh
# uv; but `make check` is no more than what an update can break in this service: test_generated.py runs all of it.
case "$*" in
*" proof.workshop check")
    touch {folder}/checked
    test ! -e {folder}/broken || exit 1
    set -- tests/test_migrations.py tests/adapters/test_schema.py tests/domain/orders
    exec {uv} run --quiet --group proof pytest "$@"
    ;;
*) exec {uv} "$@" ;;
esac
"""


def test_a_person_upgrades(history: Path, place: Path) -> None:
    service = copy(history, place / "service", NEWEST)
    rules, readme = service / ".editorconfig", service / "README.md"
    rules.write_text(rules.read_text(encoding="utf-8").replace(RULES[0], RULES[2]), encoding="utf-8")
    readme.write_text(readme.read_text(encoding="utf-8") + "\nWritten by hand.\n", encoding="utf-8")
    before = used(service)
    code, said = make(service, "upgrade")
    assert code
    assert not run("git", "ls-files", "--deleted", cwd=service), said
    assert ".editorconfig: line" in said
    text = rules.read_text(encoding="utf-8")
    mended = re.sub(r"<<<<<<< .*?\n(.*?)=======\n.*?>>>>>>> .*?\n", r"\1", text, flags=re.DOTALL)
    rules.write_text(mended, encoding="utf-8")

    # It goes on as where the conflict is in the Makefile: uv tells its children where it is, and would be used there.
    tool, checked, broken = (place / name for name in ("uv", "checked", "broken"))
    tool.write_text(CHECKING.format(folder=place, uv=uv()), encoding="utf-8")
    tool.chmod(0o755)
    go_on = (service, sys.executable, "-m", "proof.upgrade")
    broken.touch()
    code, said = ended(*go_on, UV=str(tool))
    assert code
    assert "The checks fail on the merged code, for the reason above." in said
    assert dump(service) == before, "it migrated for code that does not pass"
    broken.unlink()
    checked.unlink()
    code, said = ended(*go_on, UV=str(tool))
    assert not run("git", "ls-files", "--deleted", cwd=service), said
    assert not code, said
    assert checked.exists()
    assert f"The service follows {NEXT} of the template." in said
    nothing_is_lost(before, dump(service))
    assert "Written by hand." in readme.read_text(encoding="utf-8")
    assert RULES[2] in rules.read_text(encoding="utf-8")
    assert not run("git", "diff", "--name-only", "--diff-filter=U", cwd=service)
    code, said = make(service, "upgrade", "abort")
    assert "No upgrade is under way" in said


def test_what_cannot_be_installed_can_be_undone(history: Path, place: Path) -> None:
    template = place / "template"
    shutil.copytree(history, template)
    project = template / "template/pyproject.toml.jinja"
    project.write_text(project.read_text("utf-8").replace('"click>=8.5,<9"', '"click>=8.5,<8.5"'), encoding="utf-8")
    releases.publish(template, "1001.0.0")
    service = copy(template, place / "service", NEWEST)
    run(uv(), "sync", "--quiet", "--group", "proof", cwd=service)
    commit(service, "Installed")
    before = tree(service)
    code, said = make(service, "upgrade")
    assert code
    assert "uv could not install what pyproject.toml asks for" in said
    code, said = make(service, "upgrade", "abort")
    assert not code, said
    assert tree(service) == before


# The weekly job.


@pytest.fixture
def origin(service: Path, tmp_path: Path) -> Path:
    """Give a server's repository with the service in it, that takes push options."""
    bare = tmp_path / "origin.git"
    run("git", "clone", "-q", "--bare", service, bare, cwd=tmp_path)
    run("git", "config", "receive.advertisePushOptions", "true", cwd=bare)
    return bare


def checked_out(origin: Path, folder: Path) -> Path:
    """Check out as a job does: one commit, and no settings of this machine."""
    run("git", "clone", "-q", "--depth", "1", origin.as_uri(), folder, cwd=origin)
    return folder


def test_a_shallow_clone_can_be_updated(origin: Path, tmp_path: Path) -> None:
    job = checked_out(origin, tmp_path / "job")
    update(job)
    assert (job / "docs/news/new.md").is_file()


def shell(script: str, job: Path, **environment: str) -> str:
    """Run a step as the runners do."""
    return run("bash", "-e", "-o", "pipefail", "-c", script, cwd=job, environment=environment)


def test_the_weekly_job_of_github_opens_one_pull_request(origin: Path, tmp_path: Path) -> None:
    job = checked_out(origin, tmp_path / "job")
    jobs = yaml.safe_load((job / ".github/workflows/template.yml").read_text(encoding="utf-8"))["jobs"]
    writing = [name for name, each in jobs.items() if "write" in each["permissions"].values()]
    assert [name for name, each in jobs.items() if "make upgrade ||" in str(each)] == ["check"]
    assert writing == ["propose"], "the new code could write"
    steps = jobs["propose"]["steps"]
    # GitHub is the one thing that is not here: what is asked of its program is written down.
    tool = tmp_path / "bin/gh"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "$1 $2" >> "$ASKED"\nif [ "$2" = list ]; then cat "$OPEN"; fi\n', encoding="utf-8")
    tool.chmod(0o755)
    asked, opened = tmp_path / "asked", tmp_path / "opened"
    opened.write_text("0\n", encoding="utf-8")
    given = {"PATH": f"{tool.parent}:{os.environ['PATH']}", "ASKED": str(asked), "OPEN": str(opened)}
    shell(steps[-1]["run"], job, **given)
    assert not asked.exists(), "nothing was new"
    (job / "new.md").write_text("# New\n", encoding="utf-8")
    shell(steps[-1]["run"], job, **given)
    assert asked.read_text(encoding="utf-8") == "auth setup-git\npr list\npr create\n"
    assert "new.md" in run("git", "ls-tree", "--name-only", "follow-the-template", cwd=origin)
    assert "new.md" not in run("git", "ls-tree", "--name-only", "main", cwd=origin)
    opened.write_text("1\n", encoding="utf-8")
    (job / "newer.md").write_text("# Newer\n", encoding="utf-8")
    shell(steps[-1]["run"], job, **given)
    assert asked.read_text(encoding="utf-8").endswith("pr create\nauth setup-git\npr list\n")
    assert "newer.md" in run("git", "ls-tree", "--name-only", "follow-the-template", cwd=origin)


def test_the_weekly_job_of_gitlab_opens_a_merge_request(history: Path, tmp_path: Path) -> None:
    service = copy(history, tmp_path / "service", NEWEST, ci="gitlab")
    bare = tmp_path / "origin.git"
    run("git", "clone", "-q", "--bare", service, bare, cwd=tmp_path)
    run("git", "config", "receive.advertisePushOptions", "true", cwd=bare)
    hook = bare / "hooks/post-receive"
    hook.write_text("#!/bin/sh\nenv | grep ^GIT_PUSH_OPTION_ > options\n", encoding="utf-8")
    hook.chmod(0o755)
    job = checked_out(bare, tmp_path / "job")
    jobs = yaml.safe_load((job / ".gitlab-ci.yml").read_text(encoding="utf-8"))
    assert [name for name, each in jobs.items() if each.get("environment") == "template"] == ["propose"]
    assert "make upgrade" not in str(jobs["propose"]), "the new code could write"
    script = jobs["propose"]["script"]
    run("git", "config", f"url.{bare.as_uri()}.insteadOf", "https://token:secret@host/a/b.git", cwd=job)
    given = {
        "CI_DEFAULT_BRANCH": "main",
        "TEMPLATE_TOKEN": "secret",
        "CI_SERVER_HOST": "host",
        "CI_PROJECT_PATH": "a/b",
    }
    shell("\n".join(script[2:]), job, **given)
    assert not (bare / "options").exists(), "nothing was new"
    (job / "new.md").write_text("# New\n", encoding="utf-8")
    shell("\n".join(script[2:]), job, **given)
    assert "new.md" in run("git", "ls-tree", "--name-only", "follow-the-template", cwd=bare)
    options = (bare / "options").read_text(encoding="utf-8")
    assert "=merge_request.create\n" in options
    assert "=merge_request.target=main\n" in options
