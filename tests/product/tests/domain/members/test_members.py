"""Members over HTTP."""

import httpx

from tests.nouns import made
from tests.wire import body, problem, rows

UNKNOWN = "0190a0a0-0000-7000-8000-000000000000"


def test_an_account_joins_a_company_once(someone: httpx.Client, someone_else: httpx.Client) -> None:
    members = f"/v1/companies/{made(someone, '/v1/companies')}/members"
    account = body(someone_else.get("/v1/accounts/me"))["id"]

    joined = someone.post(members, json={"account_id": account})

    assert joined.status_code == 201, joined.text
    assert rows(someone.get(members)) == [body(joined)]
    _ = problem(someone.post(members, json={"account_id": account}), 409, "member-already")
    _ = problem(someone.post(members, json={"account_id": UNKNOWN}), 404, "member-not-found")


def test_the_sessions_of_who_is_removed_end(someone: httpx.Client, someone_else: httpx.Client) -> None:
    members = f"/v1/companies/{made(someone, '/v1/companies')}/members"
    account = body(someone_else.get("/v1/accounts/me"))["id"]
    member = body(someone.post(members, json={"account_id": account}))["id"]

    assert someone.delete(f"{members}/{member}").status_code == 204

    assert rows(someone.get(members)) == []
    _ = problem(someone_else.get("/v1/accounts/me"), 401)
    _ = problem(someone.delete(f"{members}/{member}"), 404, "member-not-found")


def test_who_belongs_to_a_company_is_its_owners_to_say(someone: httpx.Client, someone_else: httpx.Client) -> None:
    members = f"/v1/companies/{made(someone, '/v1/companies')}/members"
    account = body(someone_else.get("/v1/accounts/me"))["id"]

    _ = problem(someone_else.post(members, json={"account_id": account}), 404, "company-not-found")
    _ = problem(someone_else.get(members), 404, "company-not-found")
