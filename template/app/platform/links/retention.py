"""How long links are kept that nobody used."""

from datetime import timedelta

from app.adapters.retention import Rule
from app.platform.links import repository

_KEPT = timedelta(days=1)

RULES = (
    Rule(
        "links in mails, a day after they have expired",
        lambda session, now, most: repository.forget(session, now - _KEPT, most),
    ),
)
