"""Passwords: the parameters, the bound, and the cost of nobody."""

import asyncio

from argon2 import Type, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from app.kit.errors import Unavailable
from app.kit.passwords import Passwords


def test_a_real_hash_has_the_parameters_of_rfc_9106() -> None:
    passwords = Passwords()
    found = extract_parameters(asyncio.run(passwords.hash("correct horse battery 7")))
    passwords.close()

    assert found == RFC_9106_LOW_MEMORY
    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (Type.ID, 65_536, 3, 4)
    assert (found.salt_len, found.hash_len) == (16, 32)


def test_equal_passwords_have_different_hashes() -> None:
    passwords = Passwords(cheap=True)

    async def both() -> tuple[str, str]:
        return await passwords.hash("the same"), await passwords.hash("the same")

    one, other = asyncio.run(both())
    passwords.close()
    assert one != other


def test_nothing_stored_and_nonsense_stored_match_nothing() -> None:
    passwords = Passwords(cheap=True)

    async def tried() -> list[bool]:
        return [
            await passwords.matches("the password of nobody", stored) for stored in (None, "", "nonsense", "$argon2id$")
        ]

    assert asyncio.run(tried()) == [False] * 4
    passwords.close()


def test_past_a_queue_of_64_the_answer_is_503() -> None:
    passwords = Passwords(cheap=True)

    async def burst() -> list[str | BaseException]:
        return await asyncio.gather(*(passwords.hash("x") for _ in range(70)), return_exceptions=True)

    answers = asyncio.run(burst())
    passwords.close()
    assert [type(each) for each in answers] == [str] * 64 + [Unavailable] * 6
