"""What is held about a person, over HTTP."""

from app.adapters.database import Reader, Session
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.platform.accounts.dependencies import Passwords
from app.platform.accounts.errors import AccountGone
from app.platform.attempts.dependencies import AttemptCounter
from app.platform.attempts.errors import TooManyAttempts
from app.platform.auth.dependencies import Tokens
from app.platform.personal_data import departures, service
from app.platform.personal_data.access import CanEraseOwnData, CanExportOwnData
from app.platform.personal_data.errors import ErasureRefused, ErasureUnderWay
from app.platform.personal_data.schemas import Erasure, Export, ExportCursor, ExportLimit

router = routing.router("/v1/accounts/me", "accounts")


@router.get("/export", responses=answers(AccountGone, Invalid))
async def export_own_data(
    caller: CanExportOwnData, reader: Reader, limit: ExportLimit = 1000, cursor: ExportCursor = None
) -> Export:
    """Export what is held about you.

    Every row that belongs to your account, without secrets. Follow `next_cursor` until it is null.
    """
    return await service.export(reader, caller, limit, cursor)


@router.post(
    "/erasure",
    status_code=204,
    responses=answers(AccountGone, ErasureRefused, *departures.errors(), TooManyAttempts, ErasureUnderWay),
)
async def erase_own_data(
    data: Erasure,
    *,
    caller: CanEraseOwnData,
    session: Session,
    passwords: Passwords,
    tokens: Tokens,
    guesses: AttemptCounter,
) -> None:
    """Erase your account.

    It and all that belongs to it are deleted for good, and every session ends. A 503 says that some of it is left: send
    the request again.
    """
    return await service.erase(session, passwords, tokens, data, caller, guesses=guesses)
