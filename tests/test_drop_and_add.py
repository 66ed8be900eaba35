"""`make drop` and `make add`: a part leaves a service that people have edited, and comes back, without a lost line."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path

import pytest
import releases
from history import NEWEST, commit, copy, update
from shell import run
from support import EXAMPLES, files, questions
from test_updates import add_a_noun
from test_upgrade import make, tree

pytestmark = pytest.mark.slow
PARTS = EXAMPLES["everything"]["parts"]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the template as a repository, with the work tree as its newest release."""
    return releases.clone(tmp_path_factory.mktemp("history") / "template", NEWEST)


@pytest.fixture(scope="module")
def rendered(history: Path) -> Path:
    """Make a service with every part, none of which is demanded."""
    return copy(history, history.with_name("service"), NEWEST, parts=PARTS)


@pytest.fixture
def service(rendered: Path, tmp_path: Path) -> Path:
    """Give a service to change."""
    return shutil.copytree(rendered, tmp_path / "service")


# One with tables and settings, one in another noun's folder, one with tools and files of the user's. The others go and
# come by the same update: test_updates.py.
@pytest.mark.parametrize("part", ["email", "admin", "load_test"])
def test_a_part_that_is_dropped_and_added_again_leaves_the_same_tree(part: str, service: Path, history: Path) -> None:
    before = files(service)
    code, said = make(service, "drop", f"part={part}")
    assert not code, said
    assert f"`make drop part={part}` deletes " in said
    left = [each for each in PARTS if each != part]
    fresh = copy(history, service.with_name("fresh"), NEWEST, parts=left)
    assert files(service) == files(fresh) | {".env": before[".env"]}
    assert not [
        path for path in service.rglob("*") if path.is_dir() and ".git" not in path.parts and not any(path.iterdir())
    ]
    commit(service, "Dropped")

    update(service)
    assert not run("git", "status", "--porcelain", cwd=service), "it came back by an update"

    code, said = make(service, "add", f"part={part}")
    assert not code, said
    assert files(service) == before


@pytest.fixture
def habits(tmp_path: Path) -> Path:
    """Set up git as somebody might for themselves, in ways that may not matter, and give the file that does."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        (hooks / name).chmod(0o755)
    (tmp_path / "attributes").write_text("* diff=theirs\n", encoding="utf-8")
    config = tmp_path / "gitconfig"
    config.write_text(
        f"""
[core]
  hooksPath = {hooks}
  attributesFile = {tmp_path / "attributes"}
  autocrlf = input
  quotePath = true
[init]
  defaultBranch = trunk
[color]
  ui = always
[commit]
  gpgSign = true
[gpg]
  program = false
[diff]
  external = false
  noprefix = true
[diff "theirs"]
  textconv = false
[status]
  showUntrackedFiles = no
