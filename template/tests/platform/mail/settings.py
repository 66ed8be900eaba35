"""What a service has to be given because it sends mail."""

from pathlib import Path

# Nothing listens there.
PRODUCTION = {
    "MAIL_URL": "smtps://127.0.0.1:1",
    "MAIL_SENDER": "service@example.com",
    "MAIL_LINKS": "https://example.com",
}


def of_tests(folder: Path) -> dict[str, str]:
    """For the services of the tests, which may use a folder."""
    return {"MAIL_FOLDER": str(folder / "mail")}


BUSY = "SELECT id FROM mail_outbox"
"""What finds something as long as the service still does something in the background, because of an earlier request."""
