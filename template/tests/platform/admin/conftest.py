"""Whoever may manage the others."""

import httpx
import pytest

from tests.conftest import SignUp


@pytest.fixture
def admin(sign_up: SignUp) -> httpx.Client:
    """The client of an account that may manage the others."""
    return sign_up(role="admin")
