"""Bookings as a file for spreadsheets."""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import astuple, fields

from fastapi.responses import StreamingResponse

from app.domain.bookings.schemas import Exported

_AT_ONCE = 65_536


class CsvResponse(StreamingResponse):
    """A file of comma-separated values."""

    media_type: str | None = "text/csv"


async def written(rows: AsyncGenerator[Exported]) -> AsyncIterable[bytes]:
    """The lines of a file, in pieces."""
    piece = io.StringIO(newline="")
    writer = csv.writer(piece)
    writer.writerows([[each.name for each in fields(Exported)]])
    async for row in rows:
        writer.writerows([astuple(row)])
        if piece.tell() > _AT_ONCE:
            yield piece.getvalue().encode()
            _ = piece.seek(0)
            _ = piece.truncate()
    yield piece.getvalue().encode()
