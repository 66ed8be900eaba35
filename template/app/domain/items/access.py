"""Who may do what with items. Whose items they are is part of every query."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import Principal, require

CanReadItems = Annotated[Principal, Depends(require("items:read"))]
CanWriteItems = Annotated[Principal, Depends(require("items:write"))]
