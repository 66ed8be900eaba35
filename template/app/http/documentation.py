"""/openapi.json, and /docs with every asset served from here: it works offline and under a strict policy."""

from functools import cache
from importlib.resources import files
from typing import Annotated, cast

from fastapi import FastAPI, Path, Request
from pydantic_core import to_json
from starlette.responses import HTMLResponse, Response

from app.http.openapi import child
from app.kit import routing
from app.kit.access import public
from app.kit.errors import NotFound, answers
from app.kit.schemas import Line

router = routing.router("", "documentation")

# The documentation page runs Swagger UI from this very service. Its CSS is inlined by its own script.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ANYONE = [public("it describes the interface and shows no data")]

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="data:,">
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = b"""SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
});
"""
# A window that other sites open on it, or that it opens, gets no hold of it.
_HEADERS = {"content-security-policy": _POLICY, "cross-origin-opener-policy": "same-origin"}
_TYPES = {".css": "text/css", ".js": "text/javascript"}


@cache
def _asset(name: str) -> bytes:
    return (files("fastapi_swagger") / "resources" / name).read_bytes()


@router.get("/openapi.json", include_in_schema=False, dependencies=_ANYONE, response_class=Response)
async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(to_json(cast("FastAPI", request.app).openapi()), media_type="application/json")


@router.get(
    "/openapi/{version}.json",
    include_in_schema=False,
    dependencies=_ANYONE,
    response_class=Response,
    responses=answers(NotFound),
)
async def openapi_of_version(
    request: Request, version: Annotated[str, Path(pattern="^v[0-9]{1,3}$", max_length=4)]
) -> Response:
    """The OpenAPI document of one version."""
    whole = cast("FastAPI", request.app).openapi()
    paths = {path: found for path, found in child(whole, "paths").items() if path.startswith(f"/{version}/")}
    if not paths:
        raise NotFound
    return Response(to_json(whole | {"paths": paths}), media_type="application/json")


@router.get("/docs", include_in_schema=False, dependencies=_ANYONE, response_class=HTMLResponse)
async def page(request: Request) -> Response:
    """The documentation page."""
    title = cast("FastAPI", request.app).title
    safe = title.replace("&", "&amp;").replace("<", "&lt;")
    return HTMLResponse(_PAGE.format(title=safe), headers=_HEADERS)


@router.get(
    "/docs/{name}",
    include_in_schema=False,
    dependencies=_ANYONE,
    response_class=Response,
    responses=answers(NotFound),
)
async def asset(name: Line) -> Response:
    """What the page loads."""
    if name == "start.js":
        return Response(_START, media_type="text/javascript")
    if name not in {"swagger-ui.css", "swagger-ui-bundle.js"}:
        raise NotFound
    return Response(
        _asset(name), media_type=_TYPES[name[name.rindex(".") :]], headers={"cache-control": "max-age=3600"}
    )
