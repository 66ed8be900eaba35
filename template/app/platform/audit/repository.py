"""Every statement about the audit trail, compiled once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, String, bindparam, cast, exists, func, insert, literal_column, select

from app.adapters.database import Command, Query, Reader, Session, arguments
from app.platform.audit.models import AuditEntry, AuditSeal


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as a person reads it."""

    position: int
    at: datetime
    actor_id: UUID | None
    event: str
    outcome: str
    subject_table: str | None
    subject_id: str | None
    request_id: str | None
    address: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Sealed:
    """One link of a chain, and the text of the entry that it seals; None where that is gone."""

    number: int
    position: int
    hash: bytes
    content: str | None


NEWEST = (1 << 63) - 1
"""The position before which every entry stands."""


def _number(value: int) -> int:
    return value


def _beginning(chain: int, number: int) -> tuple[int, int]:
    return chain, number


def _hash(hash: bytes) -> bytes:  # noqa: A002 - the column's name
    return hash


_SHOWN = (
    AuditEntry.position,
    AuditEntry.at,
    AuditEntry.actor_id,
    AuditEntry.event,
    AuditEntry.outcome,
    AuditEntry.subject_table,
    AuditEntry.subject_id,
    AuditEntry.request_id,
    AuditEntry.address,
    AuditEntry.reason,
)


def _newest(*which: ColumnElement[bool]) -> Query[Entry]:
    older = AuditEntry.position < bindparam("before")
    newest_first = select(*_SHOWN).where(*which, older).order_by(AuditEntry.position.desc())
    return Query(newest_first.limit(bindparam("most")), Entry)


_NEWEST = _newest()
_OF_ACTOR = _newest(AuditEntry.actor_id == bindparam("actor"))
_OF_SUBJECT = _newest(AuditEntry.subject_id == bindparam("subject"))
_OF_REQUEST = _newest(AuditEntry.request_id == bindparam("request"))

_DECIDED = Command(
    insert(AuditEntry)
    .values(
        arguments(
            "actor_id",
            "credential_id",
            "event",
            "outcome",
            "subject_table",
            "subject_id",
            "request_id",
            "address",
            "reason",
        )
    )
    .returning(AuditEntry.position.label("value")),
    _number,
)

# Exactly what audit_seal() hashes, spelt out here, so that a changed function in the database can't vouch for itself.
_CONTENT = cast(func.jsonb_strip_nulls(func.to_jsonb(literal_column("audit_entries"))), String)
_LINKS = Query(
    select(AuditSeal.number, AuditSeal.position, AuditSeal.hash, _CONTENT.label("content"))
    .join_from(AuditSeal, AuditEntry, AuditEntry.position == AuditSeal.position, isouter=True)
    .where(AuditSeal.chain == bindparam("of_chain"), AuditSeal.number > bindparam("after"))
    .order_by(AuditSeal.number)
    .limit(bindparam("most")),
    Sealed,
)
# `+ 0`, or the planner walks along each chain from its beginning to find the least number.
_BEGINNINGS = Query(
    select(AuditSeal.chain, func.min(AuditSeal.number + 0).label("number"))
    .where(AuditSeal.position >= bindparam("since"))
    .group_by(AuditSeal.chain),
    _beginning,
    whole="`app audit verify --from` reads all that comes after",
)
_LENGTH = Query(
    select(AuditSeal.number.label("value"))
    .where(AuditSeal.chain == bindparam("of_chain"))
    .order_by(AuditSeal.number.desc())
    .limit(1),
    _number,
)
_BEFORE_THE_FIRST = Query(
    select(AuditSeal.position.label("value"))
    .where(AuditSeal.position < select(func.min(AuditEntry.position)).scalar_subquery())
    .order_by(AuditSeal.position.desc())
    .limit(1),
    _number,
)
_HASH = Query(
    select(AuditSeal.hash).where(AuditSeal.chain == bindparam("of_chain"), AuditSeal.number == bindparam("nth")), _hash
)
_UNSEALED = Query(
    select(AuditEntry.position.label("value"))
    .where(AuditEntry.position >= bindparam("since"), ~exists().where(AuditSeal.position == AuditEntry.position))
    .order_by(AuditEntry.position)
    .limit(bindparam("most")),
    _number,
    whole="`app audit verify` compares every entry with the seals",
)


async def entries(  # noqa: PLR0913 - a filter each
    reader: Reader,
    most: int,
    before: int = NEWEST,
    *,
    subject: str | None = None,
    actor: UUID | None = None,
    request: str | None = None,
) -> list[Entry]:
    """The newest entries: all, or those about a row, of what an account did, or of a request."""
    if subject is not None:
        return await reader.all(_OF_SUBJECT, subject=subject, most=most, before=before)
    if actor is not None:
        return await reader.all(_OF_ACTOR, actor=actor, most=most, before=before)
    if request is not None:
        return await reader.all(_OF_REQUEST, request=request, most=most, before=before)
    return await reader.all(_NEWEST, most=most, before=before)


async def decided(  # noqa: PLR0913 - a column each
    session: Session,
    event: str,
    outcome: str,
    *,
    account_id: UUID | None,
    credential_id: UUID | None,
    reason: str | None,
) -> None:
    """Store a decision about an account; one that lets it in makes it the actor, too."""
    origin = session.origin
    await session.only(
        _DECIDED,
        actor_id=origin.account_id or (account_id if outcome == "granted" else None),
        credential_id=credential_id or origin.credential_id,
        event=event,
        outcome=outcome,
        subject_table="accounts" if account_id else None,
        subject_id=str(account_id) if account_id else None,
        request_id=origin.request_id,
        address=origin.address,
        reason=reason,
    )


async def links(reader: Reader, chain: int, after: int, most: int) -> list[Sealed]:
    """The next links of a chain."""
    return await reader.all(_LINKS, of_chain=chain, after=after, most=most)


async def beginnings(reader: Reader, since: int) -> dict[int, int]:
    """The least number in each chain that seals an entry from the position `since` on."""
    return dict(await reader.all(_BEGINNINGS, since=since))


async def length(reader: Reader, chain: int) -> int:
    """How many seals a chain has."""
    return await reader.one(_LENGTH, of_chain=chain) or 0


async def before_the_first(reader: Reader) -> int:
    """The last position with a seal that comes before every entry; 0 where there is none."""
    return await reader.one(_BEFORE_THE_FIRST) or 0


async def hash_at(reader: Reader, chain: int, number: int) -> bytes | None:
    """The hash of a link."""
    return await reader.one(_HASH, of_chain=chain, nth=number)


async def unsealed(reader: Reader, since: int, most: int) -> list[int]:
    """Entries that no chain holds."""
    return await reader.all(_UNSEALED, since=since, most=most)
