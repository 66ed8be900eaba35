"""Access tokens: whatever is not a token of this service, for this service, now, is 401."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import secrets
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import Request

from app import defaults
from app.kit import clock
from app.kit.access import Principal, Rule, require
from app.kit.crypto import new_secret
from app.kit.errors import Forbidden
from app.platform.auth.tokens import Key
from tests.conftest import SignUp, Start
from tests.wire import Json, eventually, header, problem, rows

ME = "/v1/accounts/me"


def key() -> Key:
    """The key that the service signs with."""
    return Key.from_seed(bytes.fromhex(os.environ["AUTH_SIGNING_KEYS"]))


def claims(**changed: object) -> Json:
    """What a good token says, but for the changes; None leaves a claim out."""
    now = clock.now()
    good: Json = {
        "iss": defaults.PROJECT_SLUG,
        "aud": defaults.PROJECT_SLUG,
        "sub": str(uuid4()),
        "sid": str(uuid4()),
        "role": "member",
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(minutes=5),
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(said: Json, *, by: Key | None = None, **header: object) -> str:
    """A token; by default of the service's key, under its own id. None leaves a header out."""
    signer = by or key()
    good: Json = {"kid": signer.kid, "typ": "at+jwt"}
    # PyJWT writes a type of its own where there is none, unless it is empty.
    wanted = {name: value for name, value in (good | header).items() if value is not None or name == "typ"}
    return jwt.encode(said, signer.private, algorithm="EdDSA", headers=wanted)


def asked(client: httpx.Client, authorization: str) -> httpx.Response:
    return client.get(ME, headers={"authorization": authorization})


def test_a_good_token_is_somebody(client: httpx.Client) -> None:
    # It is nobody's account, but the token holds: 404, not 401.
    _ = problem(asked(client, f"Bearer {signed(claims())}"), 404, "account-gone")
    _ = problem(asked(client, f"bearer {signed(claims())}"), 404, "account-gone")


def _bad() -> dict[str, str]:
    now = clock.now()
    stranger = Key.from_seed(secrets.token_bytes(32))
    raw = key().public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    pem = key().public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    good = signed(claims())
    head, middle, signature = good.split(".")
    return {
        "expired long ago": signed(claims(exp=now - timedelta(days=1))),
        "expired": signed(claims(exp=now - timedelta(seconds=1))),
        "not yet": signed(claims(nbf=now + timedelta(minutes=5))),
        "expired within the clocks' difference": signed(claims(exp=now)),
        "from the future": signed(claims(iat=now + timedelta(minutes=5))),
        "other audience": signed(claims(aud="somebody-else")),
        "also for us": signed(claims(aud=[defaults.PROJECT_SLUG, "somebody-else"])),
        "other issuer": signed(claims(iss="somebody-else")),
        "foreign key": signed(claims(), by=stranger),
        "foreign key, known kid": signed(claims(), by=stranger, kid=key().kid),
        "no kid": signed(claims(), kid=None),
        "unknown kid": signed(claims(), kid="0" * 16),
        "path as kid": signed(claims(), kid="../../dev/null"),
        "another kind of JWT": signed(claims(), typ="JWT"),
        "no kind": signed(claims(), typ=None),
        "an extension that must be understood": signed(claims(), crit=["never"], never=True),
        "a key of its own": _own_key(stranger),
        "none": _by_hand(claims(), "none"),
        "None": _by_hand(claims(), "None"),
        "HS256 with the raw public key": _by_hand(claims(), "HS256", raw),
        "HS256 with the public PEM": _by_hand(claims(), "HS256", pem),
        "changed claims": f"{head}.{signed(claims(role='root')).split('.')[1]}.{signature}",
        "changed signature": f"{head}.{middle}.{signature[:-4]}AAAA",
        "no signature": f"{head}.{middle}.",
        "no exp": signed(claims(exp=None)),
        "no sub": signed(claims(sub=None)),
        "no session": signed(claims(sid=None)),
        "no role": signed(claims(role=None)),
        "sub is no id": signed(claims(sub="nobody")),
        "nonsense": "x.y.z",
        "no text": "\N{SNOWMAN}",
        "good but too long": signed(claims(padding="x" * 4096)),
    }


def _own_key(stranger: Key) -> str:
    """Signed by a key that the token itself brings along."""
    raw = stranger.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    brought = {"kty": "OKP", "crv": "Ed25519", "x": _base64(raw).decode()}
    return signed(claims(), by=stranger, kid=None, jwk=brought, jku="https://example.com/keys")


