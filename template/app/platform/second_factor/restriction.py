"""Whoever has to have a second factor and has proved none may do nothing but set one up."""

from typing import ClassVar

from app.kit.access import MEMBER
from app.kit.errors import AppError
from app.platform.second_factor.challenge import METHODS
from app.platform.second_factor.errors import SecondFactorRequired
from app.platform.second_factor.settings import SecondFactorFor, SecondFactorSettings


class SecondFactorDemand:
    """Demands a second factor of nobody, of every role but `member`, or of everybody."""

    error: ClassVar[type[AppError]] = SecondFactorRequired

    def __init__(self, demanded_of: SecondFactorFor) -> None:
        self._of_members: bool = demanded_of is SecondFactorFor.EVERYBODY
        self._of_others: bool = demanded_of is not SecondFactorFor.NOBODY

    def applies(self, role: str, methods: frozenset[str]) -> bool:
        """Whether a caller has to set up a second factor first."""
        return (self._of_members if role == MEMBER else self._of_others) and not methods.issuperset(METHODS)


def restriction() -> SecondFactorDemand:
    """Made once for a service."""
    return SecondFactorDemand(SecondFactorSettings.read().demanded_of)
