"""What a copy holds, what it does not hold, and what it leaves alone."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_copy, run_recopy
from shell import run
from support import DOMAIN, EXAMPLES, ROOT, answers, files, plain_template, questions, render, without_colour

Copie = Any
SECRETS = re.compile(r"^\w+=([0-9a-f]{64})$", flags=re.MULTILINE)


def copier(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Call the command line as a person does, with nobody at the keyboard."""
    command = [sys.executable, "-m", "copier", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_renders_and_is_recorded(name: str, tmp_path: Path) -> None:
    done = copier(
        "copy", "--defaults", "--data-file", ROOT / "examples" / f"{name}.yml", plain_template(), "x", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    recorded = yaml.safe_load((tmp_path / "x" / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert recorded == recorded | {k: str(v) if isinstance(v, int) else v for k, v in EXAMPLES[name].items()}


def test_enter_all_the_way_is_the_default_example(tmp_path: Path) -> None:
    plain, spelt_out = render(tmp_path / "plain"), render(tmp_path / "spelt-out", **EXAMPLES["default"])
    ours = {name: text for name, text in files(plain).items() if name != ".env"}
    assert ours == {name: text for name, text in files(spelt_out).items() if name != ".env"}


def test_the_end_of_a_copy_says_what_to_do(tmp_path: Path) -> None:
    done = copier("copy", "--defaults", "-d", "project_name=Orders", plain_template(), "x", cwd=tmp_path)
    said = without_colour(done.stderr)
    assert "Orders is ready in x" in said
    assert "make run" in said


def test_pytest_copie_renders_it_too(copie: Copie) -> None:
    result = copie.copy(extra_answers={"project_name": "By Copie"})
    assert result.exit_code == 0
    assert result.exception is None


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_is_left_unrendered_or_empty(name: str, tmp_path: Path) -> None:
    for path, text in files(render(tmp_path / "x", **EXAMPLES[name])).items():
        assert text or path.endswith(("__init__.py", "py.typed")), f"{path} is empty"
        assert "{%" not in text, path
        assert not re.search(r"(?<!\$){{ ", text), path
        assert str(plain_template()) not in text or path == ".copier-answers.yml"


# An option that is off leaves no file and no word behind.
TRACES: list[tuple[dict[str, str], str, list[str]]] = [
    (
        {"deploy": "none"},
        r"dockerfile|\bcompose\b|\bthe image\b|\bno image has\b|postgresql\.conf|POSTGRES_PASSWORD|docs/deployment",
        ["deploy"],
    ),
    ({}, r"gdpr|soc 2|soc2|hipaa|pci.dss", ["docs/compliance"]),
    ({"ci": "none"}, r"github actions|gitlab|\.github|workflows/|pipeline", [".github"]),
    ({"ci": "github"}, r"gitlab", []),
    ({"ci": "gitlab"}, r"github actions|\.github|workflows/", [".github"]),
]


@pytest.mark.parametrize(
    ("given", "words", "directories"), TRACES, ids=lambda value: str(value) if isinstance(value, dict) else ""
)
def test_what_is_off_leaves_no_trace(given: dict[str, str], words: str, directories: list[str], tmp_path: Path) -> None:
    service = render(tmp_path / "x", **given)
    traces = [
        f"{path}: {line}"
        for path, text in files(service).items()
        for line in [path, *text.splitlines()]
        if re.search(words, line, flags=re.IGNORECASE) and path not in {".copier-answers.yml", "uv.lock"}
    ]
    assert not traces
    assert not [name for name in directories if (service / name).exists()]


def test_no_directory_is_empty(tmp_path: Path) -> None:
    for given in ({}, {"deploy": "none", "ci": "none"}):
        service = render(tmp_path / str(len(given)), **given)
        assert not [path for path in service.rglob("*") if path.is_dir() and not any(path.iterdir())]


# Secrets


def test_each_copy_has_secrets_of_its_own(tmp_path: Path) -> None:
    one, other = render(tmp_path / "one"), render(tmp_path / "other")
    secrets = [SECRETS.findall((service / ".env").read_text(encoding="utf-8")) for service in (one, other)]
    assert len(secrets[0]) == 3
    assert len({*secrets[0], *secrets[1]}) == 6
    for path, text in files(one).items():
        assert path == ".env" or not any(secret in text for secret in secrets[0]), f"{path} holds a secret"


def test_git_ignores_the_secrets(tmp_path: Path) -> None:
    service = render(tmp_path / "x")
    run("git", "init", "-q", cwd=service)
    assert run("git", "check-ignore", ".env", cwd=service).strip() == ".env"


def test_rendering_anew_keeps_the_secrets(tmp_path: Path) -> None:
    service = render(tmp_path / "x")
    before = (service / ".env").read_text(encoding="utf-8")
    run_recopy(service, defaults=True, overwrite=True, quiet=True, unsafe=False)
    assert (service / ".env").read_text(encoding="utf-8") == before


def test_the_example_of_the_settings_names_what_the_settings_hold(tmp_path: Path) -> None:
    service = render(tmp_path / "x")
    names = [
        set(re.findall(r"^(\w+)=", (service / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in (".env", ".env.example")
    ]
    assert names[0] <= names[1]


# The destination


def test_a_directory_with_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "old [1]"
    (target / "src").mkdir(parents=True)
    (target / "src" / "a.py").write_text("mine\n", encoding="utf-8")
    done = copier("copy", "--defaults", plain_template(), target.name, cwd=tmp_path)
    assert done.returncode == 1
    sentence = done.stderr.strip().splitlines()[-1]
    assert "Must be a new or an empty directory: old [1] holds files." in sentence
    assert files(target) == {"src/a.py": "mine\n"}


def test_a_question_is_not_even_asked_for_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine\n", encoding="utf-8")
    done = copier("copy", plain_template(), ".", cwd=tmp_path)
    assert "Must be a new or an empty directory" in done.stderr
    assert files(tmp_path) == {"notes.txt": "mine\n"}


def test_a_project_is_not_rendered_over_by_accident(tmp_path: Path) -> None:
    service = render(tmp_path / "x")
    (service / "README.md").write_text("mine\n", encoding="utf-8")
    before = files(service)
    with pytest.raises(ValueError, match=r"Must not be a project already, as .* is: run `make upgrade` there"):
        render(service, project_name="Other")
    assert files(service) == before


@pytest.mark.parametrize("prepared", ["mkdir", "git init"])
def test_an_empty_directory_is_welcome(prepared: str, tmp_path: Path) -> None:
    target = tmp_path / "new"
    run(*prepared.split(), target, cwd=tmp_path)
    assert (render(target) / "README.md").is_file()


def test_overwrite_means_overwrite(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine\n", encoding="utf-8")
    run_copy(str(plain_template()), tmp_path, defaults=True, overwrite=True, quiet=True)
    assert (tmp_path / "README.md").is_file()
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine\n"


# Documents

CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
FILE = re.compile(
    r"^\.?[\w.*-]+(/[\w.*-]*)+$|^\.?[\w-]+\.(md|toml|py|ya?ml|conf|ini|example)$|^(Makefile|Dockerfile|\.env)$"
)


def missing(document: Path, service: Path) -> list[str]:
    """Give what a document names that is not there: files in code spans, targets of links, verbs of make."""
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    # What a command writes is there after it ran; `orders` is the noun that the documents add.
    made = re.compile("reports/|.*/orders/|uv.lock$")
    named = {code for code in CODE.findall(text) if FILE.match(code) and not made.match(code)}
    lost = [name for name in named if not any(service.glob(name.rstrip("/") if "/" in name else f"**/{name}"))]
    lost += [link for link in LINK.findall(text) if "://" not in link and not (document.parent / link).exists()]
    makefile = (service / "Makefile").read_text(encoding="utf-8")
    verbs = set(re.findall(r"\bmake(?: -C \S+)? ([a-z-]+)", document.read_text(encoding="utf-8")))
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    return sorted({*lost, *(f"make {verb}" for verb in verbs - known - {"it", "sure"})})


@pytest.mark.parametrize("name", EXAMPLES)
def test_documents_name_only_what_is_there(name: str, tmp_path: Path) -> None:
    service = render(tmp_path / "x", **EXAMPLES[name])
    lost = {path.relative_to(service).as_posix(): missing(path, service) for path in sorted(service.rglob("*.md"))}
    assert not {path: names for path, names in lost.items() if names}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_readme_says_whose_every_place_is(name: str, tmp_path: Path) -> None:
    service = render(tmp_path / "x", **EXAMPLES[name])
    table = (service / "README.md").read_text(encoding="utf-8").partition("\n## Where things are\n")[2]
    places = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    named = {code.rstrip("/") for cell in places for code in CODE.findall(cell)}

    # A row for LICENSE would make the README depend on one more answer: four times as many combinations to test.
    there = {path.name for path in service.iterdir()} - {"app", "LICENSE"}
    there |= {f"app/{path.name}" for path in (service / "app").iterdir() if path.name != "__init__.py"}
    assert sorted(there - {each.partition("/")[0] for each in named if not each.startswith("app/")} - named) == []


def test_a_name_cannot_be_that_of_a_dependency(tmp_path: Path) -> None:
    service = render(tmp_path / "x", **EXAMPLES["everything"])
    pyproject = tomllib.loads((service / "pyproject.toml").read_text(encoding="utf-8"))
    ours = f"{EXAMPLES['everything']['project_name'].lower()}-proof"
    needed = [
        *pyproject["project"]["dependencies"],
        *(each for group in pyproject["dependency-groups"].values() for each in group if each != ours),
        *tomllib.loads((service / "proof/pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"],
        *pyproject["build-system"]["requires"],
    ]
    names = {re.split(r"[\[<>=~!; ]", requirement)[0].replace("_", "-") for requirement in needed}
    derived = {name: questions().derive(answers(project_name=name)) for name in names}
    accepted = sorted(name for name, context in derived.items() if not questions().refusal("project_slug", context))
    assert not accepted, "add them to the validator of project_slug"


def test_a_fragment_is_named_after_an_option_and_pulled_in_while_it_is_on(tmp_path: Path) -> None:
    service = render(tmp_path / "x", deploy="compose", ci="github", compliance=["hipaa"])
    named = {
        *DOMAIN["deploy"],
        *DOMAIN["ci"],
        *DOMAIN["license"],
        *questions().all["compliance"]["choices"].values(),
        *questions().all["parts"]["choices"].values(),
    } - {"none"}
    rendered = {"env": ".env", "env.example": ".env.example", "readme": "README.md"}
    for fragment in sorted((ROOT / "includes").rglob("*.*")):
        if fragment.is_file():
            assert fragment.stem in named, f"{fragment.name} is never pulled in"
    for folder, start in (
        ("env", "POSTGRES_PASSWORD="),
        ("env", "MAIL_URL="),
        ("env.example", "MAIL_URL="),
        ("env.example", "SECOND_FACTOR_FOR="),
        ("readme", "- [Second factor"),
        ("env.example", "POSTGRES_PASSWORD="),
        ("readme", "- [Deploy"),
        ("readme", "- [HIPAA"),
    ):
        lines = (service / rendered[folder]).read_text(encoding="utf-8").splitlines()
        assert sum(line.startswith(start) for line in lines) == 1, f"{rendered[folder]} lacks {start}"


def test_compose_passes_every_setting_on_and_says_which_required_one_is_missing(tmp_path: Path) -> None:
    service = render(tmp_path / "x", deploy="compose", parts=list(EXAMPLES["everything"]["parts"]))
    services = yaml.safe_load((service / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert [services[name]["env_file"] for name in ("migrate", "app")] == [".env", ".env"]
    fixed = {name: text for name, text in services["app"]["environment"].items() if "${" + name not in text}
    # What Compose decides itself; a setting in .env is without effect here, and docs/deployment.md says so.
    assert sorted(fixed) == ["DATABASE_URL", "DATABASE_WITHOUT_TLS_BECAUSE", "ENVIRONMENT"]


def test_compose_kills_no_service_that_is_ending(tmp_path: Path) -> None:
    service = render(tmp_path / "x", deploy="compose")
    composed = yaml.safe_load((service / "compose.yaml").read_text(encoding="utf-8"))["services"]["app"]
    (taken,) = re.findall(
        r"timeout_graceful_shutdown=(\d+)", (service / "app/cli/serve.py").read_text(encoding="utf-8")
    )
    assert int(composed["stop_grace_period"].removesuffix("s")) >= int(taken) + 5


def test_uv_adds_packages_below_the_line_that_says_so(tmp_path: Path) -> None:
    """It keeps a list in order that is in order, and appends to any other."""
    project = tomllib.loads((render(tmp_path / "service") / "pyproject.toml").read_text(encoding="utf-8"))
    for lines in (project["project"]["dependencies"], project["dependency-groups"]["dev"]):
        assert lines != sorted(lines)
