"""What the business says about accounts."""

from app.adapters.database import Reader, Session
from app.domain.accounts import repository
from app.domain.accounts.errors import AccountGone, EmailTaken
from app.domain.accounts.schemas import AccountCreate, AccountRead
from app.kit.access import Principal
from app.kit.passwords import Hasher


async def create(session: Session, passwords: Hasher, data: AccountCreate) -> AccountRead:
    """A new account."""
    hashed = await passwords.hash(data.password.get_secret_value())
    if await repository.is_taken(session, data.email):
        raise EmailTaken
    return await repository.add(session, data.email, hashed)


async def get(reader: Reader, caller: Principal) -> AccountRead:
    """The caller's own account."""
    account = await repository.by_id(reader, caller.account_id)
    if account is None:
        raise AccountGone
    return account
