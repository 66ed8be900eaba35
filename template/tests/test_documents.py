"""The documents name what exists, and .env.example every setting."""

import re
import tomllib
from pathlib import Path

import pytest

from app.adapters.database import DatabaseSettings
from app.adapters.mail import MailSettings
from app.main import VERSION
from app.settings import Settings

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    each for each in (ROOT / "README.md", ROOT / "AGENTS.md", *sorted((ROOT / "docs").rglob("*.md"))) if each.exists()
]

# A path has a slash or the ending of a file of ours; what is to be made (orders, …) is an example.
_PATH = re.compile(
    r"(?<![\w/.:-])(?:[\w.-]+/)*[\w.-]+\.(?:py|md|toml|yaml|yml|example|conf)(?![\w/-])|(?<![\w/.:-])(?:app|docs|tests|migrations|deploy)/[\w./-]*"
)
_LINK = re.compile(r"\]\(([^)#:]+)[^):]*\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.relative_to(ROOT).as_posix())
def test_a_document_names_only_what_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    parents = (ROOT, ROOT / "app", ROOT / "app/domain", ROOT / "app/domain/items", document.parent)

    missing = [
        name
        for name in {each.rstrip("./") for each in _PATH.findall(text)}
        if "orders" not in name and not any((parent / name).exists() for parent in parents)
    ]
    assert not missing, f"{document.name} names {missing}, which do not exist"
    broken = [link for link in _LINK.findall(text) if not (document.parent / link).exists()]
    assert not broken, f"{document.name} links to {broken}, which do not exist"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.relative_to(ROOT).as_posix())
def test_a_document_names_only_verbs_of_the_makefile(document: Path) -> None:
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert set(re.findall(r"[`$] ?make ([a-z]+)", document.read_text(encoding="utf-8"))) <= verbs


def test_env_example_names_every_setting_and_nothing_else() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^#? ?([A-Z][A-Z_]+)=", text, re.MULTILINE)

    settings = {name.upper() for name in Settings.model_fields}
    settings |= {f"DATABASE_{name.upper()}" for name in DatabaseSettings.model_fields}
    settings |= {f"MAIL_{name.upper()}" for name in MailSettings.model_fields if name != "environment"}
    # Files beside it may take variables of their own from .env, written ${NAME}.
    theirs = {
        name for file in ROOT.glob("*.yaml") for name in re.findall(r"\$\{(\w+)", file.read_text(encoding="utf-8"))
    }
    assert len(named) == len(set(named))
    assert settings - set(named) == set()
    assert set(named) - settings - theirs == set()


def test_env_example_holds_no_secret() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")

    for name in ("AUTH_SIGNING_KEYS", "METRICS_TOKEN", "DATABASE_URL", "MAIL_URL"):
        assert re.search(rf"^#? ?{name}=$", text, re.MULTILINE), name


def test_git_ignores_what_holds_secrets() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()

    assert {".env", "/.env"} & set(ignored)


def test_the_service_and_its_package_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == VERSION
