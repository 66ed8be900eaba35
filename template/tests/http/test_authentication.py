"""Access tokens: whatever is not a token of this service, for this service, now, is 401."""

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

from app import defaults
from app.kit import clock
from app.kit.tokens import Key
from tests.conftest import SignUp, Start
from tests.wire import Json, eventually, header, problem

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


def signed(said: Json, *, by: Key | None = None, kid: str | None = "") -> str:
    """A token; by default of the service's key, under its own id."""
    signer = by or key()
    return jwt.encode(
        said,
        signer.private,
        algorithm="EdDSA",
        headers={"kid": signer.kid if kid == "" else kid} if kid is not None else None,
    )


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
        "expired": signed(claims(exp=now - timedelta(seconds=1))),
        "not yet": signed(claims(nbf=now + timedelta(minutes=5))),
        "from the future": signed(claims(iat=now + timedelta(minutes=5))),
        "other audience": signed(claims(aud="somebody-else")),
        "also for us": signed(claims(aud=[defaults.PROJECT_SLUG, "somebody-else"])),
        "other issuer": signed(claims(iss="somebody-else")),
        "foreign key": signed(claims(), by=stranger),
        "foreign key, known kid": signed(claims(), by=stranger, kid=key().kid),
        "no kid": signed(claims(), kid=None),
        "unknown kid": signed(claims(), kid="0" * 16),
        "path as kid": signed(claims(), kid="../../dev/null"),
        "none": _by_hand(claims(), "none"),
        "None": _by_hand(claims(), "None"),
        "HS256 with the raw public key": _by_hand(claims(), "HS256", raw),
        "HS256 with the public PEM": _by_hand(claims(), "HS256", pem),
        "changed claims": f"{head}.{signed(claims(role='admin')).split('.')[1]}.{signature}",
        "changed signature": f"{head}.{middle}.{signature[:-4]}AAAA",
        "no signature": f"{head}.{middle}.",
        "no exp": signed(claims(exp=None)),
        "no sub": signed(claims(sub=None)),
        "no session": signed(claims(sid=None)),
        "no role": signed(claims(role=None)),
        "sub is no id": signed(claims(sub="admin")),
        "nonsense": "x.y.z",
        "no text": "\N{SNOWMAN}",
        "too long": "x" * 5000,
    }


def _by_hand(said: Json, algorithm: str, secret: bytes | None = None) -> str:
    """What an attacker makes, who is not held up by PyJWT's own checks."""
    said = {name: value.timestamp() if isinstance(value, datetime) else value for name, value in said.items()}
    parts = ({"alg": algorithm, "typ": "JWT", "kid": key().kid}, said)
    unsigned = b".".join(_base64(json.dumps(part).encode()) for part in parts)
    signature = hmac.digest(secret, unsigned, hashlib.sha256) if secret is not None else b""
    return (unsigned + b"." + _base64(signature)).decode()


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@pytest.mark.parametrize(
    "kind",
    [
        "expired",
        "not yet",
        "from the future",
        "other audience",
        "also for us",
        "other issuer",
        "foreign key",
        "foreign key, known kid",
        "no kid",
        "unknown kid",
        "path as kid",
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
        "too long",
    ],
)
def test_a_bad_token_is_401(client: httpx.Client, kind: str) -> None:
    response = client.get(ME, headers={b"authorization": f"Bearer {_bad()[kind]}".encode()})

    _ = problem(response, 401, "unauthorized")
    assert header(response, "www-authenticate") == "Bearer"


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Bearer", "Token abc", "bearertoken"])
def test_another_scheme_is_401(client: httpx.Client, authorization: str) -> None:
    _ = problem(asked(client, authorization), 401, "unauthorized")


def test_a_role_that_is_not_named_is_403(client: httpx.Client) -> None:
    response = asked(client, f"Bearer {signed(claims(role='visitor'))}")

    assert "visitor" in str(problem(response, 403, "forbidden")["detail"])


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
        assert asked(client, token).status_code == 200
        assert asked(client, newer).status_code == 200

    with start(AUTH_SIGNING_KEYS=new).connect() as client:
        assert asked(client, token).status_code == 401
        assert asked(client, newer).status_code == 200
