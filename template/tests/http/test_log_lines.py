"""The log of the service as production runs it: one JSON object a line, with the id of the request."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, cast

import httpx
import pytest

from app import defaults
from tests.conftest import PASSWORD, new_address, production
from tests.wire import Json, body, eventually


def line_with(stream: IO[bytes], **wanted: object) -> Json:
    """The next line of the log that has these fields; every line on the way has to be an object."""
    for text in stream:
        line = cast("Json", json.loads(text))
        assert {"time", "level", "event"} <= line.keys()
        if wanted.items() <= line.items():
            return line
    raise AssertionError(f"the log ended without {wanted}")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to end a service gently with")
def test_app_serve_writes_json_lines_with_the_request_id_and_ends_when_told(database_url: str, tmp_path: Path) -> None:
    command = shutil.which("app", path=str(Path(sys.executable).parent))
    assert command is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    environment = os.environ | {
        "ENVIRONMENT": "production",
        "DATABASE_URL": database_url,
        "AUTH_SIGNING_KEYS": secrets.token_hex(32),
        "TRUSTED_PROXIES": "127.0.0.1",
        **production(),
    }
    service = subprocess.Popen(
        [command, "serve", "--port", port, "--workers", "1"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # A line that never comes would be waited for as long as the service runs.
    last_call = threading.Timer(30, service.kill)
    last_call.start()
    try:
        assert service.stdout is not None
        assert service.stderr is not None
        started = line_with(service.stdout, event="Application startup complete.")
        assert started["logger"] == "uvicorn.error"

        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            eventually(lambda: _answers(client))
            credentials = {"email": new_address(), "password": PASSWORD}
            _ = client.post("/v1/accounts", json=credentials)
            token = body(client.post("/v1/auth/login", json=credentials))["access_token"]
            signed_in = {"authorization": f"Bearer {token}", "x-request-id": "one-of-my-own"}
            _ = client.get("/livez", headers={"x-request-id": "a-healthy-probe"})
            account = body(client.get("/v1/accounts/me", headers=signed_in))
            _ = client.get('/%0a{"event":"forged"}', headers={"x-request-id": "a-forged-line"})

        line = line_with(service.stdout, request_id="one-of-my-own")
        assert line["event"] == "request"
        assert (line["method"], line["path"], line["route"], line["status"]) == (
            "GET",
            "/v1/accounts/me",
            "/v1/accounts/me",
            200,
        )
        assert line["account_id"] == account["id"]
        assert line["client"] == ("127.0.0.1" if defaults.LOG_CLIENT_ADDRESS else "127.0.0.0/24")
        assert isinstance(line["ms"], float)
        assert isinstance(line["bytes"], int)
        # The line before it: the probe that found nothing wrong is not worth one.
        forged = line_with(service.stdout, request_id="a-forged-line")
        assert forged["path"] == '/\n{"event":"forged"}'

        service.send_signal(signal.SIGTERM)
        rest, errors = service.communicate(timeout=20)
    finally:
        last_call.cancel()
        service.kill()
        _ = service.wait()

    said = [cast("Json", json.loads(each)) for each in rest.splitlines()]
    assert "stopping" in [each["event"] for each in said]
    assert errors == b""
    keys = (environment["AUTH_SIGNING_KEYS"], environment["ENCRYPTION_KEYS"], environment["METRICS_TOKEN"])
    for secret in (PASSWORD, str(token), str(credentials["email"]), *keys):
        assert secret.encode() not in rest


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.ConnectError:
        return False
