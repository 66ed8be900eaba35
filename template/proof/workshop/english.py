"""One of several, and its article: `people` has `person`, which is `a person`; of `orders`, it is `an order`."""

import re

_ALONE = {
    "analyses": "analysis",
    "axes": "axis",
    "caches": "cache",
    "calories": "calorie",
    "children": "child",
    "crises": "crisis",
    "criteria": "criterion",
    "feet": "foot",
    "geese": "goose",
    "hypotheses": "hypothesis",
    "indices": "index",
    "matrices": "matrix",
    "men": "man",
    "mice": "mouse",
    "movies": "movie",
    "niches": "niche",
    "oxen": "ox",
    "people": "person",
    "phenomena": "phenomenon",
    "pies": "pie",
    "quizzes": "quiz",
    "shoes": "shoe",
    "theses": "thesis",
    "ties": "tie",
    "teeth": "tooth",
    "toes": "toe",
    "vertices": "vertex",
    "women": "woman",
    "zombies": "zombie",
} | {
    f"{stem}ves": single
    for stem, single in {
        "cal": "calf",
        "hal": "half",
        "kni": "knife",
        "lea": "leaf",
        "li": "life",
        "loa": "loaf",
        "shel": "shelf",
        "thie": "thief",
        "wi": "wife",
        "wol": "wolf",
    }.items()
}
_ENDINGS = (
    ("ookies", "ookie"),
    ("ies", "y"),
    ("sses", "ss"),
    ("shes", "sh"),
    ("ches", "ch"),
    ("xes", "x"),
    ("oes", "o"),
    # Of a bus, a status, a bonus; not of a house, a cause or an excuse.
    ("buses", "bus"),
    ("tuses", "tus"),
    ("nuses", "nus"),
    ("puses", "pus"),
    ("ruses", "rus"),
)
# Written with a vowel and spoken with a consonant, and the other way round.
_CONSONANT = re.compile(r"eu|one\b|once|u(?:ni(?!n|m)|s[aeiu]|ti|r[aei]|b[ei]|k)")
_SILENT = re.compile(r"hour|hono|heir|honest")


def singular(plural: str) -> str:
    """What one of them is called, of words with underscores between; empty where that is not known."""
    before, _, last = plural.rpartition("_")
    one = _one(last)
    return f"{before}_{one}" if before and one else one


def _one(word: str) -> str:
    if word in _ALONE:
        return _ALONE[word]
    for ending, replacement in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending):
            return word.removesuffix(ending) + replacement
    # Nobody knows what one of the series or the news is.
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is", "ries", "news")) else ""


def article(word: str) -> str:
    """`a` or `an`, by how the word is spoken."""
    spoken = word.lower().replace("_", " ")
    if _SILENT.match(spoken):
        return "an"
    return "an" if spoken[:1] in "aeiou" and not _CONSONANT.match(spoken) else "a"
