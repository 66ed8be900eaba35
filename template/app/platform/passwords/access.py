"""Who may do what with passwords."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import ADMIN, MEMBER, Principal, public, require

CanChangeOwnPassword = Annotated[Principal, Depends(require("passwords:change-own", MEMBER, ADMIN, signed_in=True))]

FORGOT = public("whoever has lost the password can't sign in")
HAS_LINK = public("the secret in the mailed link is the proof")
