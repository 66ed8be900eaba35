"""SQLAlchemy's ORM, where objects with relationships are easier to write than statements.

An `OrmSession` is an `AsyncSession` in the transaction of the operation's `Session`, and an operation may take both.
docs/database.md says how it differs from one of SQLAlchemy's own. Nothing of this is loaded where nothing imports it.
"""

from typing import Annotated

from fastapi import Depends

from app.adapters.orm import work
from app.adapters.orm.work import within

__all__ = ["OrmSession", "within"]

OrmSession = Annotated[work.OrmSession, Depends(work.orm_session, scope="function")]
