"""What an admin takes from an account."""

from tests.conftest import new_address
from tests.security.rights import ENDED, HOLDS, NOT_RENEWED, VOID, Answer, Nature, Somebody, State

_KEPT_OUT = Answer(403, "account-disabled")


def _changed(of: Somebody, change: dict[str, object]) -> None:
    admin = Somebody(of.service, of.sql, of.start, of.stack, new_address())
    admin.sign_up()
    admin.column("role", "admin")
    admin.pair = admin.sign_in()
    [account] = of.sql("SELECT id FROM accounts WHERE email_index = $1", of.index)
    client = admin.connect()
    client.headers["authorization"] = f"Bearer {admin.pair['access_token']}"
    answer = client.patch(f"/v1/admin/accounts/{account['id']}", json=change)
    assert answer.status_code == 200, answer.text


_DISABLED = {
    Nature.SESSION: ENDED,
    Nature.RENEWAL: NOT_RENEWED,
    Nature.MACHINE: ENDED,
    Nature.PASSWORD: _KEPT_OUT,
    Nature.CODE: _KEPT_OUT,
    Nature.ADDRESS_LINK: VOID,
    Nature.RESET_LINK: VOID,
}
_LOWERED = {
    **dict.fromkeys(Nature, HOLDS),
    Nature.SESSION: ENDED,
    Nature.RENEWAL: NOT_RENEWED,
    Nature.MACHINE: Answer(when="with the new role, 30 s"),
}

STATES = (
    State("disabled by an admin", _DISABLED, lambda of: _changed(of, {"disabled": True})),
    State(
        "role lowered by an admin",
        _LOWERED,
        lambda of: _changed(of, {"role": "member"}),
        lambda of: of.column("role", "admin"),
    ),
)
