"""What the business says about items."""

from uuid import UUID

from app.adapters.database import Reader, Session
from app.domain.items import repository
from app.domain.items.errors import ItemChanged, ItemNotFound
from app.domain.items.schemas import ItemCreate, ItemRead, ItemUpdate
from app.kit import pagination
from app.kit.access import Principal


async def create(session: Session, data: ItemCreate, caller: Principal) -> ItemRead:
    """A new item of the caller."""
    return await repository.add(session, data, caller.account_id)


async def get(reader: Reader | Session, item_id: UUID, caller: Principal) -> ItemRead:
    """One item of the caller; ItemNotFound when they have no such item."""
    found = await repository.by_id(reader, item_id, caller.account_id)
    if found is None:
        raise ItemNotFound
    return found


async def newest(reader: Reader, limit: int, cursor: str | None, caller: Principal) -> pagination.Page[ItemRead]:
    """A page of the caller's items, newest first."""
    rows = await repository.newest(reader, caller.account_id, pagination.after(cursor), limit + 1)
    return pagination.page(rows, limit)


async def change(
    session: Session, item_id: UUID, data: ItemUpdate, expected: int | None, caller: Principal
) -> ItemRead:
    """Change an item of the caller, if it still has the version they expect."""
    await _expect(session, item_id, expected, caller)
    return await repository.change(session, item_id, caller.account_id, data)


async def remove(session: Session, item_id: UUID, expected: int | None, caller: Principal) -> None:
    """Delete an item of the caller, if it still has the version they expect."""
    await _expect(session, item_id, expected, caller)
    await repository.remove(session, item_id, caller.account_id)


async def _expect(session: Session, item_id: UUID, expected: int | None, caller: Principal) -> None:
    found = await repository.locked(session, item_id, caller.account_id)
    if found is None:
        raise ItemNotFound
    if expected is not None and expected != found.version:
        raise ItemChanged
