"""What the business says about payments."""

import hmac

from pydantic import ValidationError

from app.adapters.database import Session
from app.domain.payments import repository
from app.domain.payments.errors import WrongSignature
from app.domain.payments.schemas import Paid
from app.domain.payments.settings import PaymentSettings
from app.kit.errors import Invalid
from app.platform.audit import service as audit


async def receive(session: Session, body: bytes, signature: str) -> None:
    """Take what the payment provider has signed."""
    secret = PaymentSettings.read().secret.get_secret_value().encode()
    if not hmac.compare_digest(hmac.digest(secret, body, "sha256").hex(), signature):
        await audit.decided(session, "payments.receive", "refused", reason="signature")
        raise WrongSignature
    try:
        paid = Paid.model_validate_json(body)
    except ValidationError as error:
        raise Invalid("This is no payment.") from error
    await repository.add(session, paid)
