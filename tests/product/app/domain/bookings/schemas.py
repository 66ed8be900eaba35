"""The shapes of bookings: what clients send and what they get."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.domain.bookings.models import Status
from app.kit.pagination import Listed
from app.kit.schemas import Exact, In, Line, Moment, Out, Text, Versioned


class LineCreate(In):
    """What is to be paid for one thing."""

    label: Line = Field(examples=["Projector"])
    amount: Annotated[Decimal, Exact(10, 2, least=0)]


class BookingCreate(In):
    """A new booking, which is a draft."""

    company_id: UUID = Field(description="One of your companies", json_schema_extra={"x-refers-to": "/v1/companies"})
    room_id: UUID = Field(description="One of your rooms", json_schema_extra={"x-refers-to": "/v1/rooms"})
    starts_at: Moment = Field(examples=["2030-01-31T09:00:00Z"])
    ends_at: Moment = Field(examples=["2030-01-31T17:00:00Z"])
    tags: Annotated[list[Line], Field(max_length=20)] = Field(default=[])
    notes: Text = ""
    lines: Annotated[list[LineCreate], Field(max_length=50)] = Field(default=[])
    extra_ids: Annotated[list[UUID], Field(max_length=20)] = Field(
        default=[], description="Some of your extras", json_schema_extra={"x-refers-to": "/v1/extras"}
    )

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("it ends after it starts")
        return self


class BookingList(Listed):
    """Which bookings, and in which order."""

    status: Status | None = None
    room_id: UUID | None = None
    sort: Literal["newest", "oldest", "starts_at", "-starts_at"] = "newest"


class BookingRead(Versioned):
    """A booking."""

    owner_id: UUID
    company_id: UUID
    room_id: UUID
    starts_at: datetime
    ends_at: datetime
    status: Status
    tags: list[str]
    price: Decimal
    notes: str
    reference: str | None
    created_at: datetime
    updated_at: datetime


class LineRead(Out):
    """What is to be paid for one thing."""

    model_config = ConfigDict(from_attributes=True)

    label: str
    amount: Decimal


class BookingWhole(BookingRead):
    """A booking with all that belongs to it."""

    model_config = ConfigDict(from_attributes=True)

    lines: list[LineRead]
    extra_ids: list[UUID]


class Found(Out):
    """The bookings whose notes fit best."""

    data: list[BookingRead]


class Told(Out):
    """A booking that was confirmed."""

    booking_id: UUID
    owner_id: UUID


class Occupancy(Out):
    """How many rooms are taken at this moment."""

    rooms: int


@dataclass(frozen=True, slots=True)
class Exported:
    """A row of the export."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    status: Status
    price: Decimal
