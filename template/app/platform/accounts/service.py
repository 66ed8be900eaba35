"""What the business says about accounts, and what other nouns may ask of them."""

from app.adapters.database import Reader, Session
from app.kit.access import Principal
from app.platform.accounts import notices, repository
from app.platform.accounts.dependencies import Passwords
from app.platform.accounts.errors import AccountGone
from app.platform.accounts.notices import Notice
from app.platform.accounts.passwords import refuse_guessable
from app.platform.accounts.schemas import AccountCreate, AccountRead, SignedUp
from app.platform.audit import service as audit

add, set_password = repository.add, repository.set_password
credentials, credentials_of, locked = repository.credentials, repository.credentials_of, repository.locked


async def create(session: Session, passwords: Passwords, data: AccountCreate) -> SignedUp:
    """A new account, unless the address has one; the work and the answer are the same either way."""
    password = data.password.get_secret_value()
    refuse_guessable(password, data.email, field="password")
    hashed = await passwords.hash(password)
    made = await repository.add(session, data.email, hashed)
    if made is None:
        # An entry of its own: as much work as a new account with its entry.
        await audit.decided(session, "accounts.create", "refused", reason="the address has an account")
    await notices.tell(session, Notice.ADDRESS_TAKEN if made is None else Notice.SIGNED_UP, data.email)
    return SignedUp(email=data.email, detail=notices.promise())


async def get(reader: Reader, caller: Principal) -> AccountRead:
    """The caller's own account."""
    account = await repository.by_id(reader, caller.account_id)
    if account is None:
        raise AccountGone
    return account
