"""An update brings what is new, keeps what the user wrote, and leaves the secrets alone: from every release to here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import releases
import yaml
from allpairspy import AllPairs
from copier import run_recopy
from history import FOLLOWED, NEWEST, NEXT, commit, copy, publish_next, update
from releases import Release
from shell import run
from support import DOMAIN, EXAMPLES, files, questions


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the template as a repository in which each release is a tag, and the work tree the newest."""
    return releases.clone(tmp_path_factory.mktemp("history") / "template", NEWEST)


@pytest.fixture(scope="session")
def later(template: Path) -> Path:
    """Give the same with one more release, which changes files and has a migration."""
    return publish_next(shutil.copytree(template, template.with_name("later")))


@pytest.fixture
def own_template(template: Path, tmp_path: Path) -> Path:
    """Give the same, to publish into."""
    shutil.copytree(template, tmp_path / "template")
    return tmp_path / "template"


def answered(service: Path) -> dict[str, Any]:
    """Give the recorded answers, without what Copier notes for itself."""
    recorded = yaml.safe_load((service / ".copier-answers.yml").read_text(encoding="utf-8"))
    return {name: value for name, value in recorded.items() if not name.startswith("_")}


# What users do to a service: one line each of what it was and what it became, where such a line exists.
LINES: dict[str, tuple[str, str]] = {
    "README.md": ("Ask it something:\n", "Ask it something, as our partners do:\n"),
    "app/settings.py": ("log_level: LogLevel = LogLevel.INFO\n", "log_level: LogLevel = LogLevel.WARNING\n"),
    "pyproject.toml": ("never touches them.\n]", 'never touches them.\n  "idna>=3",\n]'),
    ".env.example": ("LOG_LEVEL=info\n", "LOG_LEVEL=info\n\n# Where our partners are.\nPARTNERS=\n"),
    "compose.yaml": ("    shm_size: 256mb\n", "    shm_size: 512mb\n"),
    "Makefile": (".DEFAULT_GOAL := help\n", ".DEFAULT_GOAL := check\n"),
}
EXAMPLE = ("app/domain/items", "tests/domain/items", "loadtest/scenarios/items.py")
MINE = ("app/domain/orders", "tests/domain/orders", "migrations/app/0002_orders.py", "app/adapters/partners.py")


def edit(service: Path, *, without_example: bool) -> None:
    """Apply the pack of edits to a service, in which its files are as they were rendered."""
    for name, (was, becomes) in LINES.items():
        if (file := service / name).is_file():
            text = file.read_text(encoding="utf-8")
            assert text.count(was) == 1, f"{name} has no such line any more: choose another edit than {was!r}"
            file.write_text(text.replace(was, becomes), encoding="utf-8")
    if without_example:
        for name in EXAMPLE:
            path = service / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def add_a_noun(service: Path) -> None:
    """Add files of the user, as `make domain` makes them, and a setting of this machine."""
    for folder in ("app", "tests"):
        shutil.copytree(service / folder / "domain/items", service / folder / "domain/orders")
    shutil.copy2(service / "migrations/app/0001_items.py", service / "migrations/app/0002_orders.py")
    (service / "app/adapters/partners.py").write_text('"""Our partners."""\n', encoding="utf-8")
    with (service / ".env").open("a", encoding="utf-8") as settings:
        settings.write("PARTNERS=one,two\n")


def mine(service: Path) -> dict[str, str]:
    """Give the files that the user added."""
    return {name: text for name, text in files(service).items() if name.startswith(MINE)}


def follow(service: Path, expected: Path) -> None:
    """Update a service that its user edited, and compare it with what a fresh copy with these edits is."""
    secrets, added, given = (service / ".env").read_text(encoding="utf-8"), mine(service), answered(service)
    touched = [name for name in LINES if (service / name).is_file()]
    update(service)
    after = files(service)
    conflicts = set(run("git", "diff", "--name-only", "--diff-filter=U", cwd=service).split())
    conflicts |= {name for name, text in after.items() if name.endswith(".rej") or re.search("^<<<<<<< ", text, re.M)}
    assert not conflicts, f"an edit of the user and the update are in conflict in {sorted(conflicts)}"
    vanished = [name for name in touched if name not in after]
    assert not vanished, f"{vanished} vanished, with the edits of the user"
    assert after[".env"] == secrets, ".env changed"
    assert given.items() <= answered(service).items(), "an answer changed"
    assert mine(service) == added, "a file of the user changed"
    for name in touched:
        assert LINES[name][1] in after[name], f"{name} lost {LINES[name][1]!r}"
    fresh = files(expected) | added | {".env": secrets}
    differing = sorted(name for name in after.keys() | fresh.keys() if after.get(name) != fresh.get(name))
    assert not differing, f"{differing} are not what they are in a fresh copy with the same edits"
    commit(service, "Updated")
    update(service)
    assert not run("git", "status", "--porcelain", cwd=service), "a second update changed something"


