"""Every statement about second factors, compiled once."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy import insert as insert_row
from sqlalchemy.dialects.postgresql import insert

from app.adapters.database import Command, Query, Reader, Session, arguments, identity
from app.kit.ids import uuid7
from app.platform.second_factor.models import RecoveryCode, SecondFactor


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an account's second factor."""

    account_id: UUID
    secret: str = field(repr=False)
    last_step: int | None
    confirmed_at: datetime | None


def _account(account_id: UUID) -> UUID:
    return account_id


_OWN = SecondFactor.account_id == bindparam("owner")
_CODES = RecoveryCode.account_id == bindparam("owner")

_ACTIVE = Query(select(SecondFactor.account_id).where(_OWN, SecondFactor.confirmed_at.is_not(None)), _account)
_LOCKED = Query(
    select(SecondFactor.account_id, SecondFactor.secret, SecondFactor.last_step, SecondFactor.confirmed_at)
    .where(_OWN)
    .with_for_update(),
    Known,
)
_PROPOSED = insert(SecondFactor).values(arguments("account_id", "secret"))
# Beginning anew replaces what was never confirmed, and nothing else.
_BEGIN = Command(
    _PROPOSED.on_conflict_do_update(
        index_elements=["account_id"],
        set_={"secret": _PROPOSED.excluded.secret, "created_at": func.now()},
        where=SecondFactor.confirmed_at.is_(None),
    ).returning(SecondFactor.account_id),
    _account,
)
_CONFIRM = Command(
    update(SecondFactor)
    .where(_OWN)
    .values(confirmed_at=func.now(), last_step=bindparam("step"))
    .returning(SecondFactor.account_id),
    _account,
)
_USE = Command(
    update(SecondFactor).where(_OWN).values(last_step=bindparam("step")).returning(SecondFactor.account_id), _account
)
_REMOVE = Command(delete(SecondFactor).where(_OWN).returning(SecondFactor.account_id), _account)
_ADD_CODE = Command(
    insert_row(RecoveryCode).values(arguments("id", "account_id", "digest")).returning(RecoveryCode.id), identity
)
_USE_CODE = Command(
    delete(RecoveryCode).where(_CODES, RecoveryCode.digest == bindparam("presented")).returning(RecoveryCode.id),
    identity,
)
_DROP_CODES = Command(delete(RecoveryCode).where(_CODES).returning(RecoveryCode.id), identity)
_LEFT = Query(select(RecoveryCode.id).where(_CODES), identity)


async def is_active(reader: Reader | Session, account_id: UUID) -> bool:
    """Whether an account has a second factor that was confirmed."""
    return await reader.one(_ACTIVE, owner=account_id) is not None


async def codes_left(reader: Reader, account_id: UUID) -> int:
    """How many recovery codes an account has not used."""
    return len(await reader.all(_LEFT, owner=account_id))


async def locked(session: Session, account_id: UUID) -> Known | None:
    """An account's second factor, which nobody else can use until the transaction ends."""
    return await session.one(_LOCKED, owner=account_id)


async def begin(session: Session, account_id: UUID, secret: str) -> bool:
    """Store a secret that is yet to be confirmed; False when the account has a second factor."""
    return await session.one(_BEGIN, account_id=account_id, secret=secret) is not None


async def confirm(session: Session, account_id: UUID, step: int) -> None:
    """Make a second factor count, and note the step of its first code."""
    await session.only(_CONFIRM, owner=account_id, step=step)


async def use(session: Session, account_id: UUID, step: int) -> None:
    """Note the step of the last code."""
    await session.only(_USE, owner=account_id, step=step)


async def remove(session: Session, account_id: UUID) -> None:
    """Forget an account's second factor and its recovery codes."""
    await session.one(_REMOVE, owner=account_id)
    _ = await session.all(_DROP_CODES, owner=account_id)


async def replace_codes(session: Session, account_id: UUID, digests: list[bytes]) -> None:
    """Store new recovery codes in place of those that are left."""
    _ = await session.all(_DROP_CODES, owner=account_id)
    for digest in digests:
        await session.only(_ADD_CODE, id=uuid7(), account_id=account_id, digest=digest)


async def use_code(session: Session, account_id: UUID, digest: bytes) -> bool:
    """Use up a recovery code; False when the account has no such code."""
    return await session.one(_USE_CODE, owner=account_id, presented=digest) is not None
