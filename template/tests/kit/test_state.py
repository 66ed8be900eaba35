"""What is kept for the life of the service."""

import pytest
from fastapi import FastAPI

from app.kit import state


def test_classes_of_one_name_are_told_apart() -> None:
    app = FastAPI()
    first, second = type("Store", (), {}), type("Store", (), {})
    one, other = first(), second()

    state.keep(app, one)
    state.keep(app, other)

    assert state.find(app, first) is one
    assert state.find(app, second) is other


def test_a_class_of_which_nothing_is_kept_is_an_error() -> None:
    app = FastAPI()
    state.keep(app, "kept")

    with pytest.raises(KeyError, match="int"):
        _ = state.find(app, int)
