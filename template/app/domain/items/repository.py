"""Every statement about items, compiled once. All ask for the owner: what is foreign does not exist."""

from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update

from app.adapters.database import Command, Query, Reader, Session, arguments
from app.domain.items.models import Item
from app.domain.items.schemas import ItemCreate, ItemRead, ItemUpdate
from app.kit.ids import uuid7

_OWNED = (Item.id == bindparam("item_id")) & (Item.owner_id == bindparam("owner"))

_BY_ID = Query(select(Item).where(_OWNED), ItemRead)
_LOCKED = Query(select(Item).where(_OWNED).with_for_update(), ItemRead)
# The owner's part of the index on both columns, and no other way: with `owner_id = …` the planner prefers to search the
# primary key backwards for somebody who has many of them, and reads all that others have added since.
_NEWEST = Query(
    select(Item)
    .where(
        Item.owner_id >= bindparam("owner"),
        tuple_(Item.owner_id, Item.id) < tuple_(bindparam("owner"), bindparam("before")),
    )
    .order_by(Item.owner_id.desc(), Item.id.desc())
    .limit(bindparam("most")),
    ItemRead,
)
_ADD = Command(
    insert(Item).values(arguments("id", "owner_id", *ItemCreate.model_fields)).returning(Item),
    ItemRead,
)
_REMOVE = Command(delete(Item).where(_OWNED).returning(Item), ItemRead)


@cache
def _change(fields: frozenset[str]) -> Command[ItemRead]:
    return Command(
        update(Item)
        .where(_OWNED)
        .values({**arguments(*sorted(fields)), "version": Item.version + 1, "updated_at": func.now()})
        .returning(Item),
        ItemRead,
    )


async def by_id(reader: Reader | Session, item_id: UUID, owner: UUID) -> ItemRead | None:
    """One item of an owner."""
    return await reader.one(_BY_ID, item_id=item_id, owner=owner)


async def newest(reader: Reader, owner: UUID, before: UUID, most: int) -> list[ItemRead]:
    """An owner's items that are older than the item `before`, newest first."""
    return await reader.all(_NEWEST, owner=owner, before=before, most=most)


async def locked(session: Session, item_id: UUID, owner: UUID) -> ItemRead | None:
    """One item of an owner, which nobody else can change until the transaction ends."""
    return await session.one(_LOCKED, item_id=item_id, owner=owner)


async def add(session: Session, data: ItemCreate, owner: UUID) -> ItemRead:
    """Store a new item."""
    fields: dict[str, object] = data.model_dump()
    return await session.only(_ADD, id=uuid7(), owner_id=owner, **fields)


async def change(session: Session, item_id: UUID, owner: UUID, data: ItemUpdate) -> ItemRead:
    """Change the fields that were sent."""
    fields: dict[str, object] = data.model_dump(exclude_unset=True)
    return await session.only(_change(frozenset(fields)), item_id=item_id, owner=owner, **fields)


async def remove(session: Session, item_id: UUID, owner: UUID) -> ItemRead:
    """Delete an item."""
    return await session.only(_REMOVE, item_id=item_id, owner=owner)
