"""Occupancy over HTTP."""

from fastapi import Response

from app.adapters.database import Reader
from app.domain.bookings import service as bookings
from app.domain.bookings.schemas import Occupancy
from app.kit import routing
from app.kit.access import public
from app.kit.limits import limits

router = routing.router("/v1/occupancy", "occupancy")


@router.get("", dependencies=[public("the front page shows it to visitors"), limits(rate="10/60")])
async def read_occupancy(response: Response, reader: Reader) -> Occupancy:
    """Read how many rooms are taken at this moment."""
    response.headers["cache-control"] = "public, max-age=60"
    return await bookings.occupancy(reader)
