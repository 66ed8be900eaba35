"""Who may do what with API keys: people who signed in. No key makes another one."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import ADMIN, MEMBER, Principal, require

CanReadOwnKeys = Annotated[Principal, Depends(require("api-keys:read-own", MEMBER, ADMIN, signed_in=True))]
CanManageOwnKeys = Annotated[Principal, Depends(require("api-keys:manage-own", MEMBER, ADMIN, signed_in=True))]
