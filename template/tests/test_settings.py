"""The settings: what production refuses, each in one sentence that names it."""

import secrets
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from app import cli, settings
from app.adapters.database import DatabaseSettings
from app.adapters.database.work import Database
from app.settings import Settings

GOOD = secrets.token_hex(32)
# A key of 32 random bytes shows at least 8 of the 16 digits, but for one in 10**19.
OTHER = secrets.token_hex(32)
THIRD = secrets.token_hex(32)
REMOTE = "postgresql://somebody@db.example.com/service"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kept = settings.settings
    monkeypatch.setattr(settings, "settings", Settings)
    yield
    # Whoever imported it by name has read the settings of this test.
    kept.cache_clear()


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
        ({"AUTH_SIGNING_KEYS": f"{GOOD},{GOOD.upper()}"}, "AUTH_SIGNING_KEYS contains the same key twice"),
        ({"ENCRYPTION_KEYS": ""}, "ENCRYPTION_KEYS is missing"),
        ({"ENCRYPTION_KEYS": GOOD[:-1]}, "ENCRYPTION_KEYS key 1 is not 64 hexadecimal digits"),
        ({"ENCRYPTION_KEYS": "0" * 64}, "ENCRYPTION_KEYS key 1 is a pattern"),
        ({"ENCRYPTION_KEYS": f"{THIRD},{THIRD.upper()}"}, "ENCRYPTION_KEYS contains the same key twice"),
        ({"ENCRYPTION_KEYS": f"{THIRD},{GOOD}"}, "ENCRYPTION_KEYS key 2 is also in AUTH_SIGNING_KEYS"),
        ({"METRICS_TOKEN": THIRD}, "METRICS_TOKEN must have at least 32 characters"),
        ({"DATABASE_URL": f"postgresql://a:{THIRD}@h/d"}, "The password in DATABASE_URL is also another secret"),
        ({"DATABASE_WITHOUT_TLS_BECAUSE": "", "DATABASE_URL": REMOTE}, "DATABASE_URL does not require TLS"),
        (
            {"DATABASE_WITHOUT_TLS_BECAUSE": "", "DATABASE_URL": f"{REMOTE}?sslmode=require"},
            "DATABASE_URL does not require TLS",
        ),
        (
            {"DATABASE_WITHOUT_TLS_BECAUSE": "", "DATABASE_READ_URL": REMOTE},
            "DATABASE_READ_URL does not require TLS: append ?sslmode=verify-full",
        ),
        ({"DATABASE_WITHOUT_TLS_BECAUSE": "off"}, "DATABASE_WITHOUT_TLS_BECAUSE"),
        ({"AUDIT_RETENTION_DAYS": "30"}, "AUDIT_RETENTION_DAYS Input should be greater than or equal to "),
        ({"METRICS_TOKEN": "x" * 31}, "METRICS_TOKEN must have at least 32 characters"),
        ({"METRICS_TOKEN": GOOD}, "METRICS_TOKEN must have at least 32 characters"),
        ({"TLS_CERTIFICATE": __file__}, "TLS_CERTIFICATE and TLS_KEY must both be set"),
        ({"TLS_CERTIFICATE": "/nowhere.pem", "TLS_KEY": __file__}, "TLS_CERTIFICATE"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is missing"),
        ({"ALLOWED_HOSTS": "api.example.com,*"}, "ALLOWED_HOSTS must not be * in production"),
        (
            {"ALLOWED_HOSTS": "https://api.example.com"},
            "ALLOWED_HOSTS contains 'https://api.example.com', which is not a host name",
        ),
        ({"ALLOWED_HOSTS": "a.*.example.com"}, "ALLOWED_HOSTS contains 'a.*.example.com', which is not a host name"),
        (
            {"TRUSTED_PROXIES": "10.0.0.0/8,proxy"},
            "TRUSTED_PROXIES contains 'proxy', which is not an address or a network",
        ),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "TRUSTED_PROXIES must not contain 0.0.0.0/0"),
        ({"RATE_LIMIT_ADDRESS": "many"}, "RATE_LIMIT_ADDRESS is not a rate limit: give a number of requests, a slash"),
        ({"RATE_LIMIT_ATTEMPTS": "0/60"}, "RATE_LIMIT_ATTEMPTS is out of range: 1 to 1,000,000 requests"),
        ({"RATE_LIMIT_PRINCIPAL": "10/0"}, "RATE_LIMIT_PRINCIPAL is out of range"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is missing"),
        ({"DATABASE_URL": "mysql://host/database"}, "DATABASE_URL must have the form postgresql://"),
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
    good = {
        "ENVIRONMENT": "production",
        "AUTH_SIGNING_KEYS": GOOD,
        "ENCRYPTION_KEYS": THIRD,
        "METRICS_TOKEN": OTHER,
        "ALLOWED_HOSTS": "api.example.com",
    }

    result = started(monkeypatch, **(good | environment))

    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert said in result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    for secret in (GOOD, OTHER, THIRD):
        assert secret not in result.output.lower()


def test_production_starts_with_good_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    good = {
        "ENVIRONMENT": "Production",
        "AUTH_SIGNING_KEYS": f"{GOOD}, {OTHER}",
        "METRICS_TOKEN": secrets.token_hex(16),
        "ALLOWED_HOSTS": "API.example.com, *.internal.example.com, [::1]",
        "TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::1",
        "RATE_LIMIT_ATTEMPTS": "5/60",
    }

    result = started(monkeypatch, **good)

    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("keys", ["", "0" * 63])
def test_no_environment_makes_do_without_a_key(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    assert "AUTH_SIGNING_KEYS" in started(monkeypatch, AUTH_SIGNING_KEYS=keys).output


def test_nothing_shows_the_secrets_that_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    password = secrets.token_hex(16)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://somebody:{password}@127.0.0.1/service")
    found = Settings()
    held = {*found.secrets, password}
    assert len(held) == 4

    things = (
        found,
        DatabaseSettings.read(),
        found.key_ring,
        found.signing_seeds,
        Database(DatabaseSettings.read(), found.key_ring),
    )
    for shown in (form(each) for each in things for form in (repr, str)):
        assert not [secret for secret in held if secret in shown]
    assert "auth_signing_keys" in repr(found)
