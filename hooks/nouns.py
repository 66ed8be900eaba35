"""Make random nouns in a service by `make domain`, and prove each of them: 200 unless told otherwise.

`make nouns SEED=7 COUNT=20` makes the same ones each time. They come in groups that share a service and refer to each
other; what a group fails at is shown with the commands that make it. `COVERING` has every type and option in few nouns:
test_generated.py makes those in the default service.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import shell
from copier import run_copy

ROOT = Path(__file__).resolve().parent.parent
GROUP = 8
NAMES = (
    "bookings",
    "boxes",
    "branches",
    "buses",
    "car_parts",
    "children",
    "cities",
    "companies",
    "door_keys",
    "invoices",
    "letters",
    "movies",
    "offers",
    "order_lines",
    "parcels",
    "people",
    "prices",
    "quizzes",
    "rooms",
    "shelves",
    "shops",
    "stories",
    "tickets",
    "umbrellas",
    "universities",
    "visits",
    "wishes",
)
COVERING = {
    "rooms": "name:line:unique seats:int(1..500):index=10",
    "tags": "title:line(40):unique",
    "bookings": "room:ref(rooms) starts_at:timestamp:index price:money(0..) status:enum(draft,confirmed)=draft "
    "notes:text? parent:ref(self)? tags:many(tags) others:many(rooms) labels:array(5)",
    "people": "email:email:unique phone:line:encrypted site:url? born:date? ticket:uuid:unique active:bool=true "
    "score:float(0..1)=0.5 extra:json more:json? big:bigint:unique rate:decimal(9,4,0..1)? whole:decimal(6,0,0..99)=1 "
    "friends:many(self)",
    "order_lines": "booking:ref(bookings):unique person:ref(people,null)? category:ref(rooms,cascade)? amount:int?=3",
}

_RANGES = {
    "int": ("", "(1..5000)", "(0..)", "(..9)"),
    "bigint": ("", "(0..)"),
    "money": ("", "(0..)", "(0.50..9999)"),
    "decimal": ("", "(9,4)", "(28,10)", "(6,0,0..99999)"),
    "float": ("", "(0..1)", "(-90..90)"),
    "line": ("", "(40)"),
    "text": ("", "(500)"),
    "array": ("", "(3)"),
    "enum": ("(draft,confirmed)", "(a)", "(new,in-work,done)"),
}
_PLAIN = (*_RANGES, "email", "url", "bool", "date", "timestamp", "uuid", "json")
_UNIQUE = ("line", "email", "bigint", "money", "date", "timestamp", "uuid")
_INDEXED = (*_UNIQUE, "int", "decimal", "float", "bool", "enum")
_SEALED = ("line", "text", "email", "url")
_DEFAULTS = {"bool": "true", "text": "nothing", "money": "1", "decimal": "1", "float": "0.5", "int": "5", "bigint": "7"}


def field(draw: random.Random, name: str) -> str:
    """Give a field of any type, with any options that it may have."""
    kind = draw.choice(_PLAIN)
    inside = draw.choice(_RANGES.get(kind, ("",)))
    optional = draw.choice(("", "", "?"))
    may = [
        *([":unique"] if kind in _UNIQUE else []),
        *([":index"] if kind in _INDEXED else []),
        *([":encrypted"] if kind in _SEALED else []),
    ]
    option = draw.choice(["", *may])
    default = ""
    if option not in {":unique", ":encrypted"} and draw.random() < 0.3:
        value = inside[1:].split(",")[0].rstrip(")") if kind == "enum" else _DEFAULTS.get(kind)
        default = f"={value}" if value else ""
    return f"{name}:{kind}{inside}{optional}{option}{default}"


def relation(draw: random.Random, name: str, others: list[str]) -> str:
    """Give a reference to an earlier noun or to itself, or a list of them."""
    other = draw.choice([*others, "self"])
    if draw.random() < 0.3:
        return f"{name}s:many({other})"
    rule = draw.choice(("", ",cascade", ",null"))
    optional = "?" if other == "self" or rule == ",null" else draw.choice(("", "?"))
    return f"{name}:ref({other}{rule}){optional}{draw.choice(('', '', ':unique', ':index'))}"


def group(seed: int) -> dict[str, str]:
    """Give the nouns of one service with their fields: the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - to be drawn again
    found: dict[str, str] = {}
    for name in draw.sample(NAMES, GROUP):
        fields = [field(draw, f"field_{number}") for number in range(draw.randint(1, 8))]
        fields += [relation(draw, f"other_{number}", list(found)) for number in range(draw.choice((0, 1, 1, 2)))]
        found[name] = " ".join(fields)
    return found


def said(service: Path, *command: str) -> str:
    """Run a command in a service: what it said when it failed, or nothing."""
    done = subprocess.run(
        command, cwd=service, env=shell.outside(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return f"{' '.join(command)}:\n{done.stdout[-6000:]}" if done.returncode else ""


def prove(service: Path, nouns: dict[str, str], uv: str) -> str:
    """Make nouns, and run what `make check` has for them: what failed, or nothing."""
    for name, fields in nouns.items():
        began = time.perf_counter()
        if fault := said(service, "make", f"UV={uv}", "domain", f"name={name}", f"fields={fields}"):
            return fault
        print(f"  {name} in {time.perf_counter() - began:.1f} s", flush=True)
    tools = service / ".venv/bin"
    tests = [f"tests/domain/{name}" for name in nouns]
    whole = ["tests/test_house.py", "tests/test_migrations.py", "tests/security/test_every_operation.py"]
    for command in (
        ("ruff", "format", "--check", "--quiet", "."),
        ("ruff", "check", "--quiet", "."),
        ("lint-imports", "--no-cache"),
        ("basedpyright",),
        ("pytest", "-n", "2", "--quiet", *tests, *whole),
    ):
        if fault := said(service, str(tools / command[0]), *command[1:]):
            return fault
    return ""


def main(arguments: list[str]) -> int:
    """Make the nouns in groups, and say which group does not hold."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--count", type=int, default=200)
    given = asked.parse_args(arguments)
    uv = shell.uv()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="nouns-", ignore_cleanup_errors=True) as folder:
        service = Path(folder) / "service"
        run_copy(str(ROOT), service, vcs_ref="HEAD", defaults=True, quiet=True)
        git = ("git", "-c", "user.name=nouns", "-c", "user.email=nouns@example.com")
        begun = (("make", f"UV={uv}", "setup"), ("git", "init", "-q"), ("git", "add", "-A"), (*git, "commit", "-qmAll"))
        for command in begun:
            if fault := said(service, *command):
                print(fault)
                return 1
        for number in range(-(-given.count // GROUP)):
            nouns = group(given.seed + number)
            print(f"seed {given.seed + number}: {', '.join(nouns)}", flush=True)
            if fault := prove(service, nouns, uv):
                failed += 1
                print(fault)
                print("\n".join(f'make domain name={name} fields="{fields}"' for name, fields in nouns.items()))
            said(service, "git", "clean", "-fdq")
    print(f"{failed} groups failed" if failed else "all held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
