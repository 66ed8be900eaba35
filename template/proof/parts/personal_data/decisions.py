"""SEC-8: the end of an account."""

from collections.abc import Iterator

from proof.standards.context import PASSWORD, Answered, Context


def called(context: Context) -> Iterator[Answered]:
    """Erase one."""
    with context.sign_up() as client:
        erased = client.post("/v1/accounts/me/erasure", json={"password": PASSWORD})
        yield Answered("POST /v1/accounts/me/erasure", erased)
