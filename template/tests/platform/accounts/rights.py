"""What is left of an account whose row is gone."""

from tests.security.rights import ENDED, NOT_RENEWED, VOID, WRONG, Nature, Somebody, State


def _delete(of: Somebody) -> None:
    _ = of.sql("DELETE FROM accounts WHERE email_index = $1", of.index)


GONE = {
    Nature.SESSION: ENDED,
    Nature.RENEWAL: NOT_RENEWED,
    Nature.MACHINE: ENDED,
    Nature.PASSWORD: WRONG,
    Nature.CODE: WRONG,
    Nature.ADDRESS_LINK: VOID,
    Nature.RESET_LINK: VOID,
}

STATES = (State("deleted in the database", GONE, _delete, outside=True),)