""",
        encoding="utf-8",
    )
    return config


def test_what_was_written_to_a_part_is_kept(service: Path, habits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = service / "app/platform/second_factor"
    (folder / "mine.py").write_text('"""Mine."""\n', encoding="utf-8")
    (folder / "errors.py").write_text((folder / "errors.py").read_text("utf-8") + "\nMINE = 1\n", encoding="utf-8")
    (service / "docs/security/second-factor.md").unlink()
    (service / "orders.py").write_text('"""Names SECOND_FACTOR_FOR."""\n', encoding="utf-8")
    (service / "README.md").write_text((service / "README.md").read_text("utf-8") + "\nBy hand.\n", encoding="utf-8")
    add_a_noun(service)
    commit(service, "Edited")
    before = files(service)

    with monkeypatch.context() as theirs:
        theirs.setenv("GIT_CONFIG_GLOBAL", str(habits))
        code, said = make(service, "drop", "part=second_factor")
    assert not code, said
    for sentence in (
        "  app/platform/second_factor/\n",
        "These settings are read no more: SECOND_FACTOR_FOR.",
        "These tables stay in the database, with all rows: recovery_codes, second_factors.",
        "dropped/second_factor.patch keeps what you wrote:\n  app/platform/second_factor/errors.py\n"
        "  app/platform/second_factor/mine.py\n  docs/security/second-factor.md\n",
        "  orders.py:1 names SECOND_FACTOR_FOR\n",
        "`git reset --hard && git clean -d --force` gives back the tree as it was.",
    ):
        assert sentence in said, said
    assert not folder.exists()
    assert "By hand." in (service / "README.md").read_text(encoding="utf-8")
    patch = (service / "dropped/second_factor.patch").read_text(encoding="utf-8")
    assert "+MINE = 1\n" in patch
    assert '+"""Mine."""\n' in patch
    gone = before.keys() - files(service).keys()
    paths = [f"/{name}" for name in gone]
    of_it: list[str] = questions().all["part_paths"]["default"]["second_factor"]
    strange = [path for path in paths if not any(fnmatch(path, each) or fnmatch(path, f"{each}/*") for each in of_it)]
    assert not strange, "a file went that is not of the part"
    commit(service, "Dropped")
    update(service)
    assert not run("git", "status", "--porcelain", cwd=service), "it came back by an update"

    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(habits))
    code, said = make(service, "add", "part=second_factor")
    assert not code, said
    assert files(service) == before


def test_a_drop_is_undone_by_git(service: Path) -> None:
    before = tree(service)
    code, said = make(service, "drop", "part=email")
    assert not code, said
    run("git", "reset", "-q", "--hard", cwd=service)
    run("git", "clean", "-q", "-d", "--force", cwd=service)
    assert tree(service) == before


REFUSED = [
    (("drop",), "Name the part: make drop part=…. This service has admin, "),
    (("drop", "part=payments"), "payments is not among the parts. This service has admin, "),
    (("add", "part=admin"), "admin is among the parts already. This service has admin, "),
]


@pytest.mark.parametrize(
    ("words", "sentence"), REFUSED, ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], sentence: str, service: Path) -> None:
    before = tree(service)
    code, said = make(service, *words)
    assert code
    assert sentence in said
    assert tree(service) == before


def test_a_part_that_does_not_exist_is_not_added(service: Path) -> None:
    before = tree(service)
    code, said = make(service, "add", "part=payments")
    assert code
    assert "Invalid choice for 'parts': 'payments' is not in ['admin', " in said
    assert tree(service) == before


def test_a_part_that_an_answer_demands_is_not_dropped(history: Path, tmp_path: Path) -> None:
    service = copy(history, tmp_path / "service", NEWEST, data_class="personal")
    before = tree(service)
    code, said = make(service, "drop", "part=email")
    assert code
    assert "Must include email: the data is personal.\nNothing was changed." in said
    assert tree(service) == before


def test_a_part_that_code_of_the_user_imports_is_not_dropped(service: Path) -> None:
    mine = service / "app/domain/items/partners.py"
    mine.write_text('"""Partners."""\n\nfrom app.platform.api_keys import service\n', encoding="utf-8")
    commit(service, "Mine")
    before = tree(service)
    code, said = make(service, "drop", "part=api_keys")
    assert code
    assert "Your code imports api_keys. Take that out first, and commit it:\n" in said
    assert "  app/domain/items/partners.py:3 imports app.platform.api_keys.service\n" in said
    assert tree(service) == before


def test_a_tree_with_changes_is_refused(service: Path) -> None:
    (service / "note.txt").write_text("mine\n", encoding="utf-8")
    before = tree(service)
    code, said = make(service, "drop", "part=admin")
    assert code
    assert "The work tree is not clean" in said
    assert tree(service) == before


def test_what_was_dropped_stays_away_where_an_update_demands_more(service: Path) -> None:
    code, said = make(service, "drop", "part=load_test")
    assert not code, said
    commit(service, "Dropped")
    code, said = make(service, "drop", "part=email")
    assert not code, said
    commit(service, "Dropped")
    update(service, data_class="personal")
    recorded = (service / ".copier-answers.yml").read_text(encoding="utf-8")
    assert "- email\n" in recorded
    assert "- load_test\n" not in recorded
