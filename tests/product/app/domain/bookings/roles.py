"""The roles that bookings have."""

from typing import Final

MANAGER: Final = "manager"

roles = (MANAGER,)
