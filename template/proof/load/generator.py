"""Sends what is due when it is due. A process of its own: Locust makes the whole standard library cooperative.

Reads a Plan from standard input, writes Measured to standard output and its progress to standard error.
"""

import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from http import HTTPStatus
from importlib import import_module
from math import sqrt
from pkgutil import iter_modules
from time import perf_counter, process_time
from typing import cast

# Before everything else: what is imported earlier would block.
from proof.load.visitor import Account, Answer, Arrival, SignIn, Unprepared, Visitor, listen  # isort: skip

import gevent
import psutil
from gevent.pool import Group
from geventhttpclient import client as http
from locust.env import Environment

from loadtest import scenarios
from proof.load.connection import Connection
from proof.load.measured import STATUS, Cost, Endpoint, Measured, Sender, StageMeasured, rounded
from proof.load.plan import Closed, Person, Plan, Saturation, Stage, arrivals
from proof.load.verdict import fault

# Visitors with a request under way; the next one is turned away, and counts as failed.
_MOST = 500

# Past this an arrival is not sent at all: the generator has lost its place.
_TOO_LATE = 2.0

# How long the last requests may take.
_GRACE = 12.0

# A connection that idles longer than this is not used again: the service may be closing it at this moment.
_IDLE = 5.0

# The search for the highest rate begins with what busy connections get. Where the promises are kept at that rate, it
# rises until one is not; else it falls until all of them are, and at last tries between the two.
_PROBE = 64
_RISING, _RISES = 1.1, 3
_FALLING, _FALLS = 0.8, 5

# Enough to keep a worker busy, and few enough not to wait in line for long.
_BUSY = 16

# A request that got no answer is a failure to report, not one to send again.
http.IDEMPOTENT_METHODS = frozenset()


def kinds() -> list[type[Visitor]]:
    """The visitors of every `loadtest/scenarios/*.py`, in the order of the files' names."""
    found: list[type[Visitor]] = []
    for name in sorted(each.name for each in iter_modules(scenarios.__path__)):
        module = import_module(f"{scenarios.__name__}.{name}")
        own = [
            each
            for each in cast("dict[str, object]", vars(module)).values()
            if isinstance(each, type) and issubclass(each, Visitor) and each.__module__ == module.__name__
        ]
        if not own:
            raise Unprepared(f"loadtest/scenarios/{name}.py has no Visitor: begin it as items.py begins.")
        found += own
    return found


