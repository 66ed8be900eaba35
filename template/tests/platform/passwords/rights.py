"""What a new password leaves good."""

from click.testing import CliRunner

from app.platform.passwords.cli import commands
from tests.security.rights import ENDED, HOLDS, NOT_RENEWED, VOID, WRONG, Nature, Somebody, State

_NEW = "7 grey kettles"


def _change(of: Somebody) -> None:
    answer = of.post("/v1/passwords/change", current_password=of.password, new_password=_NEW)
    assert answer.status_code == 204, answer.text


def _set(of: Somebody) -> None:
    done = CliRunner().invoke(commands[0], [of.email], env={"NEW_PASSWORD": _NEW})
    assert done.exit_code == 0, done.output


_CHANGED = {
    Nature.SESSION: ENDED,
    Nature.RENEWAL: NOT_RENEWED,
    Nature.MACHINE: HOLDS,
    Nature.PASSWORD: WRONG,
    Nature.CODE: WRONG,
    Nature.ADDRESS_LINK: HOLDS,
    Nature.RESET_LINK: VOID,
}

STATES = (
    State("password changed in another session", _CHANGED, _change),
    State("password set by an operator", _CHANGED | {Nature.MACHINE: ENDED}, _set, outside=True),
)
