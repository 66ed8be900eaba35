"""The settings: what production refuses, each in one sentence that names it."""

import secrets

import pytest
from click.testing import CliRunner, Result

from app import cli, settings
from app.adapters.mail import MailSettings
from app.settings import Settings
from tests.conftest import MAIL

GOOD = secrets.token_hex(32)
# A key of 32 random bytes shows at least 8 of the 16 digits, but for one in 10**19.
OTHER = secrets.token_hex(32)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "settings", Settings)


def started(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Result:
    """What `app migrate` does in an environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(cli.cli, ["migrate"])


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"AUTH_SIGNING_KEYS": ""}, "AUTH_SIGNING_KEYS is missing"),
        ({"AUTH_SIGNING_KEYS": " , "}, "AUTH_SIGNING_KEYS is missing"),
        ({"AUTH_SIGNING_KEYS": GOOD[:-1]}, "AUTH_SIGNING_KEYS key 1 is not 64 hexadecimal digits"),
        ({"AUTH_SIGNING_KEYS": f"{GOOD},secret"}, "AUTH_SIGNING_KEYS key 2 is not 64 hexadecimal digits"),
        ({"AUTH_SIGNING_KEYS": "x" * 64}, "AUTH_SIGNING_KEYS key 1 is not 64 hexadecimal digits"),
        ({"AUTH_SIGNING_KEYS": "0" * 64}, "AUTH_SIGNING_KEYS key 1 is a pattern"),
        ({"AUTH_SIGNING_KEYS": "0" * 32 + "1" * 32}, "AUTH_SIGNING_KEYS key 1 is a pattern"),
        ({"AUTH_SIGNING_KEYS": f"{GOOD},{'0123456789abcdef' * 4}"}, "AUTH_SIGNING_KEYS key 2 is a pattern"),
        ({"AUTH_SIGNING_KEYS": f"{GOOD},{GOOD.upper()}"}, "AUTH_SIGNING_KEYS names one key twice"),
        ({"METRICS_TOKEN": "x" * 31}, "METRICS_TOKEN is shorter than 32 characters"),
        ({"METRICS_TOKEN": GOOD}, "METRICS_TOKEN is shorter than 32 characters, or is another secret"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is missing"),
        ({"DATABASE_URL": "mysql://host/database"}, "DATABASE_URL is not a PostgreSQL address"),
        ({"DATABASE_POOL_SIZE": "0"}, "DATABASE_POOL_SIZE"),
        ({"REQUEST_SECONDS": "soon"}, "REQUEST_SECONDS"),
        ({"MAX_IN_FLIGHT": "0"}, "MAX_IN_FLIGHT"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
        ({"ENVIRONMENT": "staging"}, "ENVIRONMENT"),
    ],
    ids=lambda each: each[:40] if isinstance(each, str) else "-",
)
def test_production_refuses_and_says_which(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], said: str
) -> None:
    good = {"ENVIRONMENT": "production", "AUTH_SIGNING_KEYS": GOOD, "METRICS_TOKEN": OTHER}

    result = started(monkeypatch, **(good | environment))

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert said in result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    for secret in (GOOD, OTHER):
        assert secret not in result.output.lower()


def test_production_starts_with_good_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    good = {
        "ENVIRONMENT": "Production",
        "AUTH_SIGNING_KEYS": f"{GOOD}, {OTHER}",
        "METRICS_TOKEN": secrets.token_hex(16),
    }

    result = started(monkeypatch, **good)

    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("keys", ["", "0" * 63])
def test_no_environment_makes_do_without_a_key(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    assert "AUTH_SIGNING_KEYS" in started(monkeypatch, AUTH_SIGNING_KEYS=keys).output


def test_settings_do_not_show_their_secrets() -> None:
    shown = repr(Settings())

    assert "auth_signing_keys" in shown
    for key in Settings().auth_signing_keys:
        assert key.get_secret_value() not in shown


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"MAIL_URL": ""}, "MAIL_URL is missing"),
        ({"MAIL_URL": "http://mail.example.com"}, "MAIL_URL is not a mail server"),
        ({"MAIL_SENDER": ""}, "MAIL_SENDER is missing"),
        ({"MAIL_SENDER": "nobody"}, "MAIL_SENDER"),
        ({"MAIL_LINKS": ""}, "MAIL_LINKS is missing"),
        ({"MAIL_LINKS": "http://example.com"}, "MAIL_LINKS is missing or not https://"),
    ],
)
def test_production_refuses_to_serve_without_mail(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], said: str
) -> None:
    good = {"ENVIRONMENT": "production", "AUTH_SIGNING_KEYS": GOOD, "METRICS_TOKEN": OTHER, **MAIL}
    for name, value in (good | environment).items():
        monkeypatch.setenv(name, value)

    for command in ("serve", "openapi"):
        result = CliRunner().invoke(cli.cli, [command])

        assert result.exit_code == 1
        assert result.output.startswith("Error: ")
        assert said in result.output
        assert "Traceback" not in result.output


def test_mail_settings_do_not_show_their_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_URL", "smtps://me:not-told@mail.example.com")

    assert "not-told" not in repr(MailSettings.read())
