"""The floor: what one Python process can do at most for an authenticated read, list and durable insert.

Raw ASGI, asyncpg, one HS256 check per request, no framework, no validation, no log. hooks/bench.py serves it beside a
rendered service and quotes the ratio.

GET /v1/items/{n} (1 to 10000) · GET /v1/items (20 rows) · POST /v1/items (one row, committed) · GET /livez (nothing).
It creates and fills its own table `floor_item` at start.
"""

import os
import time
import uuid
from collections.abc import Callable
from typing import Any

import asyncpg
import jwt
import msgspec

SECRET = "floor-secret-" + "x" * 51
DSN = os.environ.get("FLOOR_DSN", "")
ONE = "select id, owner_id, name, description, created_at, updated_at from floor_item where n = $1"
PAGE = "select id, owner_id, name, description, created_at, updated_at from floor_item where n > $1 order by n limit 20"
NEW = """
insert into floor_item (id, owner_id, name, description) values ($1, $2, $3, $4)
returning id, owner_id, name, description, created_at, updated_at
"""
SCHEMA = """
create table if not exists floor_item (
    n bigint generated always as identity unique, id uuid primary key, owner_id uuid not null, name text not null,
    description text, created_at timestamptz not null default now(), updated_at timestamptz not null default now());
insert into floor_item (id, owner_id, name, description)
select gen_random_uuid(), gen_random_uuid(), 'name ' || g, 'description of ' || g from generate_series(1, 10000) g
where not exists (select from floor_item);
"""
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode
pool: asyncpg.Pool


def token() -> str:
    """Make the token to send as `Authorization: Bearer …`."""
    made: str = jwt.encode({"sub": str(uuid.uuid4()), "exp": int(time.time()) + 86_400}, SECRET, algorithm="HS256")
    return made


async def app(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[dict[str, Any]], Any]) -> None:
    """Answer one request."""
    global pool
    if scope["type"] == "lifespan":
        await receive()
        pool = await asyncpg.create_pool(DSN, min_size=8, max_size=8)
        await pool.execute(SCHEMA)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await pool.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    path, status = scope["path"], 200
    if path == "/livez":
        body = b'{"status":"ok"}'
    else:
        claims = jwt.decode(dict(scope["headers"])[b"authorization"][7:], SECRET, algorithms=["HS256"])
        async with pool.acquire() as connection:
            if scope["method"] == "POST":
                data = decode((await receive())["body"])
                row = await connection.fetchrow(
                    NEW, uuid.uuid4(), uuid.UUID(claims["sub"]), data["name"], data.get("description")
                )
                body, status = encode(dict(row)), 201
            elif path == "/v1/items":
                body = encode([dict(row) for row in await connection.fetch(PAGE, 100)])
            else:
                body = encode(dict(await connection.fetchrow(ONE, int(path.rsplit("/", 1)[1]))))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    print(token())
