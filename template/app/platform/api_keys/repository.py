"""Every statement about API keys, compiled once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, Interval, bindparam, func, select, tuple_, update
from sqlalchemy import insert as insert_row
from sqlalchemy.dialects.postgresql import insert

from app.adapters.database import Command, Query, Reader, Session, arguments, identity
from app.adapters.retention import oldest
from app.platform.api_keys.models import ApiKeyUse, StoredApiKey
from app.platform.api_keys.schemas import ApiKeyRead


@dataclass(frozen=True, slots=True)
class Presented:
    """What is known of a key that somebody presents."""

    account_id: UUID
    scopes: str
    digest: bytes
    methods: str
    expires_at: datetime
    revoked_at: datetime | None


def _used(key_id: UUID) -> UUID:
    return key_id


def _shown(scopes: str, last_used_at: datetime | None = None, **columns: object) -> ApiKeyRead:
    return ApiKeyRead.model_validate({**columns, "scopes": scopes.split(), "last_used_at": last_used_at})


_SHOWN = (
    StoredApiKey.id,
    StoredApiKey.name,
    StoredApiKey.scopes,
    StoredApiKey.created_at,
    StoredApiKey.expires_at,
)
_PRESENTED = Query(
    select(
        StoredApiKey.account_id,
        StoredApiKey.scopes,
        StoredApiKey.digest,
        StoredApiKey.methods,
        StoredApiKey.expires_at,
        StoredApiKey.revoked_at,
    ).where(StoredApiKey.id == bindparam("key_id")),
    Presented,
)
# By the owner's part of the index on both columns, as with items.
_NEWEST = Query(
    select(*_SHOWN, ApiKeyUse.last_used_at)
    .outerjoin(ApiKeyUse, ApiKeyUse.key_id == StoredApiKey.id)
    .where(
        StoredApiKey.account_id >= bindparam("owner"),
        tuple_(StoredApiKey.account_id, StoredApiKey.id) < tuple_(bindparam("owner"), bindparam("before")),
        StoredApiKey.revoked_at.is_(None),
    )
    .order_by(StoredApiKey.account_id.desc(), StoredApiKey.id.desc())
    .limit(bindparam("most")),
    _shown,
)
_OPEN = Query(
    select(StoredApiKey.id)
    .where(StoredApiKey.account_id == bindparam("owner"), StoredApiKey.revoked_at.is_(None))
    .limit(bindparam("most")),
    identity,
)
_ADD = Command(
    insert_row(StoredApiKey)
    .values(arguments("id", "account_id", "name", "scopes", "digest", "methods", "expires_at"))
    .returning(*_SHOWN),
    _shown,
)
_REVOKE = Command(
    update(StoredApiKey)
    .where(
        StoredApiKey.id == bindparam("key_id"),
        StoredApiKey.account_id == bindparam("owner"),
        StoredApiKey.revoked_at.is_(None),
    )
    .values(revoked_at=func.now())
    .returning(StoredApiKey.id),
    identity,
)
_REVOKE_ALL = Command(
    update(StoredApiKey)
    .where(StoredApiKey.account_id == bindparam("owner"), StoredApiKey.revoked_at.is_(None))
    .values(revoked_at=func.now())
    .returning(StoredApiKey.id),
    identity,
)
_REVOKED = Query(
    select(StoredApiKey.id).where(StoredApiKey.revoked_at > func.now() - bindparam("within", type_=Interval())),
    identity,
)
_FORGET = oldest(StoredApiKey, StoredApiKey.id < bindparam("before"), StoredApiKey.id)
_FORGET_REVOKED = oldest(StoredApiKey, StoredApiKey.revoked_at < bindparam("until"), StoredApiKey.revoked_at)
# A key may have gone since it was used.
_PROPOSED = insert(ApiKeyUse).from_select(
    ["key_id", "last_used_at"],
    select(StoredApiKey.id, bindparam("moment", type_=DateTime(timezone=True))).where(
        StoredApiKey.id == bindparam("used")
    ),
)
_NOTE_USE = Command(
    _PROPOSED.on_conflict_do_update(
        index_elements=["key_id"],
        set_={"last_used_at": func.greatest(ApiKeyUse.last_used_at, _PROPOSED.excluded.last_used_at)},
    ).returning(ApiKeyUse.key_id),
    _used,
)


async def presented(primary: Reader, key_id: UUID) -> Presented | None:
    """What is known of a key."""
    return await primary.one(_PRESENTED, key_id=key_id)


async def newest(reader: Reader, owner: UUID, before: UUID, most: int) -> list[ApiKeyRead]:
    """An account's keys that are not revoked and older than the key `before`, newest first."""
    return await reader.all(_NEWEST, owner=owner, before=before, most=most)


async def count(session: Session, owner: UUID, most: int) -> int:
    """How many keys of an account are not revoked, counted up to `most`."""
    return len(await session.all(_OPEN, owner=owner, most=most))


async def add(  # noqa: PLR0913 - as many as a key has columns
    session: Session,
    key_id: UUID,
    owner: UUID,
    *,
    name: str,
    scopes: str,
    digest: bytes,
    methods: str,
    expires_at: datetime,
) -> ApiKeyRead:
    """Store a new key."""
    return await session.only(
        _ADD,
        id=key_id,
        account_id=owner,
        name=name,
        scopes=scopes,
        digest=digest,
        methods=methods,
        expires_at=expires_at,
    )


async def revoke(session: Session, key_id: UUID, owner: UUID) -> UUID | None:
    """Revoke a key of an account; None when it has no such key."""
    return await session.one(_REVOKE, key_id=key_id, owner=owner)


async def revoke_all(session: Session, account_id: UUID) -> list[UUID]:
    """Revoke every key of an account, and say which they were."""
    return await session.all(_REVOKE_ALL, owner=account_id)


async def revoked(primary: Reader, within: timedelta) -> list[UUID]:
    """The keys that were revoked in a span of time until now, by the database's clock."""
    return await primary.all(_REVOKED, within=within)


async def note_use(session: Session, key_id: UUID, moment: datetime) -> None:
    """Note when a key was used, unless a later use is known."""
    await session.one(_NOTE_USE, used=key_id, moment=moment)


async def forget(session: Session, before: UUID, most: int) -> int:
    """Drop keys that were made before the key `before`; how many there were."""
    return len(await session.all(_FORGET, before=before, most=most))


async def forget_revoked(session: Session, until: datetime, most: int) -> int:
    """Drop keys that were revoked before a moment; how many there were."""
    return len(await session.all(_FORGET_REVOKED, until=until, most=most))
