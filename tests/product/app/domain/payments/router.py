"""Payments over HTTP."""

from typing import Annotated

from fastapi import Header, Request

from app.adapters.database import Session
from app.domain.bookings.errors import BookingNotFound
from app.domain.payments import service
from app.domain.payments.errors import WrongSignature
from app.kit import routing
from app.kit.access import public
from app.kit.errors import Invalid, answers
from app.kit.limits import limits

router = routing.router("/v1/payments", "payments")

Signature = Annotated[str, Header(alias="X-Signature", pattern="^[0-9a-f]{64}$", max_length=64)]


@router.post(
    "",
    status_code=204,
    dependencies=[
        public("the payment provider has no account, and signs what it sends"),
        limits(body=10_000, rate="600/60"),
    ],
    responses=answers(WrongSignature, BookingNotFound, Invalid),
)
async def receive_payment(request: Request, signature: Signature, session: Session) -> None:
    """Tell of a payment.

    The signature is the HMAC-SHA-256 of the body, in hexadecimal digits. A payment may be sent again.
    """
    await service.receive(session, await request.body(), signature)
