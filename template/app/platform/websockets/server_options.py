"""What uvicorn is told of WebSockets."""

from app.settings import settings


def server_options() -> dict[str, object]:
    """The protocol, and its bounds: nothing is compressed, which would cost memory for each and may tell secrets."""
    return {
        "ws": "app.platform.websockets.protocol:SocketGuard",
        "ws_max_size": settings().max_body_bytes,
        "ws_per_message_deflate": False,
    }
