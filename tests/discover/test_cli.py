"""The command `discover`: what it writes, prints and refuses, and where it never writes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from results import found, result, users
from support import files, plain_template

from discover import cli, engine
from discover.engine import Result
from discover.findings import Row

PACKAGE = '{"name": "shop", "dependencies": {"express": "^5"}}'
APP = 'const app = require("express")();\napp.get("/v1/orders", (q, r) => r.json([]));\napp.listen(1);\n'


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Give a small backend."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "package.json").write_text(PACKAGE, encoding="utf-8")
    (root / "app.js").write_text(APP, encoding="utf-8")
    return root


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder to stand in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the same in everything, at once."""

    def discover(path: Path, **_: Any) -> Result:
        made = result(users(), found(Row.DELIVERY, "ci", "gitlab"), found(Row.WHO, "api_key", "header x-api-key"))
        made.root = path.resolve()
        return made

    monkeypatch.setattr(engine, "discover", discover)


def test_it_reads_writes_three_files_and_shows_a_page(
    code: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(code)
    assert cli.main([str(code)]) == 0
    assert sorted(path.name for path in (here / "discovered").iterdir()) == [
        "answers.yml",
        "entities.yml",
        "report.html",
    ]
    answers = yaml.safe_load((here / "discovered/answers.yml").read_text(encoding="utf-8"))
    assert answers["project_name"] == "shop"
    assert yaml.safe_load((here / "discovered/entities.yml").read_text(encoding="utf-8"))["nouns"] == []
    shown = capsys.readouterr()
    assert "shop" in shown.out
    assert "copier copy --data-file discovered/answers.yml" in shown.out
    assert shown.err == ""
    assert files(code) == before


@pytest.mark.usefixtures("here", "quick")
def test_json_goes_to_the_output_and_no_file_is_written(
    code: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([str(code), "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["schema"], read["name"]) == (1, "shop")
    assert not list(here.iterdir())
    assert cli.main([str(code), "--json", "--out", "x"]) == 0
    assert (here / "x/report.html").is_file()


@pytest.mark.usefixtures("quick")
def test_quiet_writes_and_says_nothing(code: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(code), "--quiet"]) == 0
    assert (here / "discovered/answers.yml").is_file()
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("here", "quick")
@pytest.mark.parametrize("out", ["{code}", "{code}/discovered", "{code}/a/b", "{link}/x", "{code}/../shop"])
def test_nothing_is_written_into_the_code(
    out: str, code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link").symlink_to(code)
    before = files(code)
    assert cli.main([str(code), "--out", out.format(code=code, link=tmp_path / "link")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "is inside the code that is read, where nothing is written: give --out a folder outside of" in said.err
    assert files(code) == before


@pytest.mark.usefixtures("quick")
def test_standing_in_the_code_asks_for_another_folder(
    code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(code)
    assert cli.main(["."]) == 2
    assert "give --out a folder outside of" in capsys.readouterr().err
    assert sorted(files(code)) == ["app.js", "package.json"]


@pytest.mark.usefixtures("quick")
def test_a_link_among_the_files_is_replaced_and_not_followed(code: Path, here: Path) -> None:
    (here / "discovered").mkdir()
    (here / "discovered/answers.yml").symlink_to(code / "app.js")
    assert cli.main([str(code), "--quiet"]) == 0
    assert (code / "app.js").read_text(encoding="utf-8") == APP
    assert not (here / "discovered/answers.yml").is_symlink()
    assert len(list((here / "discovered").iterdir())) == 3


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["{code}/none"], "is no folder. Give the folder of a backend's code."),
        (["{code}/app.js"], "is no folder. Give the folder of a backend's code."),
        (["{empty}"], "has no files. Give the folder of a backend's code."),
        ([], "The following arguments are required: PATH. `discover --help` lists what is accepted."),
        (["{code}", "--seconds", "soon"], "give a number of seconds from 1 to 3600, not 'soon'"),
        (["{code}", "--seconds", "0"], "give a number of seconds from 1 to 3600, not '0'"),
        (["{code}", "--colour"], "Unrecognized arguments: --colour. `discover --help` lists what is accepted."),
        (["{code}", "--unit", "web"], "No unit is called 'web'. There are: ."),
        (["{code}", "--out", "{code}/../shop/app.js"], "is inside the code that is read"),
        (["{code}", "--out", "{file}"], "is a file: give --out a folder."),
        (["{code}", "--out", "{file}/x"], "cannot be written to (Not a directory): give --out another folder."),
        (["{code}", "--ask"], "--ask asks questions, so it needs a terminal"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    given: list[str], sentence: str, code: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    places = {"code": code, "empty": tmp_path / "empty", "file": tmp_path / "file"}
    assert cli.main([each.format(**places) for each in given]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.usefixtures("here")
def test_several_services_are_listed_and_never_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "both"
    for name in ("users", "orders"):
        (root / name).mkdir(parents=True)
        (root / name / "package.json").write_text(PACKAGE.replace("shop", name), encoding="utf-8")
        (root / name / "app.js").write_text(APP, encoding="utf-8")
    assert cli.main([str(root)]) == 1
    said = capsys.readouterr().err
    assert "--unit users" in said
    assert "--unit orders" in said
    assert cli.main([str(root), "--unit", "orders", "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["unit"]["folder"] == "orders"
    assert {each["folder"] for each in read["units"]} >= {"users", "orders"}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_once_it_takes_longer_than_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.5, 1.5])
    monkeypatch.setattr(cli, "monotonic", lambda: next(clock))
    terminal = _Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with cli.progress(quiet=False) as tell:
        tell("early")
        tell("reading a\x1b[2Jb.ts")
    assert "early" not in terminal.getvalue()
    assert "reading a [2Jb.ts" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[2K")


def test_progress_is_silent_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.5, 2.5, 3.5])
    monkeypatch.setattr(cli, "monotonic", lambda: next(clock))
    for stream, quiet in ((io.StringIO(), False), (_Terminal(), True)):
        monkeypatch.setattr("sys.stderr", stream)
        with cli.progress(quiet=quiet) as tell:
            tell("late")
        assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("direct", "source"),
    [
        (
            {"url": "https://example.com/a/b", "vcs_info": {"vcs": "git", "commit_id": "1"}},
            "git+https://example.com/a/b",
        ),
        ({"url": "https://example.com/a/b.git", "vcs_info": {"vcs": "git"}}, "https://example.com/a/b.git"),
        ({"url": "file:///a/my%20b", "dir_info": {"editable": True}}, "/a/my b"),
        ({"url": "https://example.com/a-1.0-py3-none-any.whl", "archive_info": {}}, None),
        ({}, None),
        ([], None),
    ],
)
def test_the_template_is_where_the_package_was_installed_from(direct: Any, source: str | None) -> None:
    assert cli.source_of(direct) == source


@pytest.mark.usefixtures("here", "quick")
def test_the_next_command_can_be_pasted(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([str(code), "--template", "/my templates/a", "--out", "a b"]) == 0
    last = capsys.readouterr().out.rstrip().splitlines()[-1]
    assert last == "  uvx copier copy --data-file 'a b/answers.yml' '/my templates/a' shop"


@pytest.mark.usefixtures("quick")
def test_ask_goes_on_to_copier_with_what_is_known(code: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import copier

    asked: dict[str, Any] = {}
    real = copier.run_copy

    def run_copy(source: str, target: Path, **given: Any) -> Any:
        asked.update(given)
        return real(source, target, defaults=True, quiet=True, **given)

    monkeypatch.setattr(copier, "run_copy", run_copy)
    monkeypatch.setattr("sys.stdin", _Terminal())
    assert cli.main([str(code), "--ask", "--template", str(plain_template())]) == 0
    assert asked["data"] == {"project_name": "shop", "data_class": "personal", "ci": "gitlab"}
    recorded = yaml.safe_load((here / "shop/.copier-answers.yml").read_text(encoding="utf-8"))
    assert (recorded["ci"], recorded["data_class"], recorded["deploy"]) == ("gitlab", "personal", "compose")
    assert recorded["parts"] == ["admin", "api_keys", "email", "load_test", "second_factor"]
    assert (here / "shop/.gitlab-ci.yml").is_file()


@pytest.mark.usefixtures("quick")
def test_ask_never_makes_the_service_in_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = tmp_path / "shop"
    code.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", _Terminal())
    assert cli.main([str(code), "--ask", "--quiet", "--template", str(plain_template())]) == 2
    assert not list(code.iterdir())
    assert "is inside the code" in capsys.readouterr().err


@pytest.mark.usefixtures("here", "quick")
def test_a_template_that_is_none_ends_in_a_sentence(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", _Terminal())
    assert cli.main([str(code), "--ask", "--quiet", "--template", str(tmp_path / "nowhere")]) == 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_an_interrupt_ends_in_a_word(
    code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> Result:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "discover", interrupted)
    assert cli.main([str(code)]) == 1
    assert capsys.readouterr().err == "Stopped.\n"
