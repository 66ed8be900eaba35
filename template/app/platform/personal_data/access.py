"""Who may have what is held about them, and have it erased: everybody, of themselves."""

from typing import Annotated

from fastapi import Depends

from app.kit.access import Principal, require

CanExportOwnData = Annotated[Principal, Depends(require("personal-data:export-own", signed_in=True))]
CanEraseOwnData = Annotated[Principal, Depends(require("personal-data:erase-own", signed_in=True))]
