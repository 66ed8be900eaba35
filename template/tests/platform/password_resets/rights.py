"""Links that set a password, and what a reset leaves good."""

from tests.platform.mail.mailbox import mail, secret_in
from tests.security.rights import ENDED, HOLDS, NOT_RENEWED, VOID, WRONG, Credential, Nature, Somebody, State, Use


def _link(of: Somebody) -> Use:
    sent = {"token": _secret(of), "password": "7 grey kettles"}
    return lambda client: client.post("/v1/passwords/resets", json=sent)


def _secret(of: Somebody) -> str:
    assert of.connect().post("/v1/passwords/reset-requests", json={"email": of.email}).status_code == 202
    return secret_in(mail(of.email, "Choose a new password"))


def _reset(of: Somebody) -> None:
    sent = {"token": _secret(of), "password": "8 grey kettles"}
    answer = of.connect().post("/v1/passwords/resets", json=sent)
    assert answer.status_code == 204, answer.text


def confirmed(of: Somebody) -> None:
    """The address was confirmed before, though not with the link in its first mail."""
    assert mail(of.email, "Confirm your address")
    _ = of.sql("INSERT INTO confirmed_addresses (account_id) SELECT id FROM accounts WHERE email_index = $1", of.index)


_ANSWERS = {
    Nature.SESSION: ENDED,
    Nature.RENEWAL: NOT_RENEWED,
    Nature.MACHINE: ENDED,
    Nature.PASSWORD: WRONG,
    Nature.CODE: WRONG,
    Nature.ADDRESS_LINK: HOLDS,
    Nature.RESET_LINK: VOID,
}

CREDENTIALS = (Credential("link that sets a password", Nature.RESET_LINK, _link, once=True),)
STATES = (State("password reset by mail", _ANSWERS, _reset, confirmed),)
