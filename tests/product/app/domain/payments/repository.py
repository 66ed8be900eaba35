"""Every statement about payments, compiled once."""

from sqlalchemy.dialects.postgresql import insert

from app.adapters.database import Command, Session, arguments
from app.domain.payments.models import Payment
from app.domain.payments.schemas import Paid

_ADD: Command[dict[str, object]] = Command(
    insert(Payment).values(arguments(*Paid.model_fields)).on_conflict_do_nothing(), dict
)


async def add(session: Session, paid: Paid) -> None:
    """Store a payment, unless it is known."""
    fields: dict[str, object] = paid.model_dump()
    _ = await session.one(_ADD, **fields)
