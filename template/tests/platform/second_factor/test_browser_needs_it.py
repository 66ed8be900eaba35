"""The sign-in of pages, where an account has a second factor."""

from tests.platform.second_factor.people import Person, code
from tests.wire import header, problem


def test_a_browser_signs_in_with_a_code_too(enrolled: Person) -> None:
    path = "/v1/auth/browser/login"
    refused = enrolled.client.post(path, json=enrolled.credentials)
    _ = problem(refused, 401, "second-factor-needed")
    assert "set-cookie" not in refused.headers

    answer = enrolled.client.post(path, json=enrolled.credentials | {"code": code(enrolled.secret)})
    enrolled.client.cookies.clear()

    assert answer.status_code == 200, answer.text
    assert "__Host-access=" in header(answer, "set-cookie")
