"""Who may do what with accounts."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import Principal, public, require

CanReadOwnAccount = Annotated[Principal, Depends(require("accounts:read-own"))]

SIGN_UP = public("nobody has an account before they make one")
