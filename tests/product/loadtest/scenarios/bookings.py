"""What people do with bookings, and how often."""

import random
from datetime import UTC, datetime, timedelta

from locust import task
from typing_extensions import override

from loadtest.scenarios.companies import CompaniesVisitor
from loadtest.scenarios.rooms import RoomsVisitor
from proof.load.visitor import Json, Visitor

_FIRST_DAY = datetime(2030, 1, 1, tzinfo=UTC)


class BookingsVisitor(Visitor):
    """Somebody who books rooms of their own company."""

    path: str = "/v1/bookings"

    @override
    def example(self) -> Json:
        starts_at = _FIRST_DAY + timedelta(hours=random.randrange(20_000))
        return {
            "company_id": self.one_of(CompaniesVisitor),
            "room_id": self.one_of(RoomsVisitor),
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(hours=2)).isoformat(),
            "tags": ["board"],
            "notes": "two large whiteboards",
            "lines": [{"label": "Room", "amount": "100.10"}, {"label": "Projector", "amount": "19.95"}],
        }

    @task(45)
    def read_booking(self) -> None:
        """Open one that exists."""
        self.call("GET /v1/bookings/{booking_id}", booking_id=self.known())

    @task(25)
    def list_drafts(self) -> None:
        """Look at the drafts, the latest first."""
        self.call("GET /v1/bookings", query={"limit": "20", "status": "draft", "sort": "-starts_at"})

    @task(10)
    def search_bookings(self) -> None:
        """Look for words of the notes."""
        self.call("GET /v1/bookings/search", query={"q": "whiteboard"})

    @task(20)
    def create_booking(self) -> None:
        """Make a draft."""
        self.call("POST /v1/bookings", body=self.example())
