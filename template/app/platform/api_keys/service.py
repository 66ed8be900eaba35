"""What the business says about API keys."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, cast
from uuid import UUID

from fastapi import Depends, FastAPI, Request

from app.adapters.database import Reader, Session
from app.kit import clock, crypto, pagination
from app.kit.access import Principal, Rule
from app.kit.errors import Invalid
from app.kit.ids import uuid7
from app.kit.routing import Route
from app.platform.api_keys import repository
from app.platform.api_keys.errors import ApiKeyNotFound, TooManyApiKeys
from app.platform.api_keys.keys import ApiKey
from app.platform.api_keys.schemas import ApiKeyCreate, ApiKeyCreated, ApiKeyRead
from app.platform.auth.dependencies import Tokens
from app.platform.passwords.dependencies import Reauthentication

# Nobody needs more, and no session that was stolen makes keys without end.
_MOST = 50

Roles = Mapping[str, frozenset[str]]


async def create(
    session: Session, proof: Reauthentication, data: ApiKeyCreate, caller: Principal, permissions: Roles
) -> ApiKeyCreated:
    """A new key of the caller; its scopes are among the permissions of their role."""
    _refuse_foreign(data.scopes, caller, permissions)
    # The account is locked from here on, so that no two of them are the fiftieth.
    await proof.of(caller, data.password, event="api-keys.create", session=session)
    if await repository.count(session, caller.account_id, _MOST) >= _MOST:
        raise TooManyApiKeys
    key = ApiKey.new(uuid7())
    made = await repository.add(
        session,
        key.id,
        caller.account_id,
        name=data.name,
        scopes=" ".join(sorted(set(data.scopes))),
        digest=crypto.digest(key.secret),
        methods=" ".join(sorted(caller.methods)),
        expires_at=clock.now() + timedelta(days=data.expires_in_days),
    )
    return ApiKeyCreated.model_validate({**made.model_dump(), "key": key.text()})


async def newest(reader: Reader, limit: int, cursor: str | None, caller: Principal) -> pagination.Page[ApiKeyRead]:
    """A page of the caller's keys, newest first."""
    rows = await repository.newest(reader, caller.account_id, pagination.after(cursor), limit + 1)
    return pagination.page(rows, limit)


async def revoke(session: Session, tokens: Tokens, key_id: UUID, caller: Principal) -> None:
    """Revoke a key of the caller: it is refused from now on."""
    if await repository.revoke(session, key_id, caller.account_id) is None:
        raise ApiKeyNotFound
    tokens.revoked.note([key_id])


def _refuse_foreign(scopes: list[str], caller: Principal, permissions: Roles) -> None:
    own = sorted(name for name, roles in permissions.items() if not roles or caller.role in roles)
    fields = {
        f"#/scopes/{place}": f"there is no such permission for a key of yours; accepted: {', '.join(own)}"
        for place, scope in enumerate(scopes)
        if scope not in own
    }
    if fields:
        raise Invalid("A scope was refused.", fields=fields)


async def _permissions(request: Request) -> Roles:
    routes = cast("FastAPI", request.app).routes
    rules = [rule for route in routes if isinstance(route, Route) for rule in route.access if isinstance(rule, Rule)]
    return {rule.permission: rule.roles for rule in rules if not rule.signed_in}


Permissions = Annotated[Roles, Depends(_permissions)]
"""The permissions that the operations of this service ask for and a key may have, with the roles that have them."""
