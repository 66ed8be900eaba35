"""What can go wrong with bookings; each says its own status."""

from app.domain.companies.errors import CompanyNotFound
from app.domain.extras.errors import ExtraNotFound
from app.domain.rooms.errors import RoomNotFound
from app.kit.errors import Conflict, Invalid, NotFound, type_by_constraint


class BookingNotFound(NotFound):
    """You have no booking with this id."""


class RoomTaken(Conflict, constraint="ex_bookings_room_id_during"):
    """The room is taken at that time."""


class BookingSettled(Conflict):
    """The booking is confirmed or cancelled already."""


class ExtraNamedTwice(Invalid, constraint="uq_booking_extras_booking_id_extra_id"):
    """One of the extras is named twice."""


# What is looked up before the change may be deleted before its end.
type_by_constraint["fk_booking_extras_extra_id_extras"] = ExtraNotFound
type_by_constraint["fk_bookings_company_id_companies"] = CompanyNotFound
type_by_constraint["fk_bookings_room_id_rooms"] = RoomNotFound
