"""Links that prove an address, and accounts that have not proved theirs."""

from tests.platform.mail.mailbox import mail, secret_in
from tests.security.rights import ENDED, HOLDS, NOT_RENEWED, VOID, Answer, Credential, Nature, Somebody, State, Use
from tests.wire import Service

_UNPROVED = Answer(403, "email-not-verified")


def _link(of: Somebody) -> Use:
    sent = {"token": secret_in(mail(of.email, "Confirm your address"))}
    return lambda client: client.post("/v1/email-verifications", json=sent)


def _demand(of: Somebody) -> Service:
    return of.start(REQUIRE_VERIFIED_EMAIL="true")


_ANSWERS = {
    # What is in a token is so until the token expires.
    Nature.SESSION: Answer(when="until it expires"),
    Nature.RENEWAL: NOT_RENEWED,
    Nature.MACHINE: Answer(401, "unauthorized"),
    Nature.PASSWORD: _UNPROVED,
    Nature.CODE: _UNPROVED,
    Nature.ADDRESS_LINK: HOLDS,
    Nature.RESET_LINK: HOLDS,
}


def _confirm(of: Somebody) -> None:
    answer = _link(of)(of.connect())
    assert answer.status_code == 204, answer.text


# Its first proof may be the work of somebody else than whoever signed up.
_CONFIRMED = {
    Nature.SESSION: ENDED,
    Nature.RENEWAL: NOT_RENEWED,
    Nature.MACHINE: ENDED,
    Nature.PASSWORD: HOLDS,
    Nature.CODE: HOLDS,
    Nature.ADDRESS_LINK: VOID,
    Nature.RESET_LINK: HOLDS,
}

CREDENTIALS = (Credential("link that confirms an address", Nature.ADDRESS_LINK, _link, once=True),)
STATES = (
    State("never confirmed its address, where that is demanded", _ANSWERS, _demand),
    State("confirmed its address for the first time", _CONFIRMED, _confirm),
)
