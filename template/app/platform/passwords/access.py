"""Who may do what with passwords."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import Principal, require

CanChangeOwnPassword = Annotated[Principal, Depends(require("passwords:change-own", signed_in=True))]
