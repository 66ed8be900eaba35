"""The second factor over HTTP: set up, signed in with, demanded, removed, and attacked."""

import asyncio
import base64
import re
from functools import partial
from itertools import combinations
from uuid import UUID

import httpx
import jwt
import pytest

from app import defaults
from app.adapters.database.work import Reader, Session
from app.platform.second_factor.challenge import SecondFactorChallenge
from app.platform.second_factor.restriction import SecondFactorDemand
from app.platform.second_factor.settings import SecondFactorSettings
from app.settings import Environment, settings
from tests.conftest import PASSWORD, Sql, Start, email_index, new_address
from tests.platform.second_factor.people import FACTOR, ITEMS, LOGIN, ME, REFRESH, Person, code, new
from tests.wire import Json, Service, at_once, body, header, pointers, problem


def methods(pair: Json) -> object:
    return jwt.decode(str(pair["access_token"]), options={"verify_signature": False})["amr"]


def events(sql: Sql, person: Person) -> list[tuple[object, object, object]]:
    """The decisions about an account, newest first."""
    index = email_index(person.credentials["email"])
    found = sql(
        "SELECT event, outcome, reason FROM audit_entries WHERE outcome <> 'changed' AND subject_id = "
        "(SELECT id::text FROM accounts WHERE email_index = $1) ORDER BY position DESC",
        index,
    )
    return [(each["event"], each["outcome"], each["reason"]) for each in found]


def test_nothing_changes_before_it_is_confirmed(person: Person) -> None:
    assert person.post(FACTOR, password=PASSWORD).status_code == 201

    assert person.sign_in().status_code == 200
    assert body(person.client.get(FACTOR, headers=person.headers)) == {"active": False, "recovery_codes_left": 0}


def test_setting_it_up_ends_the_other_sessions_and_this_one_has_proved_it(person: Person, sql: Sql) -> None:
    other = body(person.sign_in())

    person.enrol()

    assert person.client.get(ME, headers={"authorization": f"Bearer {other['access_token']}"}).status_code == 401
    assert methods(person.pair) == ["pwd"]
    person.refresh()
    assert methods(person.pair) == ["pwd", "otp", "mfa"]
    assert len(set(person.recovery)) == 10
    assert body(person.client.get(FACTOR, headers=person.headers)) == {"active": True, "recovery_codes_left": 10}
    assert ("auth.second-factor-confirm", "granted", None) in events(sql, person)


def test_signing_in_then_takes_a_code(enrolled: Person, sql: Sql) -> None:
    refused = problem(enrolled.sign_in(), 401, "second-factor-needed")
    assert "code" in str(refused["detail"])
    assert events(sql, enrolled)[0] == ("auth.login", "refused", "code missing")

    answer = enrolled.sign_in(code=code(enrolled.secret))

    assert answer.status_code == 200, answer.text
    assert methods(body(answer)) == ["pwd", "otp", "mfa"]
    renewed = enrolled.client.post(REFRESH, json={"refresh_token": body(answer)["refresh_token"]})
    assert methods(body(renewed)) == ["pwd", "otp", "mfa"]


def test_a_code_tells_nothing_without_the_password(enrolled: Person) -> None:
    right = code(enrolled.secret)
    same = {"request_id": ""}

    wrong = problem(enrolled.sign_in(password="wrong horse battery", code=right), 401, "wrong-credentials")
    nobody = problem(enrolled.sign_in(email=new_address(), code=right), 401, "wrong-credentials")

    assert wrong | same == nobody | same
    assert enrolled.sign_in(code=right).status_code == 200


def test_a_code_is_good_once(enrolled: Person, sql: Sql) -> None:
    now, before = code(enrolled.secret), code(enrolled.secret, steps=-1)
    assert enrolled.sign_in(code=now).status_code == 200

    _ = problem(enrolled.sign_in(code=now), 401, "wrong-code")
    _ = problem(enrolled.sign_in(code=before), 401, "wrong-code")
    assert events(sql, enrolled)[0] == ("auth.login", "refused", "wrong code")


def test_of_racing_uses_of_one_code_one_wins(enrolled: Person) -> None:
    now = code(enrolled.secret)

    answers = at_once([partial(enrolled.sign_in, code=now) for _ in range(5)])

    assert sorted(each.status_code for each in answers) == [200, 401, 401, 401, 401]


