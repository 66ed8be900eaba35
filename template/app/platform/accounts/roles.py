"""The role of every new account."""

from typing import Final

MEMBER: Final = "member"

roles = (MEMBER,)
