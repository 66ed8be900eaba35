"""SEC-9: whatever is sent, the answer is one that the document describes, and never a 500."""

from proof.fuzz.play import Amount, play, wish
from proof.standards.context import Context
from proof.standards.outcome import Outcome, Table, judged

_CASES = 5_000
_MOST_FAULTS = 50


def check(context: Context, amount: Amount | None = None, seed: int | None = None) -> Outcome:
    """Send as many requests as FUZZ_CASES says, from FUZZ_SEED on, as everybody there is."""
    played = play(
        context,
        wish("FUZZ_SEED") if seed is None else seed,
        amount or Amount(examples=20, chains=3, cases=wish("FUZZ_CASES", _CASES)),
    )
    again = f"Try again with FUZZ_SEED={played.seed}"
    faults = [f"{what}. {again}; the evidence has the request." for what in played.faults]
    faults += [f"{each} is never let in. {again}, and say in tests/fuzz.py what it takes." for each in played.unreached]
    return judged(
        faults,
        f"{played.cases:,}",
        "made-up requests are answered as the document says",
        evidence=[
            str(played),
            # Chance may pass a link by, which says nothing about the service.
            f"links that nobody followed: {', '.join(played.unfollowed) or 'none'}",
            f"never successful: {', '.join(played.unsuccessful) or 'none'}",
        ],
        tables=[
            Table("Requests at fault", ("what", "request and answer"), list(played.faults.items())[:_MOST_FAULTS]),
            Table("Links followed", ("link", "times"), [(link, str(n)) for link, n in sorted(played.followed.items())]),
        ],
    )
