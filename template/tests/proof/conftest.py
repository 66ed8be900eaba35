"""What the tests of the proof share: the service as a check sees it."""

from pathlib import Path

import pytest

from proof.rig import ROOT
from proof.standards.context import Context
from proof.standards.outcome import Outcome
from tests.wire import Service


@pytest.fixture
def context(service: Service, database_url: str, tmp_path: Path) -> Context:
    """The service of the tests, whose log nobody keeps."""
    return context_of(service.url, database_url, tmp_path)


def context_of(url: str, database_url: str, folder: Path) -> Context:
    """What the checks get of a service."""
    log = folder / "service.log"
    log.touch()
    return Context(url, database_url, log, ROOT, folder, "")


def fails(outcome: Outcome, *sentences: str) -> None:
    """The row fails, and says each of these."""
    assert outcome.status == "fail", outcome
    said = "\n".join(outcome.faults)
    for sentence in sentences:
        assert sentence in said
    assert all(fault.endswith(".") and ". " in fault for fault in outcome.faults), "what was seen, and the mend"
