"""The shape of what the payment provider sends."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from app.kit.schemas import Exact, In


class Paid(In):
    """A payment; its id stays the same when it is sent again."""

    id: UUID
    booking_id: UUID
    amount: Annotated[Decimal, Exact(12, 2, least=0)]
