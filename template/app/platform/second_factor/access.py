"""Who may do what with their second factor: people who signed in, also those who have to set one up first."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import ADMIN, MEMBER, Principal, require

CanManageOwnSecondFactor = Annotated[
    Principal, Depends(require("second-factor:manage-own", MEMBER, ADMIN, signed_in=True, restricted=True))
]
