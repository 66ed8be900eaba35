"""Write a product into a rendered service as its documents say, and prove it: checks, load test, queries and standards.

`tests/product/` is what its engineers wrote, with the paths that it has in the service. Below is what they did besides.
`make product` leaves it in build/product; test_product.py has what it does over HTTP.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import shell
import yaml
from copier import run_copy

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tests" / "product"
SECRETS = {
    "CHANNEL_SECRET": "what the channel manager knows us by",
    "PAYMENTS_SECRET": "what the payment provider signs with",
    "METRICS_TOKEN": "what the monitoring shows, 32 characters",
}
PACKAGES = ("httpx", "python-multipart")

# `make domain`: nouns that need no line of their own.
NOUNS = {
    "companies": "name:line:unique",
    "rooms": "name:line:unique price:money(0..)",
    "extras": "name:line:unique price:money(0..)",
}
GIST = "allow keys in gist indexes"

# The edits of files that the documents name: the file, what stands there, what takes its place.
EDITS = [
    (
        ".env",
        "ENVIRONMENT=development\n",
        "ENVIRONMENT=development\n"
        "CHANNEL_URL=http://127.0.0.1:1\n"
        f"CHANNEL_SECRET={SECRETS['CHANNEL_SECRET']}\n"
        f"PAYMENTS_SECRET={SECRETS['PAYMENTS_SECRET']}\n",
    ),
    (
        ".env.example",
        "\nDATABASE_LOCK_TIMEOUT_MS=\n",
        "\nDATABASE_LOCK_TIMEOUT_MS=\n\n"
        "# The address of the channel manager, and the secret that it knows this service by. Required.\n"
        "CHANNEL_URL=\nCHANNEL_SECRET=\n\n"
        "# The secret that the payment provider signs with, of 32 characters or more. Required.\n"
        "PAYMENTS_SECRET=\n",
    ),
    ("migrations/app/*_allow_keys_in_gist_indexes.py", "Sequence\n", "Sequence\n\nfrom alembic import op\n"),
    (
        "migrations/app/*_allow_keys_in_gist_indexes.py",
        "def upgrade() -> None:\n    pass\n",
        'def upgrade() -> None:\n    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")\n',
    ),
]


def answers() -> dict[str, object]:
    """Give the answers of the service that the product is written into: the default, and WebSockets."""
    default = yaml.safe_load((ROOT / "examples/default.yml").read_text(encoding="utf-8"))
    return {**default, "parts": sorted({*default["parts"], "websockets"})}


def write(service: Path) -> None:
    """Write the product into a service that is set up."""

    def make(*words: str) -> None:
        shell.run("make", "--no-print-directory", f"UV={shell.uv()}", *words, cwd=service)

    make("forget-example")
    for name, fields in NOUNS.items():
        make("domain", f"name={name}", f"fields={fields}")
    shutil.copytree(SOURCE, service, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".venv", ".uv"))
    shell.run(shell.uv(), "add", "--quiet", *PACKAGES, cwd=service)
    make("migration", f"name={GIST}", "args=--empty")
    for each in EDITS:
        edit(service, *each)
    make("migration", "name=bookings and what belongs to them")


def edit(service: Path, name: str, old: str, new: str) -> None:
    """Change a file at the one place where a text stands."""
    [file] = service.glob(name)
    text = file.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise LookupError(f"{name} has {old!r} {text.count(old)} times")
    file.write_text(text.replace(old, new), encoding="utf-8")


def main() -> int:
    """Build it, and say what does not hold."""
    service = ROOT / "build" / "product"
    shutil.rmtree(service, ignore_errors=True)
    run_copy(str(ROOT), service, data=answers(), vcs_ref="HEAD", defaults=True, quiet=True)
    git = ("git", "-c", "user.name=product", "-c", "user.email=product@example.org")
    began = time.perf_counter()
    try:
        shell.run("git", "init", "-q", "-b", "main", cwd=service)
        shell.run("make", f"UV={shell.uv()}", "setup", cwd=service)
        shell.run("git", "add", "-A", cwd=service)
        shell.run(*git, "commit", "-qm", "Rendered", cwd=service)
        write(service)
        shell.run("git", "add", "-A", cwd=service)
        shell.run(*git, "commit", "-qm", "The product", cwd=service)
        for verb in ("check", "load", "queries", "standards"):
            made = shell.run("make", "--no-print-directory", f"UV={shell.uv()}", verb, cwd=service, timeout=None)
            said = made.splitlines()
            print("\n".join(said[-1:] if verb == "check" else said), flush=True)
    except shell.FailedError as error:
        print(error)
        return 1
    print(f"The product holds ({time.perf_counter() - began:.0f} s). It is in {service.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
