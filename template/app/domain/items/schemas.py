"""The shapes of items: what clients send and what they get."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.kit.schemas import Change, In, Line, Text, Versioned


class ItemCreate(In):
    """A new item."""

    name: Line = Field(description="Unique among your items", examples=["Blue kettle"])
    description: Text | None = Field(default=None, examples=["Enamelled, 1.5 litres"])


class ItemUpdate(Change, ItemCreate):
    """The fields to change; what is left out stays as it is."""


class ItemRead(Versioned):
    """An item."""

    owner_id: UUID
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime
