"""WebSockets: FastAPI's `@router.websocket`, under the rules that every other operation is under."""
