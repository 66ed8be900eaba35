"""Make the picture of the README: a conversation with the default service, run for real and drawn as it was printed."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from demo import DEMO, ROOT, command, environment, render
from rich.console import Console
from rich.text import Text

PICTURE = ROOT / "docs" / "first-light.svg"
PORT = 8000
PERSON = """'{"email": "ada@example.org", "password": "correct horse battery 7"}'"""
JSON = "-H 'content-type: application/json'"
COMMANDS = [
    f"curl -s localhost:{PORT}/readyz",
    f"curl -s localhost:{PORT}/v1/accounts {JSON} -d {PERSON}",
    f"token=$(curl -s localhost:{PORT}/v1/auth/login {JSON} -d {PERSON} | jq -r .access_token)",
    f"""curl -si localhost:{PORT}/v1/items -H "authorization: Bearer $token" {JSON} -d '{{"name": "first light"}}' \\
    | grep -iE '^HTTP|^etag|^x-request-id|^{{'""",
    "tail -n 1 service.log",
]
# In place of jq, which need not be installed.
JQ = """jq() { python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'; }; """


def ready() -> bool:
    """Ask whether the service takes requests."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def conversation(log: Path) -> list[tuple[str, str]]:
    """Run the commands one after the other in one shell, and give each with what it printed."""
    marks = [f"echo --{number}--; {line}; sleep 0.5" for number, line in enumerate(COMMANDS)]
    script = JQ + "\n".join(marks).replace("service.log", f"'{log}'")
    printed = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    return list(zip(COMMANDS, re.split(r"--\d+--\n", printed)[1:], strict=True))


def draw(parts: list[tuple[str, str]]) -> str:
    """Draw the conversation as a terminal shows it, with no font from elsewhere."""
    console = Console(record=True, width=118, file=io.StringIO())
    console.print(Text("$ make demo > service.log &", style="bold green"))
    for line, printed in parts:
        console.print(Text(f"$ {line}", style="bold green"))
        if printed:
            console.print(Text(printed.strip("\n").replace("\r", ""), overflow="fold"), highlight=False)
    drawing = console.export_svg(title="the default service, as `make demo` runs it", unique_id="first-light")
    return re.sub(r"@font-face \{.*?\}", "", drawing, flags=re.DOTALL)


def main() -> int:
    """Render, start, talk, draw, stop."""
    render()
    log = DEMO / "service.log"
    with log.open("wb") as output:
        service = subprocess.Popen(
            command(PORT), cwd=DEMO, env=environment(), stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 300
        while not ready():
            if service.poll() is not None or time.monotonic() > deadline:
                print(log.read_text(encoding="utf-8"), file=sys.stderr)
                return 1
            time.sleep(0.2)
        PICTURE.write_text(draw(conversation(log)), encoding="utf-8")
    finally:
        os.killpg(service.pid, signal.SIGINT)
        service.wait(timeout=30)
    return 0


if __name__ == "__main__":
    sys.exit(main())
