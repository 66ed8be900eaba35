"""What the page says of guessing codes is what the code does."""

from uuid import UUID, uuid4

from app.platform.attempts import codes
from app.platform.attempts.service import AttemptCounter
from tests.platform.attempts.test_numbers import most, said


def test_guesses_at_a_code_from_anywhere() -> None:
    accounts: dict[str, UUID] = {}

    async def begin(counter: AttemptCounter, who: str) -> object:
        return await codes.begin(counter, accounts.setdefault(who, uuid4()))

    first, later = most(begin)

    year = first + 364 * later
    sentence = "At # guesses on the first day and # on each one after, .* a year finds one with a probability of # %"
    assert said("second-factor.md", sentence) == (str(first), str(later), f"{100 * (1 - (1 - 3e-6) ** year):.1f}")
