"""What the part `browser` adds to the scorecard can fail."""

import pytest

from proof.standards.checks import sec_2
from proof.standards.context import Context
from tests.proof.conftest import fails


def test_sec_2_sees_a_cookie_that_is_enough_to_change_something(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.platform.browser.authenticator.SAFE_METHODS", {"GET", "POST", "PATCH", "DELETE"})

    fails(
        sec_2.check(context),
        "POST /v1/auth/logout answers 204 to a cookie without its CSRF token, not 403. Declare a rule",
    )
