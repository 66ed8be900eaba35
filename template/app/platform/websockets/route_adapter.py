"""Makes an operation of what `@router.websocket` declares."""

from typing import Self, cast

from fastapi import APIRouter
from fastapi.routing import APIWebSocketRoute
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.kit.access import admit
from app.kit.errors import answers
from app.kit.routing import Route
from app.platform.websockets.conversation import Conversation
from app.platform.websockets.errors import ForeignPage, SocketsFull, TooManySockets, UpgradeRequired

_ANSWERS = answers(UpgradeRequired, ForeignPage, TooManySockets, SocketsFull)


class SocketRoute(Route):
    """A WebSocket: a GET that is answered by 101, and goes on until one of the two has closed it."""

    declares: bool = False
    lasts: bool = True

    @classmethod
    def of(cls, declared: APIWebSocketRoute, router: APIRouter) -> Self:
        """The operation of a WebSocket that was declared as FastAPI documents it."""
        return cls(
            declared.path,
            declared.endpoint,
            methods=["GET"],
            name=declared.name,
            tags=router.tags,
            dependencies=declared.dependencies,
            status_code=101,
            response_model=None,
            responses=_ANSWERS,
            openapi_extra={"x-websocket": True},
        )

    @override
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Before anything is counted or held for whoever may not open it.
        await admit(self.access, scope)
        conversation = cast("object", scope.get("conversation"))
        if not isinstance(conversation, Conversation):
            raise UpgradeRequired
        await conversation.begin(super().handle(scope, receive, _unsent), self, send)


async def _unsent(_message: object) -> None:
    """The answer was sent when the endpoint accepted."""


def route_adapter(route: BaseRoute, router: APIRouter) -> Route | None:
    """Called for each route of the service."""
    return SocketRoute.of(route, router) if isinstance(route, APIWebSocketRoute) else None
