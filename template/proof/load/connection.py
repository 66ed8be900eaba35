"""A connection that costs a fifth of a whole HTTP client: what is to saturate a service must not be saturated itself.

Imported behind Locust, which makes the sockets of the standard library cooperative.
"""

import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import httptools

_SECONDS = 10.0
_CHUNK = 65_536


@dataclass(slots=True)
class Heard:
    """An answer; the status is 0 where there was none, and `fault` then says what happened instead."""

    status_code: int = 0
    content: bytes | None = None
    fault: str | None = None


class Connection:
    """One connection of HTTP/1.1, kept open, with one request on it at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._tls: bool = parts.scheme == "https"
        self._host: str = parts.hostname or ""
        self._port: int = parts.port or (443 if self._tls else 80)
        self._name: str = parts.netloc
        self._prefix: str = parts.path.rstrip("/")
        self._socket: socket.socket | None = None
        self._answered: bool = False
        self._body: list[bytes] = []

    def ask(self, method: str, target: str, headers: dict[str, str], data: str | None) -> Heard:
        """Send a request, and wait for its answer."""
        body = b"" if data is None else data.encode()
        lines = [f"{method} {self._prefix}{target} HTTP/1.1", f"Host: {self._name}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if data is not None:
            lines.append(f"Content-Length: {len(body)}")
        try:
            return self._exchange("\r\n".join([*lines, "", ""]).encode() + body)
        except (OSError, httptools.HttpParserError) as error:
            self.close()
            return Heard(fault=repr(error))

    def close(self) -> None:
        """Let it go; the next request opens another one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, request: bytes) -> Heard:
        if self._socket is None:
            self._socket = self._open()
        self._socket.sendall(request)
        self._answered, self._body = False, []
        parser = httptools.HttpResponseParser(self)
        while not self._answered:
            chunk = self._socket.recv(_CHUNK)
            if not chunk:
                raise ConnectionResetError("the connection was closed before the answer was whole")
            parser.feed_data(chunk)
        heard = Heard(parser.get_status_code(), b"".join(self._body))
        if not parser.should_keep_alive():
            self.close()
        return heard

    def _open(self) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), timeout=_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self._host) if self._tls else plain

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._answered = True