class Tally:
    """The counts of one stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage: Stage = stage
        self.answers: defaultdict[str, Counter[float]] = defaultdict(Counter)
        self.failures: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.late: Counter[float] = Counter()
        self.due: int = 0
        self.sent: int = 0
        self.unsent: int = 0
        self.in_time: int = 0
        self.end: float = float("inf")
        self.busy: float = 0.0
        self.connections: int = 0
        self.seconds: float = stage.seconds
        self.cost: Cost | None = None

    def measured(self) -> StageMeasured:
        """The counts as they are handed back."""
        return StageMeasured(
            name=self.stage.name,
            seconds=self.seconds,
            # Busy connections intend no rate: they take what they get.
            intended_rps=(self.in_time if self.connections else self.stage.arrivals) / self.seconds,
            endpoints=[
                Endpoint(name=name, answers=sorted(self.answers[name].items()), failures=dict(self.failures[name]))
                for name in sorted({*self.answers, *self.failures})
            ],
            unsent=self.unsent,
            sender=Sender(due=self.due, sent=self.sent, late=sorted(self.late.items()), busy_percent=self.busy),
            in_time=self.in_time,
            connections=self.connections,
            cost=self.cost,
        )


class Meter:
    """What the processors have done since it was made."""

    def __init__(self, pid: int | None) -> None:
        self._pid: int | None = pid
        self._own: float = process_time()
        self._service: float = self._spent()
        self._machine: tuple[float, float] = _machine()

    def busy_percent(self, seconds: float) -> float:
        """How much of its core this process used."""
        return (process_time() - self._own) / seconds * 100

    def cost(self) -> Cost:
        """What the service and the machine did."""
        total, idle = (after - before for after, before in zip(_machine(), self._machine, strict=True))
        spent = None if self._pid is None else self._spent() - self._service
        return Cost(service_seconds=spent, idle_percent=idle / total * 100 if total else 0.0)

    def _spent(self) -> float:
        if self._pid is None:
            return 0.0
        parent = psutil.Process(self._pid)
        times = [each.cpu_times() for each in (parent, *parent.children(recursive=True))]
        return sum(each.user + each.system for each in times)


def _machine() -> tuple[float, float]:
    times = psutil.cpu_times()
    return sum(cast("tuple[float, ...]", times)), times.idle


class Generator:
    """Plays a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan: Plan = plan
        self._environment: Environment = Environment(host=plan.url)
        self._lean: bool = False
        self._kinds: list[type[Visitor]] = kinds()
        for kind in (SignIn, *self._kinds):
            kind.host = plan.url
        self._accounts: list[Account] = []
        self._idle: dict[type[Visitor], list[Visitor]] = {kind: [] for kind in self._kinds}
        self._busy: set[Visitor] = set()
        self._tallies: list[Tally] = [Tally(stage) for stage in plan.stages]
        self._seconds: Counter[int] = Counter()
        self._errors: Counter[int] = Counter()
        self._start: float = 0.0
        self._broken: list[Exception] = []
        # The same visits in the same order at every run, so that two runs can be compared.
        self._chance: random.Random = random.Random(1)
        listen(self._environment, self._heard)

    def run(self) -> Measured:
        """Sign in, look around, then send."""
        lifetime = self._sign_in(self._plan.people)
        for kind in self._kinds:
            for account in self._accounts:
                visitor = kind(self._environment)
                visitor.account = account
                visitor.prepare()
                visitor.close()
        renewal, group = Group(), Group()
        renewal.spawn(self._renew, lifetime / 2)
        self._start = perf_counter() + 0.1
        begin = self._start
        for index, tally in enumerate(self._tallies):
            _say(f"{tally.stage.name}: {tally.stage.seconds:.0f} s, {tally.stage.rate:g} requests/s")
            self._send(index, begin, group)
            begin += tally.stage.seconds
        group.join(timeout=_GRACE)
        for visitor in list(self._busy):
            self._count(visitor, f"no answer within {_GRACE:.0f} s")
        stages = [tally.measured() for tally in self._tallies]
        saturation = [] if self._plan.saturation is None else self._saturate(self._plan.saturation)
        closed = [each for step in self._plan.closed for each in self._steps(step)]
        renewal.kill()
        if self._broken:
            raise self._broken[0]
        seconds = [
            (second, self._seconds[second], self._errors[second]) for second in range(max(self._seconds, default=0) + 1)
        ]
        return Measured(stages=stages, seconds=seconds, saturation=saturation, closed=closed)

    def _saturate(self, search: Saturation) -> list[StageMeasured]:
        """Find the highest rate at which the promises are kept: the probe, then the tries in their order."""
        found = [self._held("probe", _PROBE, search.seconds, None)]
        rate = max(found[0].answered_rps, 1.0)

        def keeps(rate: float) -> bool:
            found.append(self._tried(rate, search.seconds))
            return bool(self._broken) or fault(found[-1], search.promises) is None

        if keeps(rate):
            for step in range(1, _RISES + 1):
                if not keeps(rate * _RISING**step):
                    break
            return found
        for step in range(1, _FALLS + 1):
            if keeps(rate * _FALLING**step):
                keeps(rate * _FALLING**step / sqrt(_FALLING))
                break
        return found

    def _tried(self, rate: float, seconds: float) -> StageMeasured:
        """Requests arriving at a rate, as in the stages, but sent at less expense."""
        self._go_lean()
        tally, group = Tally(Stage(name="saturation", seconds=seconds, rate=rate)), Group()
        self._tallies.append(tally)
        _say(f"saturation: {seconds:.1f} s, {rate:.0f} requests/s")
        self._send(len(self._tallies) - 1, perf_counter(), group)
        group.join(timeout=_GRACE)
        for visitor in list(self._busy):
            self._count(visitor, f"no answer within {_GRACE:.0f} s")
        self._busy.clear()
        return tally.measured()

    def _steps(self, step: Closed) -> list[StageMeasured]:
        if not step.each_task:
            return [self._held("the mix", step.connections, step.seconds, None)]
        return [
            self._held(name, step.connections, step.seconds, (kind, task))
            for kind in self._kinds
            for name, task in {task.__name__: task for task in _tasks(kind)}.items()
        ]

    def _held(
        self, name: str, connections: int, seconds: float, only: tuple[type[Visitor], Callable[[Visitor], None]] | None
    ) -> StageMeasured:
        """So many busy connections: on each of them the next request follows an answer."""
        self._go_lean()
        tally = Tally(Stage(name=name, seconds=seconds, rate=1.0))
        tally.connections = connections
        self._tallies.append(tally)
        _say(f"{name}: {seconds:.1f} s on {connections} busy connections")
        begin, meter = perf_counter(), Meter(self._plan.pid)
        group = Group()
        for _ in range(connections):
            group.spawn(self._hold, len(self._tallies) - 1, begin + seconds, only)
        group.join()
        tally.seconds = perf_counter() - begin
        tally.busy, tally.cost = meter.busy_percent(tally.seconds), meter.cost()
        return tally.measured()

    def _hold(self, index: int, end: float, only: tuple[type[Visitor], Callable[[Visitor], None]] | None) -> None:
        connection = Connection(self._plan.url)
        visitors = [kind(self._environment) for kind in ([only[0]] if only else self._kinds)]
        for visitor in visitors:
            visitor.connection = connection
        tally = self._tallies[index]
        try:
            while not self._broken and (now := perf_counter()) < end:
                visitor = self._chance.choice(visitors)
                visitor.account = self._chance.choice(self._accounts)
                visitor.arrival = Arrival(index, now)
                tally.due += 1
                tally.sent += 1
                (only[1] if only else _a_task(visitor, self._chance))(visitor)
                self._settled(visitor)
        except Exception as error:  # noqa: BLE001 - a scenario is anybody's code; the first mistake ends the run
            self._broken.append(error)
        finally:
            connection.close()

    def _go_lean(self) -> None:
        """From now on without Locust's client: it costs more than the service that it is to saturate."""
        for each in self._idle.values():
            for visitor in each:
                visitor.close()
            each.clear()
        self._lean = True

    def _someone(self, kind: type[Visitor]) -> Visitor:
        visitor = kind(self._environment)
        if self._lean:
            visitor.connection = Connection(self._plan.url)
        return visitor

    def _settled(self, visitor: Visitor) -> None:
        """Count what came over a connection of its own, which Locust does not hear of."""
        heard = visitor.heard
        if heard is not None and visitor.arrival is not None:
            good = HTTPStatus.OK <= heard.status_code < HTTPStatus.BAD_REQUEST
            self._count(visitor, None if good else heard.fault or f"{STATUS}{heard.status_code}")

    def _send(self, index: int, begin: float, group: Group) -> None:
        tally = self._tallies[index]
        meter = Meter(self._plan.pid)
        tally.end = begin + tally.stage.seconds
        for after in arrivals(tally.stage, self._chance):
            due = begin + after
            # Without a wait, too, the others get their turn.
            gevent.sleep(max(0.0, due - perf_counter()))
            late = perf_counter() - due
            tally.due += 1
            tally.late[rounded(late * 1000)] += 1
            if late > _TOO_LATE:
                continue
            tally.sent += 1
            visitor = self._visitor(self._chance.choice(self._kinds))
            if visitor is None:
                tally.unsent += 1
            else:
                visitor.arrival = Arrival(index, due)
                group.spawn(self._visit, visitor, _a_task(visitor, self._chance))
        gevent.sleep(max(0.0, begin + tally.stage.seconds - perf_counter()))
        tally.busy, tally.cost = meter.busy_percent(tally.stage.seconds), meter.cost()

    def _visitor(self, kind: type[Visitor]) -> Visitor | None:
        """Somebody who has nothing to do, or somebody new; None when too many are waiting."""
        if len(self._busy) >= _MOST:
            return None
        idle = self._idle[kind]
        visitor = idle.pop() if idle else self._someone(kind)
        if perf_counter() - visitor.used > _IDLE:
            # The last one to be used idles too long, so all of them do.
            for each in (visitor, *idle):
                each.close()
            idle.clear()
            visitor = self._someone(kind)
        visitor.account = self._chance.choice(self._accounts)
        self._busy.add(visitor)
        return visitor

    def _visit(self, visitor: Visitor, task: Callable[[Visitor], None]) -> None:
        try:
            task(visitor)
            self._settled(visitor)
        except Exception as error:  # noqa: BLE001 - a scenario is anybody's code; the first mistake ends the run
            self._broken.append(error)
        finally:
            visitor.arrival = None
            visitor.used = perf_counter()
            self._busy.discard(visitor)
            self._idle[type(visitor)].append(visitor)

    def _heard(
        self, *, response: Answer, exception: Exception | None, context: dict[str, Visitor], **_: object
    ) -> None:
        failure = None
        if exception is not None:
            failure = f"{STATUS}{response.status_code}" if response.status_code else repr(exception)
        self._count(context["visitor"], failure)

    def _count(self, visitor: Visitor, failure: str | None) -> None:
        arrival = visitor.arrival
        if arrival is None:
            return  # signing in and looking around are not measured
        visitor.arrival = None
        now = perf_counter()
        tally = self._tallies[arrival.stage]
        second = int(now - self._start)
        self._seconds[second] += 1
        if failure is None:
            tally.in_time += now <= tally.end
            tally.answers[visitor.operation][rounded((now - arrival.due) * 1000)] += 1
        else:
            self._errors[second] += 1
            tally.failures[visitor.operation][failure] += 1

    def _sign_in(self, people: list[Person]) -> float:
        """Get a token for everybody, one after the other: hashing passwords is slow by intention."""
        visitor = SignIn(self._environment)
        lifetime = 0
        for index, person in enumerate(people):
            token, lifetime = visitor.token(person.email, person.password)
            if index < len(self._accounts):
                self._accounts[index].token = token
            else:
                self._accounts.append(Account(token))
        visitor.close()
        return lifetime

    def _renew(self, seconds: float) -> None:
        while True:
            gevent.sleep(seconds)
            self._sign_in(self._plan.people)


def _a_task(visitor: Visitor, chance: random.Random) -> Callable[[Visitor], None]:
    """One of the scenario's tasks, by their weights: Locust lists each as often as it weighs."""
    return chance.choice(_tasks(type(visitor)))


def _tasks(kind: type[Visitor]) -> list[Callable[[Visitor], None]]:
    return cast("list[Callable[[Visitor], None]]", kind.tasks)


def _say(text: str) -> None:
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


def main() -> None:
    """The entry point of the process."""
    try:
        measured = Generator(Plan.model_validate_json(sys.stdin.read())).run()
    except Unprepared as error:
        _say(f"Error: {error}")
        raise SystemExit(1) from None
    sys.stdout.write(measured.model_dump_json())


if __name__ == "__main__":
    main()