def _by_hand(said: Json, algorithm: str, secret: bytes | None = None) -> str:
    """What an attacker makes, who is not held up by PyJWT's own checks."""
    said = {name: value.timestamp() if isinstance(value, datetime) else value for name, value in said.items()}
    parts = ({"alg": algorithm, "typ": "at+jwt", "kid": key().kid}, said)
    unsigned = b".".join(_base64(json.dumps(part).encode()) for part in parts)
    signature = hmac.digest(secret, unsigned, hashlib.sha256) if secret is not None else b""
    return (unsigned + b"." + _base64(signature)).decode()


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@pytest.mark.parametrize(
    "kind",
    [
        "expired long ago",
        "expired",
        "not yet",
        "expired within the clocks' difference",
        "from the future",
        "other audience",
        "also for us",
        "other issuer",
        "foreign key",
        "foreign key, known kid",
        "no kid",
        "unknown kid",
        "path as kid",
        "another kind of JWT",
        "no kind",
        "an extension that must be understood",
        "a key of its own",
        "none",
        "None",
        "HS256 with the raw public key",
        "HS256 with the public PEM",
        "changed claims",
        "changed signature",
        "no signature",
        "no exp",
        "no sub",
        "no session",
        "no role",
        "sub is no id",
        "nonsense",
        "no text",
        "good but too long",
    ],
)
def test_a_bad_token_is_401(client: httpx.Client, kind: str) -> None:
    response = client.get(ME, headers={b"authorization": f"Bearer {_bad()[kind]}".encode()})

    _ = problem(response, 401, "unauthorized")
    assert header(response, "www-authenticate") == "Bearer"


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Bearer", "Token abc", "bearertoken"])
def test_another_scheme_is_401(client: httpx.Client, authorization: str) -> None:
    _ = problem(asked(client, authorization), 401, "unauthorized")


def test_the_clock_of_the_instance_that_signed_may_be_a_little_ahead(client: httpx.Client) -> None:
    ahead = clock.now() + timedelta(seconds=2)

    _ = problem(asked(client, f"Bearer {signed(claims(iat=ahead, nbf=ahead))}"), 404)


def test_a_refresh_token_is_no_access_token(client: httpx.Client) -> None:
    _ = problem(asked(client, f"Bearer {new_secret()}"), 401, "unauthorized")


def test_a_proof_that_is_limited_is_good_for_nothing_else() -> None:
    rule = require("items:read")

    def asked_by(*scopes: str) -> Principal:
        caller = Principal(uuid4(), None, "member", frozenset(scopes))
        return asyncio.run(rule(Request({"type": "http", "caller": caller})))

    assert asked_by("items:write", "items:read").role == "member"
    with pytest.raises(Forbidden, match="does not grant `items:read`"):
        _ = asked_by("items:write")


def test_a_role_that_is_not_named_is_403() -> None:
    def asked_by(rule: Rule) -> Principal:
        caller = Principal(uuid4(), None, "visitor")
        return asyncio.run(rule(Request({"type": "http", "caller": caller})))

    assert asked_by(require("items:read")).role == "visitor"
    assert asked_by(require("items:read", "visitor", "keeper")).role == "visitor"
    with pytest.raises(Forbidden, match="visitor"):
        _ = asked_by(require("items:read", "keeper"))


def test_a_token_expires_even_when_it_was_seen_before(client: httpx.Client) -> None:
    token = signed(claims(exp=clock.now() + timedelta(seconds=1.2)))
    _ = problem(asked(client, f"Bearer {token}"), 404)

    eventually(lambda: asked(client, f"Bearer {token}").status_code == 401)

    assert "expired" in str(problem(asked(client, f"Bearer {token}"), 401)["detail"])


def test_keys_are_rotated_without_signing_anybody_out(start: Start, sign_up: SignUp) -> None:
    old, new = secrets.token_hex(32), secrets.token_hex(32)
    before = sign_up(start(AUTH_SIGNING_KEYS=old))
    token = before.headers["authorization"]

    during = start(AUTH_SIGNING_KEYS=f"{new}, {old}")
    newer = sign_up(during).headers["authorization"]
    with during.connect() as client:
        assert len(rows(client.get("/.well-known/jwks.json"), "keys")) == 2
        assert asked(client, token).status_code == 200
        assert asked(client, newer).status_code == 200

    with start(AUTH_SIGNING_KEYS=new).connect() as client:
        assert asked(client, token).status_code == 401
        assert asked(client, newer).status_code == 200
