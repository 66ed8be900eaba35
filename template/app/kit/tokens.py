"""Access tokens: short-lived JWTs signed with Ed25519, each naming the key that signed it."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from app.kit import clock, state
from app.kit.ids import uuid7_text

_ALGORITHM = "EdDSA"
_REMEMBERED = 10_000


class InvalidToken(Exception):
    """The token does not hold; the text says why in words for the client."""


class Claims(BaseModel):
    """What an access token says."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    sub: UUID
    sid: UUID
    role: str
    exp: int


@dataclass(frozen=True, slots=True)
class Key:
    """One signing key. `kid` is the start of the SHA-256 of the public key."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey

    @classmethod
    def from_seed(cls, seed: bytes) -> "Key":
        """The key of a 32-byte seed."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        public = private.public_key()
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return cls(hashlib.sha256(raw).hexdigest()[:16], private, public)


class Tokens:
    """Issues and verifies access tokens.

    The first key signs and all of them verify, so keys are rotated by putting a new one in front and dropping the last
    once the lifetime has passed. A token that verified is remembered until it expires: an Ed25519 check costs more than
    the rest of the authentication together.
    """

    def __init__(self, keys: Sequence[Key], *, issuer: str, lifetime: timedelta) -> None:
        self._signing: Key = keys[0]
        self._public: Mapping[str, Ed25519PublicKey] = {key.kid: key.public for key in keys}
        self._issuer: str = issuer
        self._verified: dict[bytes, Claims] = {}
        self.lifetime: timedelta = lifetime

    def issue(self, *, account_id: UUID, session_id: UUID, role: str) -> str:
        """A token for one session of one account."""
        now = clock.now()
        claims = {
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": str(account_id),
            "sid": str(session_id),
            "role": role,
            "iat": now,
            "nbf": now,
            "exp": now + self.lifetime,
            "jti": uuid7_text(),
        }
        return jwt.encode(claims, self._signing.private, algorithm=_ALGORITHM, headers={"kid": self._signing.kid})

    def verify(self, token: bytes) -> Claims:
        """What the token says; InvalidToken when it was not issued here, was changed, or is no longer valid."""
        claims = self._verified.get(token)
        if claims is None:
            claims = self._check(token)
            if len(self._verified) >= _REMEMBERED:
                del self._verified[next(iter(self._verified))]
            self._verified[token] = claims
        elif claims.exp <= clock.now().timestamp():
            del self._verified[token]
            raise InvalidToken("The access token has expired: refresh it or sign in again.")
        return claims

    def _check(self, token: bytes) -> Claims:
        try:
            public = self._public[str(jwt.get_unverified_header(token).get("kid"))]
            decoded: object = jwt.decode(
                token,
                public,
                algorithms=[_ALGORITHM],
                issuer=self._issuer,
                audience=self._issuer,
                options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub"], "strict_aud": True},
            )
            return Claims.model_validate(decoded)
        except jwt.ExpiredSignatureError as error:
            raise InvalidToken("The access token has expired: refresh it or sign in again.") from error
        except (jwt.InvalidTokenError, KeyError, ValidationError) as error:
            raise InvalidToken("The access token is not valid here.") from error


def new_secret() -> str:
    """A new opaque secret of 256 bits, in 43 characters that are safe in a URL."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is stored of an opaque secret. A plain hash is enough: nobody guesses 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


async def _tokens(request: Request) -> Tokens:
    return state.of(request, Tokens)


Issuer = Annotated[Tokens, Depends(_tokens)]
