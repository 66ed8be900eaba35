"""TLS in front of a PostgreSQL that has none: the embedded server is built without it.

It answers PostgreSQL's SSLRequest as a server does, and passes on what is inside. Whoever speaks plain text is refused.
"""

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_CHUNK = 65_536
_LINGER_SECONDS = 0.01
_PORT = 5432


@dataclass
class Front:
    """A TLS server before a database."""

    url: str
    """The address of the database by way of it; it asks for `verify-full`."""
    versions: list[str] = field(default_factory=list[str])
    """The version of each connection that came about."""
    refused: int = 0
    """How many clients spoke plain text, or found its certificate or version wanting."""


@contextmanager
def front(database: str, folder: Path, *, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Generator[Front]:
    """Put TLS before a database, with a certificate for `localhost` of an authority of its own.

    Args:
        database: the address of a database without TLS.
        folder: where the certificates go.
        newest: the newest version that it speaks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    certified(folder, ["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.maximum_version = newest
    found = Front("")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="tls", daemon=True)
    thread.start()

    async def serve() -> asyncio.Server:
        return await asyncio.start_server(_Passing(database, context, found), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(serve(), loop).result()
    port = cast("tuple[str, int]", server.sockets[0].getsockname())[1]
    parts = urlsplit(database)
    user, _, _ = parts.netloc.rpartition("@")
    query = urlencode({"sslmode": "verify-full", "sslrootcert": str(folder / "authority.pem")}, safe="/:\\")
    found.url = f"postgresql://{user}@localhost:{port}{parts.path}?{query}"
    try:
        yield found
    finally:
        asyncio.run_coroutine_threadsafe(_stopped(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stopped(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {cast("asyncio.Task[object]", asyncio.current_task())}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(_LINGER_SECONDS)  # what was aborted is closed in the next rounds of the loop


class _Passing:
    """Passes the bytes of one client on."""

    def __init__(self, database: str, context: ssl.SSLContext, seen: Front) -> None:
        self._database: str = database
        self._context: ssl.SSLContext = context
        self._seen: Front = seen

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = writer.transport
        try:
            if not await self._is_secured(reader, writer):
                self._seen.refused += 1
                return
            inside_reader, inside_writer = await _opened(self._database)
            with suppress(OSError):
                await asyncio.gather(_pumped(reader, inside_writer), _pumped(inside_reader, writer))
        finally:
            writer.transport.abort()
            wire.abort()

    async def _is_secured(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            if await reader.readexactly(len(_SSL_REQUEST)) != _SSL_REQUEST:
                return False
            writer.write(b"S")
            await writer.start_tls(self._context)
        except (OSError, EOFError):
            return False
        self._seen.versions.append(cast("ssl.SSLObject", writer.get_extra_info("ssl_object")).version() or "")
        return True


async def _opened(database: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(database)
    host, port = dict(parse_qsl(parts.query)).get("host") or parts.hostname or "localhost", parts.port or _PORT
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host, port)


async def _pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


def certified(folder: Path, names: Sequence[str]) -> None:
    """Write `authority.pem`, and `server.pem` with a certificate for these names and its key."""
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("An authority", "An authority", authority.public_key(), authority)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = root.add_extension(_SIGNS, critical=True)
    leaf = _certificate("A server", "An authority", server.public_key(), authority)
    leaf = leaf.add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), critical=False)
    key = server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "authority.pem").write_bytes(root.sign(authority, SHA256()).public_bytes(Encoding.PEM))
    (folder / "server.pem").write_bytes(leaf.sign(authority, SHA256()).public_bytes(Encoding.PEM) + key)


_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate(
    subject: str, issuer: str, public: ec.EllipticCurvePublicKey, authority: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
