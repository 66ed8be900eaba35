"""What is rendered is well formed and formatted, for every combination of answers that a file hangs on."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from shell import run
from support import ROOT, combinations, jinja_files, plain_template, questions, render

PYTHON = [str(file) for file in jinja_files() if file.name.endswith(".py.jinja")]
OTHERS = [str(file) for file in jinja_files() if not file.name.endswith(".py.jinja") and "answers" not in file.name]


def renderings(name: str) -> set[str]:
    """Give every different text that one Jinja file can become."""
    template = questions().environment.get_template(f"template/{name}")
    # A file that an answer leaves out may render to nothing.
    return {template.render(context) for context in combinations(Path(name))} - {""}


@pytest.mark.parametrize("name", PYTHON)
def test_python_is_formatted_whatever_is_answered(name: str, tmp_path: Path) -> None:
    texts = renderings(name)
    assert len(texts) > 1
    render(tmp_path)
    for text in texts:
        (tmp_path / f"rendered_{hashlib.sha256(text.encode()).hexdigest()[:16]}.py").write_text(text, encoding="utf-8")
    settings = tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    ignored = ["INP001", *settings["per-file-ignores"].get(name.removesuffix(".jinja"), [])]
    run(
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--check",
        "--no-cache",
        "--quiet",
        *tmp_path.glob("rendered_*.py"),
        cwd=tmp_path,
    )
    run(
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--no-cache",
        f"--extend-ignore={','.join(ignored)}",
        *tmp_path.glob("rendered_*.py"),
        cwd=tmp_path,
    )


def well_formed(name: str, text: str) -> None:
    """Raise when a text is not what its name says; for Markdown, when a table is torn."""
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    kind = Path(name.removesuffix(".jinja")).suffix
    if kind == ".toml":
        tomllib.loads(text)
    elif kind in {".yaml", ".yml"}:
        yaml.safe_load(text)
    elif kind == ".json":
        json.loads(text)
    elif kind == ".md":
        assert text.startswith("# ")
        for is_table, lines in itertools.groupby(text.splitlines(), lambda line: line.startswith("|")):
            assert not is_table or len({line.replace("\\|", "").count("|") for line in lines}) == 1


@pytest.mark.parametrize("name", OTHERS)
def test_everything_else_is_well_formed_whatever_is_answered(name: str) -> None:
    for text in renderings(name):
        well_formed(name, text)


def test_every_pair_of_answers_is_linted_and_compiles(projects: list[Path]) -> None:
    assert 15 < len(projects) < 60
    for project in projects:
        run(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".", cwd=project)
        run(sys.executable, "-m", "ruff", "check", "--no-cache", ".", cwd=project)
        run(sys.executable, "-m", "compileall", "-q", ".", cwd=project)


def test_every_pair_of_answers_holds_the_same_python(projects: list[Path]) -> None:
    """A file is there or not, and the same wherever it is; only the numbers differ."""
    texts: dict[str, set[bytes]] = {}
    for project in projects:
        for path in project.rglob("*.py"):
            texts.setdefault(path.relative_to(project).as_posix(), set()).add(path.read_bytes())
    assert [path for path, different in texts.items() if len(different) > 1] == ["app/defaults.py"]


def test_the_index_of_decisions_is_right_whatever_is_answered(projects: list[Path]) -> None:
    for project in projects:
        folder = project / "docs/decisions/platform"
        index = (folder / "README.md").read_text(encoding="utf-8")
        files = sorted(folder.glob("0*.md"))
        heads = [file.read_text(encoding="utf-8").splitlines()[:3] for file in files]
        rows = [
            f"| {head.removeprefix('# ').replace('. ', '. [', 1)}]({file.name}) | {status.removeprefix('Status: ')} |"
            for file, (head, _, status) in zip(files, heads, strict=True)
        ]
        assert [line for line in index.splitlines() if line.startswith("| ")][1:] == rows


def test_compose_and_pipelines_fit_their_schemas(projects: list[Path]) -> None:
    for name, schema in {
        "compose.yaml": "vendor.compose-spec",
        ".github/workflows/ci.yml": "vendor.github-workflows",
        ".github/workflows/template.yml": "vendor.github-workflows",
        ".gitlab-ci.yml": "vendor.gitlab-ci",
    }.items():
        found = [project / name for project in projects if (project / name).is_file()]
        assert found, name
        run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *found, cwd=projects[0])


def test_the_files_of_the_forge_fit_their_schemas() -> None:
    for schema, names in {
        "vendor.dependabot": [".github/dependabot.yml"],
        "vendor.github-workflows": [".github/workflows/ci.yml", ".github/workflows/dependencies.yml"],
    }.items():
        run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *names, cwd=ROOT)


def tool(name: str) -> str:
    """Find a program that came with a package of this environment."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or pytest.fail(
        f"{name} is not installed: make setup"
    )


def test_the_image_and_the_workflows_hold_no_known_mistake() -> None:
    root = plain_template() / "template"
    run(tool("hadolint"), root / "Dockerfile", cwd=root)
    run(tool("zizmor"), "--offline", "--quiet", root / ".github", ROOT / ".github", cwd=root)
