"""WebSockets of Node backends: Socket.IO, ws, NestJS's gateways, Fastify's plugin."""

from __future__ import annotations

from collections.abc import Iterator

from discover.findings import Finding, Row
from discover.project import Project, Unit
from discover.rules import each


def findings(project: Project, unit: Unit) -> Iterator[Finding]:
    """Say what answers WebSockets."""
    for _, found in each(project, unit, Row.API, "websockets"):
        yield found
