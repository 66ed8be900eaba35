"""CODE-3: whoever gets an error gets an id, and that id finds the error in the log."""

import secrets
from collections.abc import Iterator
from http import HTTPStatus

import httpx

from proof.standards.context import PASSWORD, SOME_ID, Context, Json, body, header
from proof.standards.outcome import Outcome, Table, judged

_SIZES = (300_000, 3_000_000, 105_000_000)
_FAIL = """
CREATE FUNCTION scorecard_fails() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'provoked by the scorecard'; END $$
"""
_FAIL_ON = """
CREATE TRIGGER scorecard_fails BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION scorecard_fails()
"""


def check(context: Context) -> Outcome:
    """Provoke every kind of error and look its id up."""
    faults: list[str] = []
    seen: list[tuple[str, ...]] = []
    for status, answer in _provoked(context):
        name = f"{answer.request.method} {answer.request.url.path}"
        found = list(_faults(context, name, status, answer))
        faults += found
        seen.append((str(status), name, header(answer, "x-request-id") or "none", "missing" if found else "found"))
    return judged(
        faults,
        f"{sum(each[3] == 'found' for each in seen)} of {len(seen)}",
        "kinds of error are found in the log by the client's id",
        tables=[Table("Errors provoked", ("status", "request", "X-Request-ID", "in the log"), seen)],
    )


def _faults(context: Context, name: str, status: int, answer: httpx.Response) -> Iterator[str]:
    if answer.status_code != status:
        yield f"{name} answers {answer.status_code}, where {status} was provoked. Read the log of the service."
        return
    request_id = header(answer, "x-request-id")
    if not request_id:
        yield f"{name} answers {status} without X-Request-ID. Keep Exchanges outermost in app/http/stack.py."
        return
    if body(answer).get("request_id") != request_id:
        yield f"{name} answers {status} with another id in the body than {request_id}. Mend app/http/problems.py."
    lines = context.lines(request_id)
    if not any(line.get("status") == status for line in lines):
        yield f"{name} answers {status} and the log has no line with {request_id}. Keep Observe in app/http/stack.py."
    elif answer.is_server_error and not any(line.get("level") == "error" for line in lines):
        yield f"{name} answers {status} and the log does not say why. Log the exception in app/http/problems.py."


def _provoked(context: Context) -> Iterator[tuple[int, httpx.Response]]:
    account: Json = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    with context.client() as client:
        yield 401, client.get("/v1/accounts/me")
        yield 404, client.get(f"/v1/nothing/{SOME_ID}")
        yield 405, client.request("DELETE", "/v1/accounts")
        if any(each.name == "POST /v1/items" for each in context.operations()):
            with context.sign_up() as member:
                member.post("/v1/items", json={"name": "the same"})
                yield 409, member.post("/v1/items", json={"name": "the same"})
        yield 413, _too_large(client)
        yield 415, client.post("/v1/accounts", content=b"<a/>", headers={"content-type": "text/xml"})
        yield 422, client.post("/v1/accounts", json={"email": "nobody"})
        context.execute(_FAIL, _FAIL_ON)
        try:
            doomed = account | {"email": f"{secrets.token_hex(8)}@example.com"}
            yield 500, client.post("/v1/accounts", json=doomed)
        finally:
            context.execute("DROP FUNCTION scorecard_fails CASCADE")


def _too_large(client: httpx.Client) -> httpx.Response:
    """The answer to a body past the limit, which is a setting: up to 100 MiB."""
    headers = {"content-type": "application/json"}
    first, *larger = _SIZES
    answer = client.post("/v1/accounts", content=b" " * first, headers=headers)
    for size in larger:
        if answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            break
        answer = client.post("/v1/accounts", content=b" " * size, headers=headers)
    return answer
