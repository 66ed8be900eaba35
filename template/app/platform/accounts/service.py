"""What the business says about accounts."""

from app import defaults
from app.adapters.database import Reader, Session
from app.kit.access import Principal
from app.kit.passwords import Hasher, refuse_guessable
from app.platform.accounts import repository
from app.platform.accounts.errors import AccountGone
from app.platform.accounts.schemas import AccountCreate, AccountRead
from app.platform.audit import service as audit
from app.platform.mail.letters import Letter
from app.platform.mail.schemas import MailPromised
from app.platform.mail.service import Post

credentials = repository.credentials
credentials_of = repository.credentials_of
locked = repository.locked
set_password = repository.set_password


def common_knowledge(email: str) -> tuple[str, ...]:
    """What everybody knows of an account, so that no password may be made of it."""
    return (email, *email.split("@"), defaults.PROJECT_NAME, defaults.PROJECT_SLUG)


async def create(session: Session, passwords: Hasher, post: Post, data: AccountCreate) -> MailPromised:
    """A new account, unless the address has one; the work and the answer are the same, and the mail tells its owner."""
    password = data.password.get_secret_value()
    refuse_guessable(password, field="password", known=common_knowledge(data.email))
    hashed = await passwords.hash(password)
    made = await repository.add(session, data.email, hashed)
    if made is None:
        # An entry of its own: as much work as a new account with its entry.
        await audit.decided(session, "accounts.create", "refused", reason="the address has an account")
    await post.put(session, Letter.ALREADY_REGISTERED if made is None else Letter.VERIFY_EMAIL, data.email)
    return MailPromised.to(data.email)


async def get(reader: Reader, caller: Principal) -> AccountRead:
    """The caller's own account."""
    account = await repository.by_id(reader, caller.account_id)
    if account is None:
        raise AccountGone
    return account
