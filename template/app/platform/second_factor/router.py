"""The second factor over HTTP."""

from app.adapters.database import Reader, Session
from app.kit import routing
from app.kit.errors import answers
from app.platform.accounts.errors import AccountGone
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.attempts.errors import TooManyAttempts
from app.platform.auth.dependencies import Tokens
from app.platform.passwords.dependencies import Reauthentication
from app.platform.passwords.errors import WrongPassword
from app.platform.second_factor import service
from app.platform.second_factor.access import CanManageOwnSecondFactor
from app.platform.second_factor.errors import CodeRefused, NoSecondFactor, SecondFactorActive
from app.platform.second_factor.schemas import (
    Enrolment,
    RecoveryCodes,
    SecondFactorBegin,
    SecondFactorConfirm,
    SecondFactorProof,
    SecondFactorRead,
)

router = routing.router("/v1/auth/second-factor", "second factor")


@router.get("")
async def read_second_factor(caller: CanManageOwnSecondFactor, reader: Reader) -> SecondFactorRead:
    """Read whether you have a second factor.

    And how many recovery codes you have not used.
    """
    return await service.read(reader, caller)


@router.post("", status_code=201, responses=answers(AccountGone, WrongPassword, TooManyAttempts, SecondFactorActive))
async def begin_second_factor(
    data: SecondFactorBegin, caller: CanManageOwnSecondFactor, session: Session, proof: Reauthentication
) -> Enrolment:
    """Begin to set up a second factor.

    Give the answer to an authenticator app, then confirm with a code that the app shows. Nothing changes before that.
    """
    return await service.begin(session, proof, data, caller)


@router.post("/confirmation", responses=answers(CodeRefused, TooManyAttempts, NoSecondFactor, SecondFactorActive))
async def confirm_second_factor(
    data: SecondFactorConfirm,
    caller: CanManageOwnSecondFactor,
    session: Session,
    guesses: AttemptCounter,
    tokens: Tokens,
) -> RecoveryCodes:
    """Confirm your second factor.

    From now on signing in takes a code. Your other sessions end; refresh this one, and its tokens say that it has
    proved the second factor. Keep the recovery codes: they are shown this once.
    """
    return await service.confirm(session, guesses, tokens, data, caller)


@router.post("/recovery-codes", responses=answers(AccountGone, WrongPassword, CodeRefused, TooManyAttempts))
async def renew_recovery_codes(
    data: SecondFactorProof, caller: CanManageOwnSecondFactor, session: Session, proof: Reauthentication
) -> RecoveryCodes:
    """Make new recovery codes.

    The old ones are void. It needs your password and a code.
    """
    return await service.renew_codes(session, proof, data, caller)


@router.post("/removal", status_code=204, responses=answers(AccountGone, WrongPassword, CodeRefused, TooManyAttempts))
async def remove_second_factor(
    data: SecondFactorProof, caller: CanManageOwnSecondFactor, session: Session, proof: Reauthentication, tokens: Tokens
) -> None:
    """Remove your second factor.

    It needs your password and a code. Your sessions end, and so does every other credential that you were given.
    """
    return await service.remove(session, proof, tokens, data, caller)
