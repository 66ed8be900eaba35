"""Identifiers."""

import time
from uuid import RFC_4122, UUID

from app.kit.ids import uuid7, uuid7_text


def test_an_id_is_a_uuid_of_version_7_made_now() -> None:
    made = uuid7()

    assert (made.version, made.variant) == (7, RFC_4122)
    assert abs((made.int >> 80) - time.time() * 1000) < 5000


def test_ids_are_unique_and_their_text_is_canonical() -> None:
    made = {uuid7_text() for _ in range(1000)}

    assert len(made) == 1000
    assert {len(each) for each in made} == {36}
    assert {(UUID(each).version, UUID(each).variant, str(UUID(each)) == each) for each in made} == {(7, RFC_4122, True)}


def test_later_ids_are_greater() -> None:
    earlier = uuid7()
    time.sleep(0.002)

    assert earlier < uuid7()
