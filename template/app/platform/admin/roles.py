"""The role of those who look after the accounts of others."""

from typing import Final

ADMIN: Final = "admin"

roles = (ADMIN,)
