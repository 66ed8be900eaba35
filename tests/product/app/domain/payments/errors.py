"""What can go wrong with payments; each says its own status."""

from app.domain.bookings.errors import BookingNotFound
from app.kit.errors import Forbidden, type_by_constraint


class WrongSignature(Forbidden, keeps_writes=True):
    """The signature is not that of the body."""


type_by_constraint["fk_payments_booking_id_bookings"] = BookingNotFound
