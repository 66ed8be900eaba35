"""Accounts over HTTP."""

from app.adapters.database import Reader, Session
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.platform.accounts import service
from app.platform.accounts.access import SIGN_UP, CanReadOwnAccount
from app.platform.accounts.dependencies import Passwords
from app.platform.accounts.errors import AccountGone
from app.platform.accounts.schemas import AccountCreate, AccountRead, SignedUp

router = routing.router("/v1/accounts", "accounts")


@router.post("", status_code=202, dependencies=[SIGN_UP], responses=answers(Invalid))
async def create_account(data: AccountCreate, session: Session, passwords: Passwords) -> SignedUp:
    """Create an account.

    The answer is the same when the address has one already, whose password stays as it is. Then sign in with
    `POST /v1/auth/login`.
    """
    return await service.create(session, passwords, data)


@router.get("/me", responses=answers(AccountGone))
async def read_own_account(caller: CanReadOwnAccount, reader: Reader) -> AccountRead:
    """Read your own account."""
    return await service.get(reader, caller)
