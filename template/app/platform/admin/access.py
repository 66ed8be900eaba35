"""Who may look after other people's accounts."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import Principal, require
from app.platform.admin.roles import ADMIN

CanManageAccounts = Annotated[Principal, Depends(require("accounts:manage", ADMIN, signed_in=True))]
CanReadAudit = Annotated[Principal, Depends(require("audit:read", ADMIN, signed_in=True))]
