"""CSRF tokens: what a page of this service's own site sends to prove that it is one."""

import hmac
from collections.abc import Iterable
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.kit.crypto import base64url


class CsrfTokens:
    """Makes and checks them. The first key makes them, and all of them check: they rotate with the signing keys.

    Args:
        seeds: of the signing keys.
    """

    def __init__(self, seeds: Iterable[bytes]) -> None:
        self._keys: list[bytes] = [HKDF(SHA256(), 32, salt=None, info=b"csrf tokens").derive(seed) for seed in seeds]

    def of(self, session_id: UUID) -> str:
        """The token of a session, the same for as long as it lasts."""
        return _token(self._keys[0], session_id)

    def holds(self, given: bytes, session_id: UUID) -> bool:
        """Whether it is the token of this session."""
        return any(hmac.compare_digest(given, _token(key, session_id).encode()) for key in self._keys)


def _token(key: bytes, session_id: UUID) -> str:
    return base64url(hmac.digest(key, session_id.bytes, "sha256"))
