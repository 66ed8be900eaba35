"""API keys: what machines show in place of an access token. `<slug>_<id>_<secret><checksum>`, all but the slug in hex.

The slug tells a key from an access token and lets secret scanners find it; the checksum tells a real key from a text
that only looks like one, and a slip of typing without a question to the database.
"""

import re
import secrets
import zlib
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from app import defaults

PREFIX: Final = f"{defaults.PROJECT_SLUG}_".encode()
"""What every key begins with."""

FORM: Final = re.compile(re.escape(PREFIX) + rb"([0-9a-f]{32})_([0-9a-f]{64})([0-9a-f]{8})")
"""What a key looks like: for whoever searches a text for keys."""

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in its parts: the id finds it, the secret proves it."""

    id: UUID
    secret: str = field(repr=False)

    @classmethod
    def new(cls, id: UUID) -> "ApiKey":  # noqa: A002 - the field's name
        """A key with a new secret of 256 bits."""
        return cls(id, secrets.token_hex(_SECRET_BYTES))

    @classmethod
    def parse(cls, shown: bytes) -> "ApiKey | None":
        """The parts of a key; None for what can't be one."""
        match = FORM.fullmatch(shown)
        if match is None or match[3] != _checksum(shown[:-8]):
            return None
        return cls(UUID(hex=match[1].decode()), match[2].decode())

    def text(self) -> str:
        """The key as its holder gets it."""
        unchecked = PREFIX + f"{self.id.hex}_{self.secret}".encode()
        return (unchecked + _checksum(unchecked)).decode()


def _checksum(text: bytes) -> bytes:
    return f"{zlib.crc32(text):08x}".encode()
