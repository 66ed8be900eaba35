"""/.well-known/jwks.json: the keys that verify access tokens, for other services that get to see them."""

from typing import Literal

from fastapi import Response
from pydantic import Field

from app.kit import routing
from app.kit.access import public
from app.kit.crypto import base64url
from app.kit.schemas import Out
from app.platform.auth.dependencies import Tokens
from app.platform.auth.tokens import ALGORITHM

router = routing.router("", "auth")

_SECONDS = 300


class PublicKey(Out):
    """One key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    use: Literal["sig"]
    alg: str
    kid: str = Field(description="Stands in the header of every token that the key signed")
    x: str = Field(description="The 32 bytes of the key, in base64url")


class KeySet(Out):
    """A JWK set (RFC 7517)."""

    keys: list[PublicKey]


@router.get("/.well-known/jwks.json", dependencies=[public("public keys are there to be known")])
async def read_keys(tokens: Tokens, response: Response) -> KeySet:
    """Give the keys that verify access tokens.

    Ask again when a token names a key that you do not know; a key is published before it signs.
    """
    response.headers["cache-control"] = f"public, max-age={_SECONDS}"
    return KeySet(
        keys=[
            PublicKey(kty="OKP", crv="Ed25519", use="sig", alg=ALGORITHM, kid=kid, x=base64url(raw))
            for kid, raw in tokens.public_keys.items()
        ]
    )
