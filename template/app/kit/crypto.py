"""Encryption of fields: AES-256-GCM under a ring of keys, and blind indexes to find what is encrypted.

A value is a version byte, the id of its key, a nonce of 96 bits, then the ciphertext with its tag. The place where it
stands (table, column, row) is authenticated with it, so a value that was copied to another place does not open.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import override

VERSION = b"\x01"
KEY_BYTES = 32
KEY_ID_BYTES = 8
HEADER_BYTES = len(VERSION) + KEY_ID_BYTES
NONCE_BYTES = 12
TAG_BYTES = 16
OVERHEAD = HEADER_BYTES + NONCE_BYTES + TAG_BYTES
"""How much longer a value is than its text in UTF-8."""
DIGEST_BYTES = 32


class Unreadable(Exception):
    """A stored value that does not open; the text says which and why, and nothing of the value."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands."""

    table: str
    column: str
    row: str

    @property
    def bytes(self) -> bytes:
        """What is authenticated with the value. No name and no key has a NUL, so no two places look alike."""
        return f"{self.table}\0{self.column}\0{self.row}".encode()

    @override
    def __str__(self) -> str:
        return f"{self.table}.{self.column} of row {self.row}"


class _Key:
    """One key of the ring. What encrypts and what indexes is derived from it, each for its one purpose."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(secret)}")
        self.id: bytes = hashlib.sha256(secret).digest()[:KEY_ID_BYTES]
        self.cipher: AESGCM = AESGCM(_derived(secret, "encrypt"))
        self._secret: bytes = secret
        self._indexes: dict[str, bytes] = {}

    def digest(self, index: str, text: str) -> bytes:
        """The digest of a text for one blind index: no two indexes have a key in common."""
        key = self._indexes.get(index)
        if key is None:
            key = self._indexes[index] = _derived(self._secret, f"index\0{index}")
        return hmac.digest(key, text.encode(), "sha256")


def _derived(secret: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(secret)


class KeyRing:
    """The keys for stored fields: the first encrypts, all of them decrypt.

    A key is good for 2**32 values; random nonces are safe up to there (NIST SP 800-38D).
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("a key ring needs a key")
        self._keys: Mapping[bytes, _Key] = {key.id: key for key in map(_Key, keys)}
        self._first: _Key = next(iter(self._keys.values()))

    @override
    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.ids)})"

    @property
    def ids(self) -> list[str]:
        """The ids of the keys, the one that encrypts first."""
        return [key.hex() for key in self._keys]

    @property
    def header(self) -> bytes:
        """What every value begins with that is encrypted now."""
        return VERSION + self._first.id

    def seal(self, text: str, place: Place) -> bytes:
        """What to store for a text."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return self.header + nonce + self._first.cipher.encrypt(nonce, text.encode(), place.bytes)

    def open(self, value: bytes, place: Place) -> str:
        """The text of a stored value; Unreadable when it was changed or moved, or its key is not in the ring."""
        if value[:1] != VERSION or len(value) < OVERHEAD:
            raise Unreadable(f"{place} holds no encrypted value: something else wrote it.")
        key = self._keys.get(value[1:HEADER_BYTES])
        if key is None:
            raise Unreadable(
                f"{place} is encrypted with the key {key_id(value)}, which is not in the key ring: put it back."
            )
        nonce, sealed = value[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES], value[HEADER_BYTES + NONCE_BYTES :]
        try:
            return key.cipher.decrypt(nonce, sealed, place.bytes).decode()
        except InvalidTag:
            raise Unreadable(f"{place} does not open: it was changed, or moved here from another place.") from None

    def digest(self, index: str, text: str) -> bytes:
        """What to store in a blind index for a text."""
        return self._first.digest(index, text)

    def digests(self, index: str, text: str) -> list[bytes]:
        """What a blind index may hold for a text, one for each key: while keys rotate, rows of both are found."""
        return [key.digest(index, text) for key in self._keys.values()]


def key_id(value: bytes) -> str:
    """The id of the key that a value was encrypted with."""
    return value[1:HEADER_BYTES].hex()


def base64url(raw: bytes) -> str:
    """Bytes as RFC 7515 writes them: base64 that is safe in a URL, without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def new_secret() -> str:
    """A new opaque secret of 256 bits, in 43 characters that are safe in a URL."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is stored of an opaque secret. A plain hash is enough: nobody guesses 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()
