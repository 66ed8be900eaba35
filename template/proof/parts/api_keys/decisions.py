"""SEC-8: a key is made."""

from collections.abc import Iterator

from proof.standards.context import PASSWORD, Answered, Context


def called(context: Context) -> Iterator[Answered]:
    """Make one."""
    wanted = {"name": "A key", "scopes": ["accounts:read-own"], "password": PASSWORD}
    with context.sign_up() as client:
        yield Answered("POST /v1/api-keys", client.post("/v1/api-keys", json=wanted))
