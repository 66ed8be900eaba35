"""Dependencies, planned once: what FastAPI's solver finds out anew at every request is known when a route is made.

Planned are coroutines and async generators, the parameters of path, query, header, cookie and JSON body, and the
request itself. A route that uses anything else has no plan and is solved by FastAPI. Parameters are read and checked by
FastAPI's own functions, so what is accepted does not differ. Measured gain: docs/decisions/platform/0009-requests.md.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction, ismethod
from typing import cast

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_body_to_args, request_params_to_args

from app.kit.access import Public

Values = dict[str, object]
ReadBody = Callable[[Request], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the arguments of one function are made from a request."""

    wanted: Dependant
    steps: tuple["Step", ...]
    takes_parameters: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One dependency of a function: exactly one of `call` and `enter` makes its value."""

    plan: Plan
    name: str | None
    call: Callable[..., Awaitable[object]] | None
    enter: Callable[..., AsyncGenerator[object]] | None


def plan(wanted: Dependant) -> Plan | None:
    """The plan of a function's arguments; None when it takes something that only FastAPI's solver knows."""
    special = (
        wanted.websocket_param_name,
        wanted.http_connection_param_name,
        wanted.response_param_name,
        wanted.background_tasks_param_name,
        wanted.security_scopes_param_name,
    )
    if any(special) or wanted.concurrency is not None or not wanted.use_cache:
        return None
    steps: list[Step] = []
    for inner in wanted.dependencies:
        # An operation that anyone may call asks nothing: its rule is there to be read, not to be run.
        if isinstance(inner.call, Public):
            continue
        inner_plan = plan(inner)
        call: object = inner.call
        # A rule is an object that is called: what kind of function it is, its class says.
        how = call if isfunction(call) or ismethod(call) else getattr(type(call), "__call__", None)  # noqa: B004
        if inner_plan is None or call is None:
            return None
        if iscoroutinefunction(how):
            steps.append(Step(inner_plan, inner.name, inner.call, None))
        elif isasyncgenfunction(how):
            steps.append(Step(inner_plan, inner.name, None, inner.call))
        else:
            return None
    parameters = (
        wanted.path_params,
        wanted.query_params,
        wanted.header_params,
        wanted.cookie_params,
        wanted.body_params,
    )
    return Plan(wanted, tuple(steps), any(parameters))


@dataclass(slots=True)
class Solving:
    """The making of one request's arguments. What was refused is in `errors`, for all inputs at once."""

    request: Request
    stack: AsyncExitStack
    read_body: ReadBody
    embedded: bool
    errors: list[object] = field(default_factory=list[object])
    _made: dict[object, object] = field(default_factory=dict[object, object])

    async def arguments(self, plan: Plan) -> Values:
        """The arguments of a function.

        Dependencies come first: whoever may not do this is told so before anything they sent is read.
        """
        values: Values = {}
        for step in plan.steps:
            made = await self._make(step)
            if step.name is not None:
                values[step.name] = made
        if plan.takes_parameters:
            await self._read_parameters(plan.wanted, values)
        if plan.wanted.request_param_name is not None:
            values[plan.wanted.request_param_name] = self.request
        return values

    async def _make(self, step: Step) -> object:
        key = step.call or step.enter
        if key in self._made:
            return self._made[key]
        inner = await self.arguments(step.plan)
        if self.errors:
            # It would be called without what was refused. The endpoint is not reached either.
            return None
        if step.call is not None:
            made = await step.call(**inner)
        elif step.enter is not None:
            made = await self.stack.enter_async_context(asynccontextmanager(step.enter)(**inner))
        else:
            raise TypeError("a step has neither a call nor a generator")
        self._made[key] = made
        return made

    async def _read_parameters(self, wanted: Dependant, values: Values) -> None:
        request = self.request
        if wanted.path_params:
            self._take(request_params_to_args(wanted.path_params, request.path_params), values)
        if wanted.query_params:
            self._take(request_params_to_args(wanted.query_params, request.query_params), values)
        if wanted.header_params:
            self._take(request_params_to_args(wanted.header_params, request.headers), values)
        if wanted.cookie_params:
            self._take(request_params_to_args(wanted.cookie_params, request.cookies), values)
        if wanted.body_params:
            body = await self.read_body(request)
            self._take(await request_body_to_args(wanted.body_params, body, self.embedded), values)

    def _take(self, outcome: tuple[object, object], values: Values) -> None:
        read, refused = outcome
        values.update(cast("Values", read))
        self.errors.extend(cast("list[object]", refused))
