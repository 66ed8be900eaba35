"""How long wrong passwords are remembered."""

from app.adapters.retention import Rule
from app.platform.attempts import repository

RULES = (Rule("counts of wrong passwords that no longer count", repository.forget),)
