"""Items over HTTP: each route is one sentence, its docstring its documentation."""

from uuid import UUID

from app.adapters.database import Reader, Session
from app.domain.items import service
from app.domain.items.access import CanReadItems, CanWriteItems
from app.domain.items.errors import ItemChanged, ItemNotFound, NameTaken
from app.domain.items.schemas import ItemCreate, ItemRead, ItemUpdate
from app.kit import routing
from app.kit.errors import answers
from app.kit.etags import IfMatch
from app.kit.pagination import Cursor, Page, PageSize

router = routing.router("/v1/items", "items")


@router.post("", status_code=201, responses=answers(NameTaken))
async def create_item(data: ItemCreate, caller: CanWriteItems, session: Session) -> ItemRead:
    """Create an item.

    Its name must differ from those of your other items.
    """
    return await service.create(session, data, caller)


@router.get("")
async def list_items(
    caller: CanReadItems, reader: Reader, limit: PageSize = 20, cursor: Cursor = None
) -> Page[ItemRead]:
    """List your items.

    Newest first. Follow `next_cursor` until it is null; a later page costs what the first one does.
    """
    return await service.newest(reader, limit, cursor, caller)


@router.get("/{item_id}", responses=answers(ItemNotFound))
async def read_item(item_id: UUID, caller: CanReadItems, reader: Reader) -> ItemRead:
    """Read one of your items.

    The `ETag` of the answer is its version: send it as `If-Match` with a change, or as `If-None-Match` to poll.
    """
    return await service.get(reader, item_id, caller)


@router.patch("/{item_id}", responses=answers(ItemNotFound, NameTaken, ItemChanged))
async def change_item(
    item_id: UUID, data: ItemUpdate, caller: CanWriteItems, session: Session, if_match: IfMatch = None
) -> ItemRead:
    """Change one of your items.

    Only the fields that you send are changed. With `If-Match`, only if nobody has changed it since you read it.
    """
    return await service.change(session, item_id, data, if_match, caller)


@router.delete("/{item_id}", status_code=204, responses=answers(ItemNotFound, ItemChanged))
async def delete_item(item_id: UUID, caller: CanWriteItems, session: Session, if_match: IfMatch = None) -> None:
    """Delete one of your items.

    With `If-Match`, only if nobody has changed it since you read it.
    """
    return await service.remove(session, item_id, if_match, caller)
