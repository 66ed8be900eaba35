"""Who may do what with the members of a company."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import Principal, require

CanReadMembers = Annotated[Principal, Depends(require("members:read"))]
CanWriteMembers = Annotated[Principal, Depends(require("members:write", signed_in=True))]
