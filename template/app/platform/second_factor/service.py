"""What the business says about setting up, changing and removing a second factor."""

from app import defaults
from app.adapters.database import Reader, Session
from app.kit.access import Principal
from app.platform.attempts import service as attempts
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.audit import service as audit
from app.platform.auth import proving
from app.platform.auth import service as auth
from app.platform.auth.dependencies import Tokens
from app.platform.passwords import service as passwords
from app.platform.passwords.dependencies import Reauthentication
from app.platform.second_factor import codes, repository, totp
from app.platform.second_factor.challenge import METHODS
from app.platform.second_factor.errors import CodeRefused, NoSecondFactor, SecondFactorActive
from app.platform.second_factor.schemas import (
    Enrolment,
    RecoveryCodes,
    SecondFactorBegin,
    SecondFactorConfirm,
    SecondFactorProof,
    SecondFactorRead,
)

_BEGIN, _CONFIRM = "auth.second-factor-begin", "auth.second-factor-confirm"
_RENEW, _REMOVE = "auth.recovery-codes", "auth.second-factor-removal"


async def read(reader: Reader, caller: Principal) -> SecondFactorRead:
    """Whether the caller has a second factor."""
    return SecondFactorRead(
        active=await repository.is_active(reader, caller.account_id),
        recovery_codes_left=await repository.codes_left(reader, caller.account_id),
    )


async def begin(session: Session, proof: Reauthentication, data: SecondFactorBegin, caller: Principal) -> Enrolment:
    """A secret for the caller's app, which counts for nothing until it is confirmed."""
    account = await proof.of(caller, data.password, event=_BEGIN, session=session)
    secret = totp.new_secret()
    if not await repository.begin(session, account.id, secret):
        raise SecondFactorActive
    await audit.decided(session, _BEGIN, "granted", account_id=account.id)
    issuer = defaults.PROJECT_NAME.replace(":", " ")  # a colon would end the name in the address
    return Enrolment(secret=secret, address=totp.address(secret, account=account.email, issuer=issuer))


async def confirm(
    session: Session, guesses: AttemptCounter, tokens: Tokens, data: SecondFactorConfirm, caller: Principal
) -> RecoveryCodes:
    """Make the second factor count: this session has proved it, and the others end."""
    if await repository.is_active(guesses.database.primary, caller.account_id):
        raise SecondFactorActive
    guess = await codes.begin(guesses, caller.account_id)
    _ = await auth.held(session, caller)
    pending = await repository.locked(session, caller.account_id)
    if pending is None:
        raise NoSecondFactor
    if pending.confirmed_at is not None:
        raise SecondFactorActive
    if not await codes.confirmed(session, caller.account_id, pending.secret, data.code):
        await audit.decided(session, _CONFIRM, "refused", account_id=caller.account_id, reason="wrong code")
        raise CodeRefused
    await codes.succeed(session, guess)
    await proving.prove(session, tokens, caller, *METHODS)
    await audit.decided(session, _CONFIRM, "granted", account_id=caller.account_id)
    return RecoveryCodes(recovery_codes=await codes.new_recovery_codes(session, caller.account_id))


async def renew_codes(
    session: Session, proof: Reauthentication, data: SecondFactorProof, caller: Principal
) -> RecoveryCodes:
    """New recovery codes in place of the old ones."""
    await _prove(session, proof, data, caller, _RENEW)
    return RecoveryCodes(recovery_codes=await codes.new_recovery_codes(session, caller.account_id))


async def remove(
    session: Session, proof: Reauthentication, tokens: Tokens, data: SecondFactorProof, caller: Principal
) -> None:
    """Forget the second factor, and revoke every credential: none of them is what it says of its owner."""
    await _prove(session, proof, data, caller, _REMOVE)
    await repository.remove(session, caller.account_id)
    await auth.revoke_all(session, tokens, caller.account_id)


async def _prove(
    session: Session, proof: Reauthentication, data: SecondFactorProof, caller: Principal, event: str
) -> None:
    account, attempt = await proof.checked(caller, data.password, event=event, session=session)
    # After the password: whoever has stolen a session must not use up its owner's guesses.
    guess = await codes.begin(proof.guesses, caller.account_id)
    _ = await passwords.held(session, caller, account)
    if not await codes.accepted(session, caller.account_id, data.code):
        await audit.decided(session, event, "refused", account_id=caller.account_id, reason="wrong code")
        raise CodeRefused
    await attempts.succeed(session, attempt)
    await codes.succeed(session, guess)
    await audit.decided(session, event, "granted", account_id=caller.account_id)
