"""What uvicorn is told: a fair opens, and everybody books at once."""


def server_options() -> dict[str, object]:
    """Let more connections wait to be taken."""
    return {"backlog": 4096}
