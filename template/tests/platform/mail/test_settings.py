"""The settings of mail: what production refuses, each in one sentence that names it."""

import pytest
from click.testing import CliRunner

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