def journeys() -> Iterator[Any]:
    """Give each release with each profile, and once more without the example; those in between with one."""
    between = FOLLOWED[1:-2]
    for release in FOLLOWED:
        for name in ["default"] if release in between else EXAMPLES:
            yield pytest.param(release, name, False, id=f"{release}-{name}", marks=pytest.mark.slow)
        yield pytest.param(release, "default", True, id=f"{release}-without-example", marks=pytest.mark.slow)


def given_by(release: Release, name: str, folder: Path) -> dict[str, Any]:
    """Give the answers of an example, as it was in a release."""
    if release.version == NEWEST:
        return dict(EXAMPLES[name])
    examples = releases.unpack(release, folder) / "examples"
    file = examples / f"{name}.yml"
    return dict(yaml.safe_load(file.read_text(encoding="utf-8"))) if file.is_file() else {}


@pytest.mark.parametrize(("release", "name", "without_example"), list(journeys()))
def test_a_service_follows(
    release: Release, name: str, without_example: bool, template: Path, later: Path, tmp_path: Path
) -> None:
    source, target = (later, NEXT) if release.version == NEWEST else (template, NEWEST)
    service = copy(source, tmp_path / "service", release.version, **given_by(release, name, tmp_path / "then"))
    add_a_noun(service)
    edit(service, without_example=without_example)
    commit(service, "Edited")
    expected = copy(source, tmp_path / "fresh", target, **answered(service))
    edit(expected, without_example=without_example)
    follow(service, expected)


# The harness itself: what it is there to find, it finds.


def change_beside_an_edit(template: Path) -> None:
    readme = template / "template/README.md.jinja"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(text.replace("Ask it something:\n", "Ask it something, for example:\n"), encoding="utf-8")


def move_a_file(template: Path) -> None:
    (template / "template/Makefile.jinja").rename(template / "template/GNUmakefile.jinja")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutation", "said"),
    [(change_beside_an_edit, r"in conflict in \['README\.md'\]"), (move_a_file, r"\['Makefile'\] vanished")],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_a_user_would_lose_is_found(
    mutation: Callable[[Path], None], said: str, own_template: Path, tmp_path: Path
) -> None:
    service = copy(own_template, tmp_path / "service", NEWEST)
    edit(service, without_example=False)
    commit(service, "Edited")
    mutation(own_template)
    releases.publish(own_template, NEXT)
    with pytest.raises(AssertionError, match=said):
        follow(service, copy(own_template, tmp_path / "fresh", NEXT))


# What else an update has to get right.


@pytest.fixture
def service(own_template: Path, tmp_path: Path) -> Path:
    """Give a service made from the work tree, with edits of its user."""
    root = copy(own_template, tmp_path / "service", NEWEST)
    readme = root / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\nWritten by hand.\n", encoding="utf-8")
    (root / "docs/capacity.md").unlink()
    shutil.rmtree(root / "app/domain/items")
    commit(root, "Edited")
    return root


def test_what_the_user_deleted_stays_deleted(own_template: Path, service: Path) -> None:
    new = own_template / "template"
    (new / "docs/new.md").write_text("# New\n", encoding="utf-8")
    (new / "app/domain/items/new.py").write_text("NEW = 1\n", encoding="utf-8")
    (new / "app/platform/accounts/new.py").write_text("NEW = 1\n", encoding="utf-8")
    settings = own_template / "copier.yml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("2026-", "2027-"), encoding="utf-8")
    releases.publish(own_template, NEXT)
    update(service)
    after = files(service)
    assert "docs/capacity.md" not in after, "a file that the user removed came back"
    assert not [name for name in after if name.startswith("app/domain/items/")], "the example came back in part"
    assert {"docs/new.md", "app/platform/accounts/new.py"} <= after.keys()
    assert "2027-" in after["pyproject.toml"]
    assert "Written by hand." in after["README.md"]


def test_the_example_is_kept_up_to_date_while_it_is_there(own_template: Path, tmp_path: Path) -> None:
    service = copy(own_template, tmp_path / "service", NEWEST)
    (own_template / "template/app/domain/items/new.py").write_text("NEW = 1\n", encoding="utf-8")
    releases.publish(own_template, NEXT)
    update(service)
    assert (service / "app/domain/items/new.py").is_file()


