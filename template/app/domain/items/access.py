"""Who may do what with items. Whose items they are is part of every query."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import ADMIN, MEMBER, Principal, require

CanReadItems = Annotated[Principal, Depends(require("items:read", MEMBER, ADMIN))]
CanWriteItems = Annotated[Principal, Depends(require("items:write", MEMBER, ADMIN))]
