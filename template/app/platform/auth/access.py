"""Who may sign in and out."""

from typing import Annotated, cast

from fastapi import Depends, Request, params

from app.kit.access import Principal, public, require
from app.kit.browser import from_own_page
from app.kit.errors import CrossSiteRefused

CanSignOut = Annotated[Principal, Depends(require("auth:sign-out", signed_in=True, enrolling=True))]
CanReadOwnSessions = Annotated[Principal, Depends(require("auth:read-sessions", signed_in=True, enrolling=True))]
CanEndOwnSessions = Annotated[Principal, Depends(require("auth:end-sessions", signed_in=True, enrolling=True))]

SIGN_IN = public("nobody has a token before they sign in")
RENEW = public("the refresh token itself is the proof, and the access token has usually expired")


async def _from_own_page(request: Request) -> None:
    if not from_own_page(dict(cast("list[tuple[bytes, bytes]]", request.scope["headers"]))):
        raise CrossSiteRefused("A page of another site sent this: only a page of this one may.")


FROM_OWN_PAGE = params.Depends(_from_own_page)
"""Refuses what the page of another site has a browser send, where there is no CSRF token yet."""
