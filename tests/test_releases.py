"""What was released still holds: a service that follows can take what is here now."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import promises
import pytest
import releases
import yaml
from releases import Release
from shell import run
from support import ROOT, plain_template

RELEASED = releases.read()


@pytest.mark.parametrize("release", RELEASED, ids=str)
def test_every_promise_of_a_release_is_kept(release: Release, tmp_path: Path) -> None:
    then = releases.unpack(release, tmp_path)
    # Not an assertion: pytest would cut the sentences, and they say what to do.
    if broken := promises.broken(release, then, plain_template()):
        pytest.fail("\n".join(broken), pytrace=False)


def test_releases_are_commits_of_this_history_in_their_order() -> None:
    order = [tuple(map(int, release.version.split("."))) for release in RELEASED]
    assert order == sorted(set(order), reverse=True)
    for release in RELEASED:
        assert re.fullmatch(r"[0-9a-f]{40}", release.commit), f"{release}: write the whole hash of the commit"
    for newer, older in zip([Release("HEAD", "HEAD", date.max, ()), *RELEASED], RELEASED, strict=False):
        run("git", "merge-base", "--is-ancestor", older.commit, newer.commit, cwd=ROOT)
        assert older.date <= newer.date


def test_a_note_is_one_sentence() -> None:
    for release in RELEASED:
        for note in release.notes:
            assert re.fullmatch(r"[A-Z`].*[^.]\.", note), f"{release}: {note!r} is no sentence"


def promised(version: str) -> bool:
    """Whether the promises hold for a version: those before 0.4.0 had no users, and only the changelog names them."""
    return tuple(map(int, version.split("."))) >= releases.FIRST


def test_the_changelog_and_the_version_tell_of_the_same_releases() -> None:
    """A release is recorded by the commit after it, so the newest section may not be recorded yet."""
    written = releases.sections((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    recorded = [(release.version, release.date.isoformat()) for release in RELEASED if promised(release.version)]
    promising = [section for section in written if promised(section[0])]
    assert recorded in (promising, promising[1:]), "CHANGELOG.md and releases.yml differ"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert version == (written[0][0] if written else "0"), "pyproject.toml and CHANGELOG.md differ"


# Each promise can be broken, and the sentence says which one it was.


def rename(now: Path) -> None:
    (now / "template/docs/queries.md").rename(now / "template/docs/statements.md")


def delete(now: Path) -> None:
    (now / "template/app/kit/clock.py").unlink()


def take_a_choice(now: Path) -> None:
    file = now / "features/availability.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r'^    99\.95 %.*: "99\.95"\n', "", text, flags=re.MULTILINE), encoding="utf-8")


def take_a_question(now: Path) -> None:
    file = now / "features/scale.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("data_gb:", "stored_gb:", 1), encoding="utf-8")


def stop_recording(now: Path) -> None:
    file = now / "features/capacity.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("  ask: false", "  when: false", 1), encoding="utf-8")


def tighten(now: Path) -> None:
    file = now / "features/scale.yml"
    text = file.read_text(encoding="utf-8")
    assert "[0-9]{0,4}|100000" in text
    file.write_text(text.replace("[0-9]{0,4}|100000", "[0-9]{0,3}", 1), encoding="utf-8")


def retype(now: Path) -> None:
    file = now / "features/scale.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("type: str", "type: int", 1), encoding="utf-8")


def change_a_migration(now: Path) -> None:
    file = now / "template/migrations/platform/0001_accounts_and_sessions.py"
    file.write_text(file.read_text(encoding="utf-8").replace("length=200", "length=201"), encoding="utf-8")


def delete_a_migration(now: Path) -> None:
    (now / "template/migrations/app/0001_items.py").unlink()


def add_an_option_carelessly(now: Path, condition: str = 'news == "none"') -> None:
    option = {
        "news": {"type": "str", "help": "News?", "default": "none", "choices": ["none", "some"]},
        "_exclude": [f"{{% if {condition} %}}\n/docs/news.md\n{{% endif %}}\n"],
    }
    (now / "features/news.yml").write_text(yaml.safe_dump(option), encoding="utf-8")
    settings = now / "copier.yml"
    settings.write_text(settings.read_text(encoding="utf-8") + "---\n!include features/news.yml\n", encoding="utf-8")
    (now / "template/docs/news.md").write_text("# News\n", encoding="utf-8")


Check = Callable[[Release, Path, Path], Iterable[str]]


def files_kept(release: Release, then: Path, now: Path) -> Iterable[str]:
    return promises.files_kept(release, then, now, ["default"])


MUTATIONS: list[tuple[Check, Callable[[Path], None], str]] = [
    (
        files_kept,
        rename,
        r"^docs/queries\.md was released in 1\.0\.0 and is not rendered any more .* write /docs/queries\.md into",
    ),
    (files_kept, delete, r"^app/kit/clock\.py was released in 1\.0\.0 and is not rendered any more"),
    (
        promises.answers_kept,
        take_a_choice,
        r"^The choice '99\.95' of `availability` was released in 1\.0\.0 and is gone: .* '99\.9' instead",
    ),
    (promises.answers_kept, take_a_question, r"^The question `data_gb` of release 1\.0\.0 is gone"),
    (promises.answers_kept, stop_recording, r"^The question `rps_per_core` of release 1\.0\.0 is gone"),
    (promises.answers_kept, tighten, r"^`peak_rps` = '100000' was accepted in release 1\.0\.0 and is refused now"),
    (promises.answers_kept, retype, r"^The question `peak_rps` was of type str in release 1\.0\.0 and is of type int"),
    (
        promises.migrations,
        change_a_migration,
        r"^template/migrations/platform/0001_accounts_and_sessions\.py was .* and has changed: ",
    ),
    (
        promises.migrations,
        delete_a_migration,
        r"^template/migrations/app/0001_items\.py was released in 1\.0\.0 and is gone: ",
    ),
    (
        files_kept,
        add_an_option_carelessly,
        r"^An `_exclude` pattern needs an answer that release 1\.0\.0 does not know \('news'",
    ),
]


def said_after(check: Check, mutation: Callable[[Path], None], folder: Path) -> list[str]:
    """Change a copy of the template, and give what is said about it, as if the template as it is had been released."""
    now = folder / "now"
    shutil.copytree(plain_template(), now)
    mutation(now)
    return list(check(Release("1.0.0", "f" * 40, date(2026, 1, 1), ()), plain_template(), now))


@pytest.mark.parametrize(("check", "mutation", "sentence"), MUTATIONS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_broken_promise_is_named(
    check: Check, mutation: Callable[[Path], None], sentence: str, tmp_path: Path
) -> None:
    said = said_after(check, mutation, tmp_path)
    assert any(re.search(sentence, each) for each in said), said


def release_a_file(now: Path) -> None:
    rename(now)
    settings = now / "copier.yml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("_exclude:\n", "_exclude:\n  - /docs/queries.md\n", 1), encoding="utf-8")


def add_an_option(now: Path) -> None:
    add_an_option_carelessly(now, 'news | default("none") == "none"')


@pytest.mark.parametrize("change", [release_a_file, add_an_option])
def test_what_is_allowed_breaks_nothing(change: Callable[[Path], None], tmp_path: Path) -> None:
    assert not said_after(files_kept, change, tmp_path)
