"""Who may do what with API keys: people who signed in. No key makes another one."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import Principal, require

CanReadOwnKeys = Annotated[Principal, Depends(require("api-keys:read-own", signed_in=True))]
CanManageOwnKeys = Annotated[Principal, Depends(require("api-keys:manage-own", signed_in=True))]
