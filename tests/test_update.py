"""An update brings what changed, keeps what the user wrote, and leaves the secrets alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from copier import run_copy, run_recopy, run_update
from support import files, plain_template, run


def commit(repository: Path, message: str, tag: str = "") -> None:
    """Commit everything, and tag it."""
    run("git", "add", "--all", cwd=repository)
    run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message, cwd=repository)
    if tag:
        run("git", "tag", tag, cwd=repository)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Give the template as a repository with one release."""
    root = tmp_path / "template"
    shutil.copytree(plain_template(), root)
    run("git", "init", "-q", "-b", "main", cwd=root)
    commit(root, "One", "1.0.0")
    return root


@pytest.fixture
def service(template: Path, tmp_path: Path) -> Path:
    """Give a service made from that release, in git, with edits of its user."""
    root = tmp_path / "service"
    run_copy(str(template), root, defaults=True, quiet=True, unsafe=False)
    run("git", "init", "-q", "-b", "main", cwd=root)
    commit(root, "Rendered")
    readme = root / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\nWritten by hand.\n", encoding="utf-8")
    (root / "docs" / "capacity.md").unlink()
    (root / "mine.py").write_text("MINE = 1\n", encoding="utf-8")
    commit(root, "Edited")
    return root


def release(template: Path) -> None:
    """Publish a second release: another day, another line, another file."""
    settings = template / "copier.yml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("2026-11-20T", "2026-12-20T"), encoding="utf-8")
    editorconfig = template / "template" / ".editorconfig"
    editorconfig.write_text(
        editorconfig.read_text(encoding="utf-8") + "\n[*.md]\nmax_line_length = 140\n", encoding="utf-8"
    )
    (template / "template" / "docs" / "new.md").write_text("# New\n", encoding="utf-8")
    commit(template, "Two", "2.0.0")


def update(service: Path, **given: object) -> None:
    """Update as `copier update --defaults` does, trusting nothing."""
    run_update(service, data=given, defaults=True, overwrite=True, quiet=True, unsafe=False)


def test_an_update_merges(template: Path, service: Path) -> None:
    secrets = (service / ".env").read_text(encoding="utf-8")
    measured = service / "docs/capacity-measured.md"
    measured.write_text("# 1,740 requests/s\n", encoding="utf-8")
    commit(service, "Measured")
    (template / "template/docs/capacity-measured.md").write_text("# Nothing yet\n", encoding="utf-8")
    release(template)
    update(service)
    after = files(service)
    assert "max_line_length = 140" in after[".editorconfig"]
    assert after["docs/new.md"] == "# New\n"
    assert "Written by hand." in after["README.md"]
    assert after["mine.py"] == "MINE = 1\n"
    assert "docs/capacity.md" not in after, "a file that the user removed came back"
    assert after[".env"] == secrets
    assert after["docs/capacity-measured.md"] == "# 1,740 requests/s\n"
    assert not [path for path in after if path.endswith(".rej")]
    assert not run("git", "diff", "--name-only", "--diff-filter=U", cwd=service)
    commit(service, "Updated")
    update(service)
    assert not run("git", "status", "--porcelain", cwd=service), "a second update changed something"


def test_an_update_takes_another_answer(service: Path) -> None:
    update(service, peak_rps=5000, deploy="none")
    after = files(service)
    assert yaml.safe_load(after[".copier-answers.yml"])["peak_rps"] == "5000"
    assert "PEAK_RPS: Final[int] = 5000" in after["app/defaults.py"]
    assert not {"compose.yaml", "Dockerfile", "deploy/postgresql.conf"} & set(after)
    assert "Written by hand." in after["README.md"]


def test_an_update_refuses_a_bad_answer_and_changes_nothing(service: Path) -> None:
    before = files(service)
    with pytest.raises(ValueError, match="'0' is not accepted: a whole number from 1 to 100000 is"):
        update(service, peak_rps=0)
    assert files(service) == before


def test_recopy_renders_anew(service: Path) -> None:
    run_recopy(service, defaults=True, overwrite=True, quiet=True, unsafe=False)
    after = files(service)
    assert "Written by hand." not in after["README.md"]
    assert after["mine.py"] == "MINE = 1\n"