def test_a_recovery_code_is_good_once_however_it_is_typed(enrolled: Person) -> None:
    typed = enrolled.recovery[3].lower().replace("-", " ")

    assert enrolled.sign_in(code=typed).status_code == 200

    _ = problem(enrolled.sign_in(code=enrolled.recovery[3]), 401, "wrong-code")
    assert enrolled.sign_in(code=enrolled.recovery[4]).status_code == 200
    assert body(enrolled.client.get(FACTOR, headers=enrolled.headers))["recovery_codes_left"] == 8


def test_a_recovery_code_has_140_random_bits(enrolled: Person, client: httpx.Client) -> None:
    other = new(client)
    other.enrol()

    codes = [each.replace("-", "") for each in (*enrolled.recovery, *other.recovery)]

    # 32 letters are 5 bits each.
    assert all(re.fullmatch("[A-Z2-7]{28}", each) for each in codes)
    assert len(set(codes)) == 20
    # Random ones share about one letter in 32 at the same place.
    pairs = [sum(map(str.__eq__, one, two)) for one, two in combinations(codes, 2)]
    assert sum(pairs) / len(pairs) < 28 / 8


def test_the_recovery_code_of_somebody_else_is_wrong(enrolled: Person, client: httpx.Client) -> None:
    other = new(client)
    other.enrol()

    _ = problem(enrolled.sign_in(code=other.recovery[0]), 401, "wrong-code")
    assert other.sign_in(code=other.recovery[0]).status_code == 200


def test_guessing_codes_is_slowed_down_from_everywhere(enrolled: Person, start: Start) -> None:
    service = start(TRUSTED_PROXIES="127.0.0.1")
    wrong = "000000" if code(enrolled.secret) != "000000" else "000001"
    with service.connect() as guesser:

        def guess(place: int, guessed: str) -> httpx.Response:
            sent = enrolled.credentials | {"code": guessed}
            return guesser.post(LOGIN, json=sent, headers={"x-forwarded-for": f"192.0.2.{place}"})

        for place in range(5):
            _ = problem(guess(place, wrong), 401, "wrong-code")

        # The right one, from a place that has guessed nothing.
        refused = guess(77, code(enrolled.secret))
        _ = problem(refused, 429, "too-many-attempts")
        assert header(refused, "retry-after") == "1"


def test_who_has_stolen_a_session_does_not_use_up_the_guesses(enrolled: Person) -> None:
    for _ in range(5):
        _ = problem(enrolled.post(f"{FACTOR}/removal", password="wrong", code="000000"), 403, "wrong-password")
    for _ in range(6):
        _ = problem(enrolled.post(f"{FACTOR}/confirmation", code="000000"), 409, "second-factor-active")

    assert enrolled.sign_in(code=code(enrolled.secret)).status_code in {200, 429}


def test_removing_it_takes_the_password_and_a_code_and_ends_every_session(enrolled: Person, sql: Sql) -> None:
    wrong = "000000" if code(enrolled.secret) != "000000" else "000001"
    removal = f"{FACTOR}/removal"
    _ = problem(enrolled.post(removal, password="wrong", code=code(enrolled.secret)), 403, "wrong-password")
    _ = problem(enrolled.post(removal, password=PASSWORD, code=wrong), 403, "code-refused")
    assert pointers(enrolled.post(removal, password=PASSWORD)) == {"#/code"}

    assert enrolled.post(removal, password=PASSWORD, code=code(enrolled.secret)).status_code == 204

    assert enrolled.client.get(ME, headers=enrolled.headers).status_code == 401
    answer = enrolled.sign_in()
    assert answer.status_code == 200
    assert methods(body(answer)) == ["pwd"]
    assert ("auth.second-factor-removal", "granted", None) in events(sql, enrolled)


def test_beginning_takes_the_password_and_nothing_that_is_active_is_replaced(enrolled: Person) -> None:
    _ = problem(enrolled.post(FACTOR, password="wrong"), 403, "wrong-password")
    _ = problem(enrolled.post(FACTOR, password=PASSWORD), 409, "second-factor-active")

    assert enrolled.sign_in(code=code(enrolled.secret)).status_code == 200


def test_a_wrong_code_confirms_nothing(person: Person) -> None:
    _ = problem(person.post(f"{FACTOR}/confirmation", code="000000"), 409, "no-second-factor")
    secret = str(body(person.post(FACTOR, password=PASSWORD))["secret"])
    anew = str(body(person.post(FACTOR, password=PASSWORD))["secret"])

    _ = problem(person.post(f"{FACTOR}/confirmation", code=code(secret)), 403, "code-refused")

    assert person.sign_in().status_code == 200
    assert person.post(f"{FACTOR}/confirmation", code=code(anew)).status_code == 200