def test_a_released_file_becomes_the_users_own(own_template: Path, tmp_path: Path) -> None:
    service = copy(own_template, tmp_path / "service", NEWEST)
    edited = (service / "docs/queries.md").read_text(encoding="utf-8") + "\nMine.\n"
    (service / "docs/queries.md").write_text(edited, encoding="utf-8")
    commit(service, "Edited")
    (own_template / "template/docs/queries.md").unlink()
    settings = own_template / "copier.yml"
    text = settings.read_text(encoding="utf-8").replace("_exclude:\n", "_exclude:\n  - /docs/queries.md\n", 1)
    settings.write_text(text, encoding="utf-8")
    releases.publish(own_template, NEXT)
    update(service)
    assert (service / "docs/queries.md").read_text(encoding="utf-8") == edited
    assert not (copy(own_template, tmp_path / "fresh", NEXT) / "docs/queries.md").exists()


def test_a_service_without_a_tag_follows_too(template: Path, tmp_path: Path) -> None:
    """The address may be a clone that holds commits and no tags: `_commit` is a hash then."""
    untagged = tmp_path / "template"
    run("git", "clone", "-q", "--no-tags", template, untagged, cwd=tmp_path)
    service = copy(untagged, tmp_path / "service", "HEAD")
    (untagged / "template/docs/new.md").write_text("# New\n", encoding="utf-8")
    run("git", "add", "--all", cwd=untagged)
    run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "New", cwd=untagged)
    update(service)
    assert (service / "docs/new.md").is_file()


def test_an_update_refuses_a_bad_answer_and_changes_nothing(service: Path) -> None:
    before = files(service)
    with pytest.raises(ValueError, match="Must be a whole number, 1 to 100000, not '0'"):
        update(service, peak_rps=0)
    assert files(service) == before


def test_recopy_renders_anew(service: Path) -> None:
    (service / "mine.py").write_text("MINE = 1\n", encoding="utf-8")
    run_recopy(service, defaults=True, overwrite=True, quiet=True, unsafe=False)
    after = files(service)
    assert "Written by hand." not in after["README.md"]
    assert after["mine.py"] == "MINE = 1\n"


# Another answer, and back.

PARTS: list[str] = EXAMPLES["everything"]["parts"]
TOGGLES: dict[str, tuple[dict[str, object], ...]] = {
    "availability": ({"availability": "99.95"}, {"availability": "99.99"}),
    "data_class": ({"data_class": "regulated"}, {"data_class": "personal"}),
    "compliance": ({"compliance": ["gdpr", "soc2", "hipaa", "pci-dss"]}, {"compliance": ["pci-dss"]}),
    # In these sets each pair of parts is on and off, and one of it without the other.
    "parts": tuple(
        {"parts": [part for part, on in zip(PARTS, row, strict=True) if on]}
        for row in AllPairs([[False, True]] * len(PARTS))
    ),
    "deploy": ({"deploy": "none"},),
    "ci": ({"ci": "gitlab"}, {"ci": "none"}),
    "license": ({"license": "mit"}, {"license": "apache-2.0"}),
    "numbers": ({"peak_rps": "5000", "data_gb": "500", "rps_per_core": "20000"},),
}


def test_every_choice_is_toggled() -> None:
    """A new option has to come along here, too."""
    asked = {name for change in TOGGLES.values() for given in change for name in given}
    assert asked == set(DOMAIN) - {"project_name", "description"}


@pytest.mark.slow
@pytest.mark.parametrize("changes", TOGGLES.values(), ids=TOGGLES)
def test_an_answer_there_and_back_again_is_the_same_service(
    changes: tuple[dict[str, object], ...], template: Path, tmp_path: Path
) -> None:
    service = copy(template, tmp_path / "service", NEWEST)
    first, start = answered(service), files(service)
    now = first
    for number, change in enumerate(changes):
        update(service, **change)
        now = questions().obliged(first | {"parts": now["parts"]} | change)
        fresh = copy(template, tmp_path / f"fresh-{number}", NEWEST, **now)
        assert files(service) == files(fresh) | {".env": start[".env"]}
        folders = [path for path in service.rglob("*") if path.is_dir() and ".git" not in path.parts]
        assert not [path for path in folders if not any(path.iterdir())]
        commit(service, "Changed")
    update(service, **{name: first[name] for change in changes for name in [*change, "parts"]})
    assert files(service) == start


@pytest.fixture(scope="session")
def whole(template: Path) -> Path:
    """Give a service with every part, none of which is demanded."""
    return copy(template, template.with_name("whole"), NEWEST, parts=PARTS)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_a_part_off_and_on_again_is_the_same_service(part: str, whole: Path, template: Path, tmp_path: Path) -> None:
    service = shutil.copytree(whole, tmp_path / "service")
    start, others = files(service), [each for each in PARTS if each != part]
    update(service, parts=others)
    assert files(service) == files(copy(template, tmp_path / "fresh", NEWEST, parts=others)) | {".env": start[".env"]}
    commit(service, "Off")
    update(service, parts=PARTS)
    assert files(service) == start
