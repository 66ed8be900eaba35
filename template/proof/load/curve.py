"""The universal scalability law, fitted: what one more connection adds, and where it stops to add anything.

    X(N) = λN / (1 + σ(N - 1) + κN(N - 1))

X is in requests/s, N the number of busy connections, λ what one of them gets by itself. σ is the share of the work that
waits for its turn (the processor is one queue, for instance), κ what the connections cost each other.
Source: N. J. Gunther, Guerrilla Capacity Planning, 2007, chapter 4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import isfinite, sqrt

Point = tuple[int, float]
"""Busy connections, and the requests per second that they got."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A fitted law."""

    rate: float
    """λ, in requests/s."""
    contention: float
    """σ, without a unit."""
    coherency: float
    """κ, without a unit."""
    residual_percent: float
    """How far the points are from the curve: the root of the mean square, relative to the points."""

    def at(self, connections: float) -> float:
        """The requests per second of so many busy connections."""
        n = connections
        return self.rate * n / (1 + self.contention * (n - 1) + self.coherency * n * (n - 1))

    def most(self, connections: int) -> tuple[int, float]:
        """The highest point of the curve up to that number of connections: beyond what was measured, it knows nothing.

        Returns:
            The connections there, and the requests per second.
        """
        peak = sqrt((1 - self.contention) / self.coherency) if self.coherency > 0 and self.contention < 1 else None
        at = connections if peak is None else max(1, min(connections, round(peak)))
        return at, self.at(at)


def fitted(points: Sequence[Point]) -> Curve:
    """The law that is nearest to the points, relative to their height, with no negative parameter.

    N/X = a + b(N - 1) + cN(N - 1) is linear in a = 1/λ, b = σ/λ and c = κ/λ. A measured rate errs by a share of itself,
    so each equation is divided by its N/X.

    Args:
        points: at least three, of different numbers of connections.
    """
    if len({n for n, _ in points}) < 3 or any(x <= 0 for _, x in points):  # noqa: PLR2004 - as many as parameters
        raise ValueError(
            "A curve needs three points, each with a number of connections of its own and a positive rate."
        )
    lines = [[x / n, (n - 1) * x / n, (n - 1) * x] for n, x in points]
    best = min(_solutions(lines), key=lambda each: _distance(lines, each))
    a, b, c = best
    curve = Curve(1 / a, b / a, c / a, 0.0)
    errors = [(curve.at(n) - x) / x for n, x in points]
    return Curve(1 / a, b / a, c / a, 100 * sqrt(sum(each * each for each in errors) / len(errors)))


def _solutions(lines: Sequence[Sequence[float]]) -> Iterator[list[float]]:
    """The least squares of 1 = a·u + b·v + c·w with each choice of b and c held at 0; those without a negative."""
    for free in chain.from_iterable(combinations((1, 2), count) for count in range(3)):
        chosen = (0, *free)
        matrix = [[sum(line[i] * line[j] for line in lines) for j in chosen] for i in chosen]
        right = [sum(line[i] for line in lines) for i in chosen]
        found = [0.0, 0.0, 0.0]
        for index, value in zip(chosen, _solved(matrix, right), strict=True):
            found[index] = value
        if found[0] > 0 and min(found) >= 0 and all(map(isfinite, found)):
            yield found


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """The solution of a positive definite system, by elimination."""
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    for index, row in enumerate(rows):
        for other in rows[index + 1 :]:
            factor = other[index] / row[index]
            other[:] = [x - factor * y for x, y in zip(other, row, strict=True)]
    found: list[float] = []
    for index in reversed(range(len(rows))):
        known = sum(x * y for x, y in zip(rows[index][index + 1 : -1], found, strict=True))
        found.insert(0, (rows[index][-1] - known) / rows[index][index])
    return found


def _distance(lines: Sequence[Sequence[float]], found: Sequence[float]) -> float:
    return sum((sum(x * y for x, y in zip(line, found, strict=True)) - 1) ** 2 for line in lines)
