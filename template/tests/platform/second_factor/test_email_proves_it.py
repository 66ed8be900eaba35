"""A second factor that a stranger set up keeps no owner out."""

from tests.platform.mail.mailbox import mail, secret_in
from tests.platform.second_factor.people import FACTOR, Person
from tests.wire import body


def test_the_first_proof_of_an_address_takes_it_off_and_a_later_one_does_not(enrolled: Person) -> None:
    address = str(enrolled.credentials["email"])
    sent = {"token": secret_in(mail(address, "Confirm your address"))}
    assert enrolled.client.post("/v1/email-verifications", json=sent).status_code == 204

    answer = enrolled.sign_in()
    assert answer.status_code == 200, answer.text
    enrolled.pair = body(answer)
    left = {"active": False, "recovery_codes_left": 0}
    assert body(enrolled.client.get(FACTOR, headers=enrolled.headers)) == left

    enrolled.enrol()
    assert enrolled.client.post("/v1/passwords/reset-requests", json={"email": address}).status_code == 202
    reset = {"token": secret_in(mail(address, "Choose a new password")), "password": "7 grey kettles"}
    assert enrolled.client.post("/v1/passwords/resets", json=reset).status_code == 204

    assert enrolled.sign_in(password="7 grey kettles").json()["type"] == "urn:problem:second-factor-needed"


def test_one_that_is_only_begun_is_gone_too(person: Person) -> None:
    begun = person.post(FACTOR, password=person.credentials["password"])
    assert begun.status_code == 201, begun.text
    sent = {"token": secret_in(mail(str(person.credentials["email"]), "Confirm your address"))}
    assert person.client.post("/v1/email-verifications", json=sent).status_code == 204

    person.pair = body(person.sign_in())

    answer = person.post(f"{FACTOR}/confirmation", code="000000")
    assert body(answer)["type"] == "urn:problem:no-second-factor"
