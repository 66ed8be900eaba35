"""What can go wrong with trying passwords; each says its own status."""

from app.kit.errors import TooManyRequests


class TooManyAttempts(TooManyRequests):
    """Too many failed attempts: wait before the next one."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Too many failed attempts: try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )
