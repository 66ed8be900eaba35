"""Why a WebSocket is not opened."""

from http import HTTPStatus
from typing import ClassVar

from app.kit.errors import AppError, Forbidden, TooManyRequests, Unavailable


class UpgradeRequired(AppError):
    """This address is a WebSocket: open it with a client that speaks the protocol."""

    status: ClassVar = HTTPStatus.UPGRADE_REQUIRED
    standard_headers: ClassVar = {"Upgrade": "websocket", "Connection": "upgrade"}


class ForeignPage(Forbidden):
    """A page of another site asked for this WebSocket, and WEBSOCKET_ORIGINS does not name it."""


class TooManySockets(TooManyRequests):
    """Too many WebSockets of yours are open: close one first."""


class SocketsFull(Unavailable):
    """As many WebSockets are open as this service takes: try again shortly."""
