"""Access tokens: short-lived JWTs signed with Ed25519, each naming the key that signed it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic, time
from typing import ClassVar
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, ConfigDict, ValidationError

from app.kit import clock
from app.kit.access import Principal, Refusal, Restrictions, Rule
from app.kit.authentication import Headers, Json
from app.kit.errors import AppError
from app.kit.ids import uuid7_text

ALGORITHM = "EdDSA"
_TYPE = "at+jwt"  # RFC 9068: no other kind of JWT passes for an access token
_LONGEST = 4096
_REMEMBERED = 10_000
# What the clocks of two instances may differ by. It delays no expiry: `verify` looks at that itself, to the moment.
_SKEW = timedelta(seconds=5)


_EXPIRED = "The access token has expired: refresh it or sign in again."
_INVALID = "The access token is not valid here."


class InvalidToken(Exception):
    """The token does not hold; the text says why in words for the client."""


class Claims(BaseModel):
    """What an access token says."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    sub: UUID
    sid: UUID
    role: str
    exp: int
    amr: frozenset[str] = frozenset()
    """The methods of authentication that its session has proved (RFC 8176)."""


@dataclass(frozen=True, slots=True)
class Key:
    """One signing key. `kid` is the start of the SHA-256 of the public key."""

    kid: str
    private: Ed25519PrivateKey = field(repr=False)
    public: Ed25519PublicKey

    @classmethod
    def from_seed(cls, seed: bytes) -> "Key":
        """The key of a 32-byte seed."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        public = private.public_key()
        return cls(hashlib.sha256(_raw(public)).hexdigest()[:16], private, public)


class Revoked:
    """The sessions and other credentials that were revoked, for as long as a worker may still take them for valid.

    Asking costs a look into a dict.

    The worker that revokes one notes it before its transaction is committed. A note that the database never confirms is
    forgotten once that transaction can't commit any more, so a rollback revokes nothing.
    """

    def __init__(self, *, lifetime: timedelta, settling: timedelta) -> None:
        self._until: dict[UUID, float] = {}
        self._settling: float = settling.total_seconds()
        self._lifetime: float = lifetime.total_seconds()

    def __contains__(self, credential_id: UUID) -> bool:
        return credential_id in self._until

    def note(self, credentials: Iterable[UUID]) -> None:
        """Refuse from now on what this worker is about to revoke."""
        until = monotonic() + self._settling
        for each in credentials:
            _ = self._until.setdefault(each, until)

    def confirm(self, credentials: Iterable[UUID]) -> None:
        """Refuse what was revoked, until nobody can take it for valid any more."""
        until = monotonic() + self._lifetime + self._settling
        for each in credentials:
            self._until[each] = until

    def forget(self, before: float) -> None:
        """Forget those whose time was over at a moment of the monotonic clock."""
        for each in [credential for credential, until in self._until.items() if until <= before]:
            del self._until[each]


class Tokens:
    """Issues and verifies access tokens.

    The first key signs and all of them verify: docs/security/sessions.md says how keys are rotated. A token that
    verified is remembered until it expires: an Ed25519 check costs more than the rest of the authentication together.
    """

    def __init__(
        self, seeds: Sequence[bytes], *, issuer: str, lifetime: timedelta, longest: timedelta, settling: timedelta
    ) -> None:
        self._keys: Sequence[Key] = [Key.from_seed(seed) for seed in seeds]
        self._public: Mapping[str, Ed25519PublicKey] = {key.kid: key.public for key in self._keys}
        self._issuer: str = issuer
        self._verified: dict[bytes, Claims] = {}
        self.lifetime: timedelta = lifetime
        """How long a token holds that is issued now, unless its session ends sooner."""
        self.longest: timedelta = longest
        """How long a token may still hold that was issued before its lifetime was shortened."""
        self.revoked: Revoked = Revoked(lifetime=longest, settling=settling)

    @property
    def public_keys(self) -> Mapping[str, bytes]:
        """The 32 bytes of every key that verifies, by its id."""
        return {kid: _raw(public) for kid, public in self._public.items()}

    def issue(
        self, *, account_id: UUID, session_id: UUID, role: str, methods: Iterable[str], lifetime: timedelta
    ) -> str:
        """A token for one session of one account, which has proved these methods of authentication."""
        now = clock.now()
        claims = {
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": str(account_id),
            "sid": str(session_id),
            "role": role,
            "amr": list(methods),
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "jti": uuid7_text(),
        }
        signing = self._keys[0]
        return jwt.encode(claims, signing.private, algorithm=ALGORITHM, headers={"kid": signing.kid, "typ": _TYPE})

    def verify(self, token: bytes) -> Claims:
        """What the token says; InvalidToken when it was not issued here, was changed, expired, or its session ended."""
        claims = self._verified.get(token)
        if claims is None:
            claims = self._check(token)
            if len(self._verified) >= _REMEMBERED:
                del self._verified[next(iter(self._verified))]
            self._verified[token] = claims
        if claims.exp <= time():
            del self._verified[token]
            raise InvalidToken(_EXPIRED)
        if claims.sid in self.revoked:
            raise InvalidToken("The session of this access token has ended: sign in again.")
        return claims

    def _check(self, token: bytes) -> Claims:
        if len(token) > _LONGEST:
            raise InvalidToken(_INVALID)
        try:
            header: Mapping[str, object] = jwt.get_unverified_header(token)
            if header.get("typ") != _TYPE:
                raise InvalidToken(_INVALID)
            decoded: object = jwt.decode(
                token,
                self._public[str(header.get("kid"))],
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._issuer,
                leeway=_SKEW,
                options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub"], "strict_aud": True},
            )
            return Claims.model_validate(decoded)
        except jwt.ExpiredSignatureError as error:
            raise InvalidToken(_EXPIRED) from error
        except (jwt.InvalidTokenError, KeyError, ValidationError) as error:
            raise InvalidToken(_INVALID) from error


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


class AccessTokens:
    """Knows callers by their access tokens."""

    bearer: ClassVar[bytes | None] = b""
    errors: ClassVar[tuple[type[AppError], ...]] = ()
    schemes: ClassVar[Mapping[str, Json]] = {
        "accessToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access_token` of `POST /v1/auth/login`",
        }
    }

    def __init__(self, tokens: Tokens, restrictions: Restrictions) -> None:
        self._tokens: Tokens = tokens
        self._restrictions: Restrictions = restrictions

    def caller(self, _method: str, _headers: Headers, token: bytes) -> Principal | Refusal:
        """Whose token it is."""
        try:
            claims = self._tokens.verify(token)
        except InvalidToken as error:
            return Refusal(str(error))
        restriction = self._restrictions.of(claims.role, claims.amr)
        return Principal(claims.sub, claims.sid, claims.role, methods=claims.amr, restriction=restriction)

    def requirement(self, _rule: Rule, *, safe: bool) -> Mapping[str, list[str]] | None:
        """Every rule is satisfied by somebody who signed in."""
        del safe
        return {"accessToken": []}
