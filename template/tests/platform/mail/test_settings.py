"""The settings of mail: what production refuses, each in one sentence that names it."""

import traceback

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from app import cli
from app.adapters.mail.settings import MailSettings
from tests.conftest import SetEnvironment


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"MAIL_URL": ""}, "MAIL_URL is missing"),
        ({"MAIL_URL": "http://mail.example.com"}, "MAIL_URL must have the form smtps://"),
        ({"MAIL_SENDER": ""}, "MAIL_SENDER is missing"),
        ({"MAIL_SENDER": "nobody"}, "MAIL_SENDER"),
        ({"MAIL_LINKS": ""}, "MAIL_LINKS must be the https:// address"),
        ({"MAIL_LINKS": "http://example.com"}, "MAIL_LINKS must be the https:// address"),
    ],
)
def test_production_refuses_to_serve_without_mail(
    set_environment: SetEnvironment, environment: dict[str, str], said: str
) -> None:
    set_environment(ENVIRONMENT="production", **environment)

    result = CliRunner().invoke(cli.cli, ["serve"])

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert said in result.output
    assert "Traceback" not in result.output


def test_mail_settings_do_not_show_their_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_URL", "smtps://me:not-told@mail.example.com")

    assert "not-told" not in repr(MailSettings.read())


@pytest.mark.parametrize(
    "url",
    [
        *(f"smtps://me:not-{sign}told@mail.example.com:465" for sign in "@/?# \t"),
        "smtps://me:not-told",
        "smtps://me:not-told@:465",
        "smtps://me:not-told@mail.example.com:0",
        "smtps://me:not-told@mail.example.com:65536",
        "smtps://me:not-told@mail.example.com/more",
        "smtps://me:not-told@::1",
    ],
)
def test_an_address_that_would_be_read_otherwise_is_refused_without_a_word_of_it(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("MAIL_URL", url)

    with pytest.raises(ValidationError, match="MAIL_URL must have the form smtps://user:password@host:465") as refused:
        _ = MailSettings.read()

    told = "".join(traceback.format_exception(refused.value))
    assert "not-" not in told
    assert "told" not in told


@pytest.mark.parametrize(
    "url",
    ["smtp://localhost", "SMTP://127.0.0.1:1025/", "smtps://me:p%40ss@[::1]:465", " smtps://me@mail.example.com "],
)
def test_every_other_address_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MAIL_URL", url)

    assert MailSettings.read().url is not None