def test_new_recovery_codes_void_the_old_ones(enrolled: Person) -> None:
    answer = enrolled.post(f"{FACTOR}/recovery-codes", password=PASSWORD, code=enrolled.recovery[0])

    assert answer.status_code == 200, answer.text
    fresh: list[str] = answer.json()["recovery_codes"]
    _ = problem(enrolled.sign_in(code=enrolled.recovery[1]), 401, "wrong-code")
    assert enrolled.sign_in(code=fresh[0]).status_code == 200


def test_the_secret_is_encrypted_and_recovery_codes_are_hashed(enrolled: Person, sql: Sql) -> None:
    index = email_index(enrolled.credentials["email"])
    of = "account_id = (SELECT id FROM accounts WHERE email_index = $1)"
    stored = str(sql(f"SELECT * FROM second_factors WHERE {of}", index))  # noqa: S608 - a condition of this test
    hashed = sql(f"SELECT * FROM recovery_codes WHERE {of}", index)  # noqa: S608 - as above

    assert enrolled.secret not in stored
    assert repr(base64.b32decode(enrolled.secret))[2:-1] not in stored
    assert len(hashed) == 10
    assert not [each for each in enrolled.recovery if each in str(hashed) or each.replace("-", "") in str(hashed)]


@pytest.mark.parametrize("field", ["confirmed_at", "secret", "account_id", "last_step"])
def test_unknown_fields_are_refused(person: Person, field: str) -> None:
    refused = person.post(FACTOR, password=PASSWORD, **{field: "x"})

    _ = problem(refused, 422, "invalid")
    assert pointers(refused) == {f"#/{field}"}


def test_a_sign_in_under_way_does_not_go_round_one_that_is_set_up_meanwhile(
    person: Person, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = person.post(FACTOR, password=PASSWORD)
    first = code(str(body(begun)["secret"]))

    def confirm() -> None:
        assert person.post(f"{FACTOR}/confirmation", code=first).status_code == 200

    asked = SecondFactorChallenge.is_demanded

    async def and_then(self: SecondFactorChallenge, reader: Reader | Session, account_id: UUID) -> bool:
        found = await asked(self, reader, account_id)
        if isinstance(reader, Reader):
            await asyncio.to_thread(confirm)
        return found

    monkeypatch.setattr(SecondFactorChallenge, "is_demanded", and_then)
    _ = problem(person.sign_in(), 401, "wrong-credentials")
    assert events(sql, person)[0] == ("auth.login", "refused", "further step just set up")


# Where it is demanded


def test_who_has_to_have_one_may_only_set_it_up(strict: Service, sql: Sql) -> None:
    _ = sql("DELETE FROM sign_in_attempts")
    with strict.connect() as client:
        person = new(client)
        for path in (ME, ITEMS):
            refused = problem(client.get(path, headers=person.headers), 403, "second-factor-required")
            assert FACTOR in str(refused["detail"])
        _ = problem(person.post("/v1/passwords/change", current_password="x", new_password="y" * 12), 403)

        person.enrol()
        person.refresh()

        assert client.get(ME, headers=person.headers).status_code == 200
        assert client.get(ITEMS, headers=person.headers).status_code == 200


@pytest.mark.parametrize(("role", "status"), [("member", 200), ("clerk", 403)])
def test_of_every_role_but_member(start: Start, client: httpx.Client, sql: Sql, role: str, status: int) -> None:
    person = new(client)
    index = email_index(person.credentials["email"])
    _ = sql("UPDATE accounts SET role = $2 WHERE email_index = $1", index, role)
    person.refresh()

    with start(SECOND_FACTOR_FOR="privileged").connect() as demanding:
        assert demanding.get(ME, headers=person.headers).status_code == status


@pytest.mark.parametrize(
    ("derived", "roles"), [("nobody", set[str]()), ("privileged", {"clerk"}), ("everybody", {"clerk", "member"})]
)
def test_production_demands_it_of_whom_the_class_of_the_data_says(
    monkeypatch: pytest.MonkeyPatch, derived: str, roles: set[str]
) -> None:
    def demanded(**chosen: str) -> set[str]:
        demand = SecondFactorDemand(SecondFactorSettings.model_validate(chosen).demanded_of)
        return {role for role in ("clerk", "member") if demand.applies(role, frozenset({"pwd"}))}

    monkeypatch.setattr(defaults, "SECOND_FACTOR_FOR", derived)
    assert demanded() == set()
    production = settings().model_copy(update={"environment": Environment.PRODUCTION})
    monkeypatch.setattr("app.platform.second_factor.settings.settings", lambda: production)

    assert demanded() == roles
    assert demanded(second_factor_for="Nobody") == set()
