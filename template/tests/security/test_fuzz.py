"""Whatever is sent, the answer is one that the document describes, and never a 500: a little of `make standards` SEC-9.

The requests are the same each time. `make test path=tests/security/test_fuzz.py FUZZ_SEED=7` makes up others.
"""

import os
from pathlib import Path

import pytest

from proof.fuzz.play import Amount, Played, play, wish
from proof.rig import ROOT
from proof.standards.context import Context
from tests.wire import Service

# What finds most in a second of a processor: the bounds of every input, a few made-up requests, and the links.
_LITTLE = Amount(examples=4, chains=2, repeated=False)


def _faults(played: Played) -> str:
    return "\n\n".join(f"{what}\n{request}" for what, request in played.faults.items())


def test_every_answer_is_one_that_the_document_describes(
    service: Service, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = os.environ["METRICS_TOKEN"]
    context = Context(service.url, database_url, tmp_path / "log", ROOT, tmp_path, token)

    played = play(context, wish("FUZZ_SEED", 0), _LITTLE)

    with capsys.disabled():
        print(f"\n{played}")  # noqa: T201 - whoever reads what a check has printed wants to know
    assert not played.faults, f"{played}\n\n{_faults(played)}"
    assert not played.unreached, f"{played}\n\nnever let in: {played.unreached}"
