"""One-time codes against the vectors of RFC 6238, appendix B: the last six of their eight digits."""

import base64
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from app.platform.second_factor import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_the_standard(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)

    assert totp.step(SECRET, code, now) == seconds // 30
    for wrong in (code[::-1], "", "0" * 6, code + "0", "\u0661" * 6):
        assert totp.step(SECRET, wrong, now) is None


@pytest.mark.parametrize(("late", "holds"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_one_step_early_and_one_late_holds(late: int, *, holds: bool) -> None:
    now = datetime.fromtimestamp(1111111109 + late, UTC)

    assert totp.step(SECRET, "081804", now) == (1111111109 // 30 if holds else None)


def test_an_app_reads_the_address() -> None:
    secret = totp.new_secret()
    read = urlsplit(totp.address(secret, account="ada@example.com", issuer="My Service"))

    assert (read.scheme, read.netloc, read.path) == ("otpauth", "totp", "/My%20Service:ada%40example.com")
    wanted = {"secret": [secret], "issuer": ["My Service"], "digits": ["6"], "period": ["30"], "algorithm": ["SHA1"]}
    assert parse_qs(read.query) == wanted
    assert len(base64.b32decode(secret)) == 20
    assert totp.new_secret() != secret
