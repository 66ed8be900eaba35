"""The shapes of items: what clients send and what they get."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field, model_validator

from app.kit.schemas import In, Line, Text, Versioned


class ItemCreate(In):
    """A new item."""

    name: Line = Field(description="Unique among your items", examples=["Blue kettle"])
    description: Text | None = Field(default=None, examples=["Enamelled, 1.5 litres"])


class ItemUpdate(In):
    """The fields to change; what is left out stays as it is."""

    # A default that is never read: only fields that were sent are changed, and null is no name.
    name: Line = Field(default_factory=str, description="Unique among your items")
    description: Text | None = Field(default=None, description="null removes it")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change: name, description")
        return self


class ItemRead(Versioned):
    """An item."""

    owner_id: UUID
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime
