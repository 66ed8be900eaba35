"""API keys over HTTP."""

from uuid import UUID

from app.adapters.database import Reader, Session
from app.kit import routing
from app.kit.errors import Invalid, answers
from app.kit.pagination import Cursor, Page, PageSize
from app.platform.accounts.errors import AccountGone
from app.platform.api_keys import service
from app.platform.api_keys.access import CanManageOwnKeys, CanReadOwnKeys
from app.platform.api_keys.errors import ApiKeyNotFound, TooManyApiKeys
from app.platform.api_keys.schemas import ApiKeyCreate, ApiKeyCreated, ApiKeyRead
from app.platform.api_keys.service import Permissions
from app.platform.attempts.errors import TooManyAttempts
from app.platform.auth.dependencies import Tokens
from app.platform.passwords.dependencies import Reauthentication
from app.platform.passwords.errors import WrongPassword

router = routing.router("/v1/api-keys", "API keys")


@router.post(
    "",
    status_code=201,
    responses=answers(AccountGone, WrongPassword, TooManyAttempts, TooManyApiKeys, Invalid),
)
async def create_api_key(
    data: ApiKeyCreate, caller: CanManageOwnKeys, session: Session, proof: Reauthentication, permissions: Permissions
) -> ApiKeyCreated:
    """Create an API key.

    For a machine that acts on your behalf, and may do no more than the scopes say. The answer is the only one that
    shows the key. It needs your password.
    """
    return await service.create(session, proof, data, caller, permissions)


@router.get("")
async def list_api_keys(
    caller: CanReadOwnKeys, reader: Reader, limit: PageSize = 20, cursor: Cursor = None
) -> Page[ApiKeyRead]:
    """List your API keys.

    Newest first, without their secrets. Revoke one that has not been used for long.
    """
    return await service.newest(reader, limit, cursor, caller)


@router.delete("/{key_id}", status_code=204, responses=answers(ApiKeyNotFound))
async def revoke_api_key(key_id: UUID, caller: CanManageOwnKeys, session: Session, tokens: Tokens) -> None:
    """Revoke one of your API keys.

    It is refused from now on, by every instance within two seconds.
    """
    return await service.revoke(session, tokens, key_id, caller)
