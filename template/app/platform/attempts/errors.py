"""What can go wrong with trying passwords; each says its own status."""

from app.kit.errors import TooManyRequests


class TooManyAttempts(TooManyRequests):
    """The password or the code was wrong too often: wait before the next attempt."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"The password or the code was wrong too often: the next attempt is looked at in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )
