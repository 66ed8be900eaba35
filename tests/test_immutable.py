"""A release that is recorded never changes again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import immutable
import pytest
import yaml
from shell import run
from support import ROOT

ONE, OTHER = "1" * 40, "2" * 40


def test_no_release_of_the_history_has_changed() -> None:
    # Not an assertion: pytest would cut the sentences, and they say what to do.
    if said := immutable.broken(ROOT):
        pytest.fail("\n".join(said), pytrace=False)


Record = Callable[..., Path]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Commit a releases.yml with the releases that are given, the newest last."""
    run("git", "init", "-q", "-b", "main", cwd=tmp_path)

    def commit(**released: str) -> Path:
        entries = [{"version": name.replace("_", "."), "commit": hash_} for name, hash_ in released.items()]
        (tmp_path / "releases.yml").write_text(yaml.safe_dump(entries[::-1]), encoding="utf-8")
        run("git", "add", "--all", cwd=tmp_path)
        run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "x", cwd=tmp_path)
        return tmp_path

    return commit


def test_a_new_release_is_no_change(record: Record) -> None:
    record(**{"0_3_1": ONE})
    record(**{"0_4_0": ONE})
    assert immutable.broken(record(**{"0_4_0": ONE, "0_5_0": OTHER})) == []


def test_another_commit_for_a_release_is_named(record: Record) -> None:
    record(**{"0_4_0": ONE})
    (said,) = immutable.broken(record(**{"0_4_0": OTHER, "0_5_0": OTHER}))
    assert said.startswith(f"0.4.0 was released as {ONE} (releases.yml of ")
    assert f"and is {OTHER} now: a release never changes." in said


def test_a_release_that_is_gone_is_named(record: Record) -> None:
    record(**{"0_4_0": ONE})
    record()
    assert [said.split()[0] for said in immutable.broken(record(**{"0_5_0": OTHER}))] == ["0.4.0"]


def test_what_is_not_committed_yet_counts(record: Record) -> None:
    root = record(**{"0_4_0": ONE})
    (root / "releases.yml").write_text("[]\n", encoding="utf-8")
    assert len(immutable.broken(root)) == 1


def test_a_release_that_a_merge_lost_is_named(record: Record) -> None:
    root = record()
    run("git", "switch", "-q", "-c", "side", cwd=root)
    record(**{"0_4_0": ONE})
    run("git", "switch", "-q", "main", cwd=root)
    person = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    run("git", *person, "merge", "-q", "-s", "ours", "--no-ff", "-m", "x", "side", cwd=root)
    assert len(immutable.broken(root)) == 1


def test_a_clone_without_its_history_is_refused(record: Record, tmp_path: Path) -> None:
    root = record(**{"0_4_0": ONE})
    record(**{"0_4_0": ONE, "0_5_0": OTHER})
    run("git", "clone", "-q", "--depth", "1", root.as_uri(), "shallow", cwd=tmp_path)
    (said,) = immutable.broken(tmp_path / "shallow")
    assert "run `git fetch --unshallow`" in said
