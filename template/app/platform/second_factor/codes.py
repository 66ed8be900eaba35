"""Does a code hold? Asked whenever somebody signs in or changes their second factor."""

import hashlib
import secrets
from uuid import UUID

from pydantic import SecretStr

from app.adapters.database import Session
from app.kit import clock
from app.platform.attempts import codes as attempts
from app.platform.second_factor import repository, totp

_RECOVERY_CODES = 10
# 28 letters of 5 bits: 140 bits are too many to try, so that a plain hash of one is enough.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_RECOVERY_LETTERS = 28
_GROUP = 4

begin, succeed = attempts.begin, attempts.succeed


async def accepted(session: Session, account_id: UUID, code: SecretStr) -> bool:
    """Whether a code holds, which uses it up: one of the app with all before it, a recovery code by itself."""
    factor = await repository.locked(session, account_id)
    if factor is None or factor.confirmed_at is None:
        return False
    given = _plain(code)
    if len(given) != totp.DIGITS:
        return await repository.use_code(session, account_id, _digest(given))
    step = totp.step(factor.secret, given, clock.now())
    if step is None or (factor.last_step is not None and step <= factor.last_step):
        return False
    await repository.use(session, account_id, step)
    return True


async def confirmed(session: Session, account_id: UUID, secret: str, code: SecretStr) -> bool:
    """Whether a first code shows that an app has the secret; from then on the second factor counts."""
    step = totp.step(secret, _plain(code), clock.now())
    if step is None:
        return False
    await repository.confirm(session, account_id, step)
    return True


async def new_recovery_codes(session: Session, account_id: UUID) -> list[str]:
    """Ten recovery codes in place of those that an account has."""
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_RECOVERY_LETTERS)) for _ in range(_RECOVERY_CODES)]
    await repository.replace_codes(session, account_id, [_digest(each) for each in codes])
    return ["-".join(each[at : at + _GROUP] for at in range(0, len(each), _GROUP)) for each in codes]


def _plain(code: SecretStr) -> str:
    """A code as it is compared: people type spaces and hyphens, and small letters."""
    return code.get_secret_value().replace(" ", "").replace("-", "").upper()


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
