"""A mail server for tests: it speaks enough SMTP to be sent a mail, with TLS or without, and keeps what it was told."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Smtp:
    """What a mail server was told."""

    def __init__(self, tls: ssl.SSLContext | None, *, takes: bool = True) -> None:
        self._tls: ssl.SSLContext | None = tls
        self.takes: bool = takes
        self.port: int = 0
        self.clients: int = 0
        """How many connections are open."""
        self.mails: list[str] = []
        self.commands: list[str] = []
        """The commands that came, each with whether it was encrypted."""

    async def is_alone(self) -> None:
        """Wait until every connection is closed, from its loop or a client's.

        By TLS each side waits for the other's farewell: a loop that ends before it leaves its connection open.
        """
        async with asyncio.timeout(5):
            while self.clients:  # noqa: ASYNC110 - no event belongs to two loops
                await asyncio.sleep(0.005)
        # The end that has come is noticed, and let go of, in the next turns of the loop.
        await asyncio.sleep(0.01)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client."""
        encrypted = False
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0].upper()
            self.commands.append(f"{verb} {'encrypted' if encrypted else 'plain'}")
            if verb == "EHLO":
                offers = ["test", *(["AUTH PLAIN"] if encrypted else ["STARTTLS"] if self._tls else []), "8BITMIME"]
                writer.write("".join(f"250-{each}\r\n" for each in offers).encode() + b"250 HELP\r\n")
            elif verb == "STARTTLS" and self._tls is not None:
                writer.write(b"220 go\r\n")
                await writer.drain()
                await writer.start_tls(self._tls)
                encrypted = True
            elif verb == "AUTH":
                writer.write(b"235 in\r\n")
            elif verb == "MAIL" and not self.takes:
                writer.write(b"451 a secret that the server repeats\r\n")
            elif verb == "DATA":
                writer.write(b"354 go\r\n")
                self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
            await writer.drain()


@contextmanager
def serving(tls: ssl.SSLContext | None, *, takes: bool = True) -> Generator[Smtp]:
    """Run a mail server in a thread."""
    server = Smtp(tls, takes=takes)
    ready = threading.Event()
    stops: list[Callable[[], object]] = []

    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.clients += 1
        try:
            await server.serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            server.clients -= 1

    async def run() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(over.set))
        listening = await asyncio.start_server(patient, "127.0.0.1", 0)
        server.port = int(str(listening.sockets[0].getsockname()[1]))
        ready.set()
        _ = await over.wait()
        listening.close()
        await server.is_alone()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield server
    finally:
        _ = stops[0]()
        thread.join(5)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server shows that is 127.0.0.1, and the file that makes a client trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / "trusted.pem", folder / "key.pem"
    _ = trusted.write_bytes(made.public_bytes(Encoding.PEM))
    _ = private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted
