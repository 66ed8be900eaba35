"""Recording decisions, and proving that nobody altered what was recorded."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast
from uuid import UUID

from app import defaults
from app.adapters.database import Reader, Session
from app.platform.audit import repository

CHAINS = 16
"""How many chains there are; audit_seal() in migrations/platform/ says which one a connection uses."""

RETIRED = "audit.retired"
"""The event of an entry about others that are gone; audit_retire() in migrations/platform/ writes it."""

RETENTION = "audit.retention"
"""The event of an entry that migrations/platform/0003 put after those about others that say no date yet."""

NEWEST = repository.NEWEST
entries = repository.entries

_TRAIL = "audit_entries"
_BATCH = 1_000
_MOST_FAULTS = 20
_KEPT = timedelta(days=defaults.AUDIT_RETENTION_DAYS)
_CUT_OFF = re.compile(r", from before (\S+)$")
_HEAD = re.compile(r"(\d{1,18}(?:\.\d{1,18}){15})-([0-9a-f]{64})")


async def decided(  # noqa: PLR0913 - a decision says all of this
    session: Session,
    event: str,
    outcome: Literal["granted", "refused"],
    *,
    account_id: UUID | None = None,
    credential_id: UUID | None = None,
    reason: str | None = None,
) -> None:
    """Record a decision about who may come in: `await audit.decided(session, "auth.login", "refused", reason=…)`.

    It is committed with the transaction, so the error that reports a refusal has to be one that `keeps_writes`.

    Args:
        session: the transaction that decides.
        event: what was decided, as `noun.verb`.
        outcome: how.
        account_id: whom it is about, where that is known.
        credential_id: the session that it opens, renews or ends, where that is not the caller's own.
        reason: why, in words that hold no data about a person.
    """
    await repository.decided(session, event, outcome, account_id=account_id, credential_id=credential_id, reason=reason)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chains found. The head names the state of the trail: no other content has the same."""

    entries: int
    retired: int
    """Entries up to this position are gone, as a later entry says; 0 where none is."""
    faults: Sequence[str]
    head: str


async def verify(reader: Reader, *, since: int = 1, head: str | None = None) -> Verdict:
    """Read every entry from the position `since` on, and compare it with its seal.

    Args:
        reader: of the primary, or of a replica.
        since: where to begin; entries before it may be gone, while their seals are still needed. From there on all have
            to be there: what is retired counts as removed.
        head: what an earlier walk ended with; the trail must still contain all that it had then.
    """
    faults: list[str] = []
    numbers: list[int] = []
    hashes: list[bytes] = []
    read = 0
    retired = await _retired(reader) if since == 1 else 0
    told: list[_Told] = []
    beginnings = await repository.beginnings(reader, since) if since > 1 else dict.fromkeys(range(CHAINS), 1)
    for chain in range(CHAINS):
        walk = _Walk(chain, since, retired, beginnings.get(chain))
        await walk.through(reader)
        faults += walk.faults
        told += walk.told
        read += walk.entries
        numbers.append(walk.number)
        hashes.append(walk.hash)
    faults += _retired_too_soon(told)
    faults += [
        f"entry {position} was put in from outside: no chain holds it."
        for position in await repository.unsealed(reader, since, _MOST_FAULTS)
    ]
    if head is not None and not await _contains(reader, head):
        faults.append("the trail is not the one of that head: its end was cut off, or it was written anew.")
    return Verdict(read, retired, faults, _head(numbers, hashes))


async def _retired(reader: Reader) -> int:
    """Up to where entries were retired: an entry has to say so of the last one that is gone before the first."""
    last = await repository.before_the_first(reader)
    said = await entries(reader, _MOST_FAULTS, subject=str(last)) if last else []
    return last if any(each.event == RETIRED and each.subject_table == _TRAIL for each in said) else 0


@dataclass(frozen=True, slots=True)
class _Told:
    """An entry that says which others are gone, or since when such entries say a date."""

    position: int
    at: datetime
    event: str
    reason: str


def _told(content: str) -> Iterator[_Told]:
    # As the database writes JSON; most entries are no such ones, and need no reading.
    if f'"event": "{RETIRED}"' in content or f'"event": "{RETENTION}"' in content:
        row = cast("dict[str, str]", json.loads(content))
        yield _Told(int(row["position"]), datetime.fromisoformat(row["at"]), row["event"], str(row.get("reason")))


def _retired_too_soon(told: Sequence[_Told]) -> Iterator[str]:
    """What is wrong with the dates up to which entries were retired."""
    dated_from = max((each.position for each in told if each.event == RETENTION), default=0)
    for each in sorted(told, key=lambda one: one.position):
        said = _CUT_OFF.search(each.reason)
        if each.event != RETIRED or (said is None and each.position < dated_from):
            continue
        if said is None:
            yield f"entry {each.position} does not say from before when entries were retired."
        elif datetime.fromisoformat(said[1]) > each.at - _KEPT:
            yield (
                f"entry {each.position} retired entries from before {said[1]}, which had to be kept for "
                f"{_KEPT.days} days."
            )


class _Walk:
    """One chain, link by link."""

    def __init__(self, chain: int, since: int, retired: int, beginning: int | None) -> None:
        self.faults: list[str] = []
        self.entries: int = 0
        self.told: list[_Told] = []
        self.number: int = 0
        self.hash: bytes = b""
        self._chain: int = chain
        self._since: int = since
        self._retired: int = retired
        self._beginning: int | None = beginning
        self._entry: int | None = None
        self._expected: bytes = b""

    async def through(self, reader: Reader) -> None:
        """Go to the end of the chain."""
        if self._beginning is None:
            self.number = await repository.length(reader, self._chain)
        else:
            self.number = self._beginning - 1
        self.hash = self._expected = await repository.hash_at(reader, self._chain, self.number) or b""
        while links := await repository.links(reader, self._chain, self.number, _BATCH):
            for link in links:
                self._follow(link)

    def _follow(self, link: repository.Sealed) -> None:
        gap = link.number - self.number - 1
        expected = link.hash
        if gap:
            after = f"after entry {self._entry}" if self._entry else "at its beginning"
            self._fault(f"entries removed with their seals {after}: {gap}")
        if link.content is not None:
            self.entries += 1
            self.told += _told(link.content)
            content = link.content.encode()
            expected = hashlib.sha256(self.hash + content).digest()
            # Where only the seal before was changed, this entry agrees with what that seal should be.
            agrees = link.hash in {expected, hashlib.sha256(self._expected + content).digest()}
            if not agrees and not gap:
                self._fault(f"entry {link.position} was changed, or its seal was")
        elif link.position >= self._since and link.position > self._retired:
            self._fault(f"entry {link.position} was removed")
        self.number, self.hash, self._expected, self._entry = link.number, link.hash, expected, link.position

    def _fault(self, what: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(f"{what} (chain {self._chain}).")


def _head(numbers: Sequence[int], hashes: Sequence[bytes]) -> str:
    """How long each chain is, and a digest of their ends."""
    return f"{'.'.join(map(str, numbers))}-{hashlib.sha256(b''.join(hashes)).hexdigest()}"


def is_head(text: str) -> bool:
    """Whether this is what a walk ends with."""
    return _HEAD.fullmatch(text) is not None


async def head(reader: Reader) -> str:
    """The head that `verify` would end with now, taken from the ends of the chains alone: nothing is verified."""
    return await _head_at(reader, [await repository.length(reader, chain) for chain in range(CHAINS)])


async def _contains(reader: Reader, head: str) -> bool:
    return await _head_at(reader, [int(each) for each in head.partition("-")[0].split(".")]) == head


async def _head_at(reader: Reader, numbers: Sequence[int]) -> str:
    hashes = [await repository.hash_at(reader, chain, number) or b"" for chain, number in enumerate(numbers)]
    return _head(numbers, hashes)
