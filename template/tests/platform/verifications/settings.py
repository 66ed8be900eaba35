"""What a service has to be given because it may want addresses to be confirmed."""

from pathlib import Path

# Whoever is tested signs in at once; the tests of the demand set their own.
PRODUCTION = {"REQUIRE_VERIFIED_EMAIL": "false"}


def of_tests(_folder: Path) -> dict[str, str]:
    """For the services of the tests."""
    return {}
