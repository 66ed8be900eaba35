"""Where a change comes from: who asked for it, from where, and how the request is found again."""

import re
from dataclasses import dataclass
from typing import Self, cast
from uuid import UUID

from fastapi import Request

from app.kit import logging
from app.kit.access import Caller, Principal

# What may stand in a statement as it is. Whatever has another form is left out rather than quoted.
_PLAIN = re.compile(r"[A-Za-z0-9._:/-]{1,64}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks, in which session or with which key, in which request, from which address; what nobody knows is None."""

    account_id: UUID | None = None
    session_id: UUID | None = None
    request_id: str | None = None
    address: str | None = None

    @classmethod
    def of(cls, request: Request) -> Self:
        """The origin of what a request changes."""
        caller = cast("Caller | None", request.scope.get("caller"))
        who = caller if isinstance(caller, Principal) else None
        address = cast("str | None", request.scope.get("kept_address"))
        return cls(
            who.account_id if who else None,
            (who.session_id or who.credential_id) if who else None,
            _plain(logging.request_id.get()),
            _plain(address),
        )

    @property
    def text(self) -> str:
        """Four words that need no quoting, with `-` for what nobody knows."""
        return f"{self.account_id or '-'} {self.session_id or '-'} {self.request_id or '-'} {self.address or '-'}"


def _plain(word: str | None) -> str | None:
    # A lone hyphen is how nothing is written.
    return word if word is not None and word != "-" and _PLAIN.fullmatch(word) else None
