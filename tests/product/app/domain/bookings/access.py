"""Who may do what with bookings. Whose bookings they are is part of every query."""

from typing import Annotated

from fastapi import Depends

from app.domain.bookings.roles import MANAGER
from app.kit.access import Principal, require

CanReadBookings = Annotated[Principal, Depends(require("bookings:read"))]
CanWriteBookings = Annotated[Principal, Depends(require("bookings:write"))]
CanConfirmBookings = Annotated[Principal, Depends(require("bookings:confirm", MANAGER))]
