"""Sends what is due when it is due. A process of its own: Locust makes the whole standard library cooperative.

Reads a Plan from standard input, writes Measured to standard output and its progress to standard error.
"""

import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from time import perf_counter, process_time
from typing import cast

# Before everything else: what is imported earlier would block.
from loadtest.visitor import Account, Answer, Arrival, SignIn, Unprepared, Visitor, listen  # isort: skip

import gevent
from gevent.pool import Group
from geventhttpclient import client as http
from locust.env import Environment

from loadtest import scenarios
from loadtest.measured import STATUS, Endpoint, Measured, Sender, StageMeasured, rounded
from loadtest.plan import Person, Plan, Stage, arrivals

# Visitors with a request under way; the next one is turned away, and counts as failed.
_MOST = 500

# Past this an arrival is not sent at all: the generator has lost its place.
_TOO_LATE = 2.0

# How long the last requests may take.
_GRACE = 12.0

# A connection that idles longer than this is not used again: the service may be closing it at this moment.
_IDLE = 5.0

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
        self.busy: float = 0.0

    def measured(self) -> StageMeasured:
        """The counts as they are handed back."""
        return StageMeasured(
            name=self.stage.name,
            seconds=self.stage.seconds,
            intended_rps=self.stage.arrivals / self.stage.seconds,
            endpoints=[
                Endpoint(name=name, answers=sorted(self.answers[name].items()), failures=dict(self.failures[name]))
                for name in sorted({*self.answers, *self.failures})
            ],
            unsent=self.unsent,
            sender=Sender(due=self.due, sent=self.sent, late=sorted(self.late.items()), busy_percent=self.busy),
        )


class Generator:
    """Plays a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan: Plan = plan
        self._environment: Environment = Environment(host=plan.url)
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
        renewal.kill()
        if self._broken:
            raise self._broken[0]
        seconds = [
            (second, self._seconds[second], self._errors[second]) for second in range(max(self._seconds, default=0) + 1)
        ]
        return Measured(stages=[tally.measured() for tally in self._tallies], seconds=seconds)

    def _send(self, index: int, begin: float, group: Group) -> None:
        tally = self._tallies[index]
        spent = process_time()
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
        tally.busy = (process_time() - spent) / tally.stage.seconds * 100

    def _visitor(self, kind: type[Visitor]) -> Visitor | None:
        """Somebody who has nothing to do, or somebody new; None when too many are waiting."""
        if len(self._busy) >= _MOST:
            return None
        idle = self._idle[kind]
        visitor = idle.pop() if idle else kind(self._environment)
        if perf_counter() - visitor.used > _IDLE:
            # The last one to be used idles too long, so all of them do.
            for each in (visitor, *idle):
                each.close()
            idle.clear()
            visitor = kind(self._environment)
        visitor.account = self._chance.choice(self._accounts)
        self._busy.add(visitor)
        return visitor

    def _visit(self, visitor: Visitor, task: Callable[[Visitor], None]) -> None:
        try:
            task(visitor)
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
    return cast("Callable[[Visitor], None]", chance.choice(cast("list[object]", visitor.tasks)))


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
