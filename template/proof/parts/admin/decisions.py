"""SEC-8: what an admin does with an account."""

from collections.abc import Iterator

from proof.standards.context import Answered, Context, body


def called(context: Context) -> Iterator[Answered]:
    """Find it, end its sessions, disable it."""
    credentials = context.join()
    with context.sign_up("admin") as admin:
        found = admin.post("/v1/admin/accounts/lookups", json={"email": credentials["email"]})
        yield Answered("POST /v1/admin/accounts/lookups", found)
        account = f"/v1/admin/accounts/{body(found).get('id')}"
        sessions = admin.delete(f"{account}/sessions")
        yield Answered("DELETE /v1/admin/accounts/{account_id}/sessions", sessions)
        changed = admin.patch(account, json={"disabled": True})
        yield Answered("PATCH /v1/admin/accounts/{account_id}", changed)
