"""Who may sign in and out."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import ADMIN, MEMBER, Principal, public, require

CanSignOut = Annotated[Principal, Depends(require("auth:sign-out", MEMBER, ADMIN, signed_in=True, restricted=True))]
CanReadOwnSessions = Annotated[
    Principal, Depends(require("auth:read-sessions", MEMBER, ADMIN, signed_in=True, restricted=True))
]
CanEndOwnSessions = Annotated[
    Principal, Depends(require("auth:end-sessions", MEMBER, ADMIN, signed_in=True, restricted=True))
]

SIGN_IN = public("nobody has a token before they sign in")
RENEW = public("the refresh token itself is the proof, and the access token has usually expired")
