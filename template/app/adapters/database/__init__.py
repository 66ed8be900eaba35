"""PostgreSQL: the connections, and the two ways to use them.

A `Reader` runs each query by itself, outside any transaction, on a connection that it holds for that query alone. A
`Session` is one transaction; it commits before the answer leaves. The signature of a function says which it needs.

Statements are written with SQLAlchemy's expressions, compiled once when their module is imported, and run on asyncpg.
Decisions 7 and 8 in docs/decisions/ say why the ORM's session is not used, nor asyncpg's own pool. docs/database.md
has the recipes.
"""

from typing import Annotated

from fastapi import Depends

from app.adapters.database import work
from app.adapters.database.connections import Connection, connect
from app.adapters.database.errors import explained
from app.adapters.database.lists import Listing
from app.adapters.database.settings import DatabaseSettings
from app.adapters.database.statements import Base, Command, Query, arguments, identity

__all__ = [
    "Base",
    "Command",
    "Connection",
    "Database",
    "DatabaseSettings",
    "Listing",
    "Query",
    "Reader",
    "Session",
    "arguments",
    "connect",
    "explained",
    "identity",
]


Reader = Annotated[work.Reader, Depends(work.reader)]
Session = Annotated[work.Session, Depends(work.session, scope="function")]

Database = Annotated[work.Database, Depends(work.database)]
"""For what has to be committed before the operation goes on: `async with database.transaction() as session`."""
