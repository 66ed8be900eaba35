"""What a service has to be given because it may demand a second factor."""

from pathlib import Path

# Whoever is tested signs in by password; the tests of the demand set their own.
PRODUCTION = {"SECOND_FACTOR_FOR": "nobody"}


def of_tests(_folder: Path) -> dict[str, str]:
    """For the services of the tests."""
    return {}
