"""Time-based one-time codes (RFC 6238) the way that authenticator apps make them: SHA-1, six digits, 30 seconds."""

import base64
import secrets
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS: Final = 6
STEP_SECONDS: Final = 30
_SECRET_BYTES = 20
# Clocks differ, and typing takes time: one step before and one after count, too (RFC 6238, section 5.2).
_WINDOW = (-1, 0, 1)


def new_secret() -> str:
    """A new secret of 160 bits, in base32 as apps take it."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def address(secret: str, *, account: str, issuer: str) -> str:
    """The `otpauth://` address that a QR code shows to an app."""
    return _generator(secret).get_provisioning_uri(account, issuer)


def step(secret: str, code: str, now: datetime) -> int | None:
    """The time step that a code is of, if it is one of now, the one before or the one after; None for a wrong code."""
    current = int(now.timestamp()) // STEP_SECONDS
    generator = _generator(secret)
    found: int | None = None
    for each in (current + offset for offset in _WINDOW):
        if secrets.compare_digest(generator.generate(each * STEP_SECONDS), code.encode()):
            found = each
    return found


def _generator(secret: str) -> TOTP:
    # SHA-1 is broken for signatures, not for HMAC; apps know nothing else for certain.
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - the reason is above
