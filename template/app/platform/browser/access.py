"""Which pages may sign in and renew a session."""

from typing import cast

from fastapi import Request, params

from app.platform.browser.errors import CrossSiteRefused
from app.platform.browser.pages import from_own_page


async def _from_own_page(request: Request) -> None:
    if not from_own_page(dict(cast("list[tuple[bytes, bytes]]", request.scope["headers"]))):
        raise CrossSiteRefused("A page of another site sent this: only a page of this one may.")


FROM_OWN_PAGE = params.Depends(_from_own_page)
"""Refuses what the page of another site has a browser send, where there is no CSRF token yet."""
