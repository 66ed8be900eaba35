"""The address of a database: each part of its URL is used as it says, or the URL is refused in one sentence.

No sentence repeats a value: what stands in the wrong place may be a piece of the password.
"""

import getpass
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Self, cast
from urllib.parse import parse_qsl, unquote

# Between the delimiters stands none of them: that is how a password with one of them in it is told from an address.
_URL = re.compile(
    r"(?:postgresql|postgres|postgresql\+asyncpg)://"
    r"(?:(?P<user>[^@/?#:]*)(?::(?P<password>[^@/?#]*))?@)?(?P<hosts>[^@/?#]*)(?:/(?P<dbname>[^@/?#]*))?"
    r"(?:\?(?P<parameters>[^@?#]*))?"
)
_HOST = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<name>[^\[\]:]*))(?::(?P<port>[^\[\]:]*))?")
_BARE = re.compile(r"[^\[/:]*:[^:]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

SslMode = Literal["disable", "allow", "prefer", "require"]

_CHECKED: Final = frozenset({"require", "verify-ca", "verify-full"})
_FILES: Final = frozenset({"sslrootcert", "sslcert", "sslkey"})
_CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "sslmode": _CHECKED | {"disable", "allow", "prefer"},
    "target_session_attrs": frozenset({"any", "primary", "standby", "prefer-standby", "read-write", "read-only"}),
}
_SERVER: Final = frozenset({"application_name", "options", "search_path"})
_NAMES: Final = frozenset({"host", "port", "user", "password", "dbname", "passfile", "connect_timeout"})
_SUPPORTED: Final = _NAMES | _CHOICES.keys() | _FILES | _SERVER
_ALIASES: Final = {"database": "dbname"}
_SET_BY_OPTIONS = re.compile(r"(?:-c\s*|--)([\w.-]+)")
# Each has a setting of its own, or is what the service relies on; what `options` say of it would not count.
_OURS: Final = frozenset({"timezone", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"})

_LONGEST_SECONDS: Final = 60
_LAST_PORT: Final = 65_535

_FORM = (
    "must have the form postgresql://user:password@host:5432/database?name=value. Inside of a user, a password, a name "
    "or a value, write @ as %40, / as %2F, ? as %3F, # as %23 and % as %25"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, who comes, and how."""

    places: tuple[tuple[str | None, int | None], ...]
    """Hosts, or folders of sockets, and ports, in the order in which they are tried."""
    user: str
    password: str = field(repr=False)
    dbname: str | None
    parameters: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """The address that a URL is; ValueError says what is wrong with it."""
        found = _URL.fullmatch(url.strip())
        if found is None or _CONTROL.search(url.strip()):
            raise ValueError(_FORM)
        try:
            given = {name: unquote(found[name] or "", errors="strict") for name in ("user", "password", "dbname")}
            hosts = unquote(found["hosts"], errors="strict")
            more = parse_qsl(found["parameters"] or "", strict_parsing=bool(found["parameters"]), errors="strict")
        except ValueError:
            raise ValueError(_FORM) from None
        given["host"], given["port"] = _listed(hosts)
        for each, value in more:
            _add(given, _ALIASES.get(each, each), value)
        _refuse_values(given)
        return cls(
            places=_places(given.pop("host"), given.pop("port")),
            user=given.pop("user") or _own_name(),
            password=given.pop("password"),
            dbname=given.pop("dbname") or None,
            parameters=given,
        )

    @property
    def verifies(self) -> bool:
        """Whether it asks for TLS with the server's name checked."""
        return self.parameters.get("sslmode") == "verify-full"

    @property
    def is_local(self) -> bool:
        """Whether it is a socket of this machine, which has no wire to listen on."""
        return all(host is not None and host.startswith("/") for host, _ in self.places)

    @property
    def seconds(self) -> int | None:
        """How long each host is waited for; None when the address does not say."""
        return int(self.parameters["connect_timeout"]) if "connect_timeout" in self.parameters else None

    @property
    def server_settings(self) -> dict[str, str]:
        """What the server is told of the connection."""
        return {name: value for name, value in self.parameters.items() if name in _SERVER}

    def tls(self) -> ssl.SSLContext | SslMode | None:
        """How TLS is spoken: a mode of the driver, or what checks the server; OSError when a file can't be used."""
        mode = self.parameters.get("sslmode")
        if mode not in _CHECKED or (mode == "require" and not _FILES & self.parameters.keys()):
            return cast("SslMode | None", mode)
        authority = self.parameters.get("sslrootcert", "system")
        context = ssl.create_default_context(cafile=None if authority == "system" else authority)
        if self.verifies:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        else:
            context.check_hostname = False
            if "sslrootcert" not in self.parameters:
                context.verify_mode = ssl.CERT_NONE
        if "sslcert" in self.parameters:
            # Without a password, a key that has one would be asked for it on a terminal.
            context.load_cert_chain(self.parameters["sslcert"], self.parameters.get("sslkey"), password="")
        return context


def _add(given: dict[str, str], name: str, value: str) -> None:
    """Take a parameter, which may say what no other place of the URL has said."""
    if name not in _SUPPORTED:
        said = f"the parameter {name}" if re.fullmatch(r"[a-z_]{1,40}", name) else "a parameter"
        raise ValueError(
            f"has {said}, which is not supported. Supported are {', '.join(sorted(_SUPPORTED))}; "
            "settings of the server go into options=-c%20name=value"
        )
    if given.get(name):
        raise ValueError(f"says {name} twice")
    given[name] = value
    if name == "host":
        # Here an IPv6 address may stand without brackets.
        given["host"], ports = _listed(
            ",".join(f"[{each}]" if _BARE.match(each) else each for each in value.split(","))
        )
        if ports:
            _add(given, "port", ports)


def _listed(text: str) -> tuple[str, str]:
    """The hosts of a list and their ports, both with commas between."""
    found = [_HOST.fullmatch(each) for each in text.split(",")]
    if not all(found):
        raise ValueError("has a host that is none: write host or host:5432, and an IPv6 address in brackets")
    hosts = [each["ipv6"] or each["name"] for each in found if each]
    ports = [each["port"] or "" for each in found if each]
    return ",".join(hosts), ",".join(ports) if any(ports) else ""


def _places(host: str, port: str) -> tuple[tuple[str | None, int | None], ...]:
    hosts, ports = host.split(","), port.split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise ValueError("has another number of ports than of hosts: give one port for all, or one for each")
    if any(each and not (each.isdecimal() and 0 < int(each) <= _LAST_PORT) for each in ports):
        raise ValueError(f"has a port that is none: a port is a number from 1 to {_LAST_PORT}")
    if len(hosts) > 1 and not all(hosts):
        raise ValueError("lists an empty host: remove the comma")
    return tuple((each or None, int(number) if number else None) for each, number in zip(hosts, ports, strict=True))


def _refuse_values(given: Mapping[str, str]) -> None:
    for name, choices in _CHOICES.items():
        if name in given and given[name] not in choices:
            raise ValueError(f"has an unknown {name}: it is one of {', '.join(sorted(choices))}")
    seconds = given.get("connect_timeout", "1")
    if not (seconds.isdecimal() and 1 <= int(seconds) <= _LONGEST_SECONDS):
        raise ValueError(f"has a connect_timeout that is no number of seconds from 1 to {_LONGEST_SECONDS}")
    mode = given.get("sslmode")
    if (files := sorted(_FILES & given.keys())) and mode not in _CHECKED:
        raise ValueError(f"has {files[0]}, which needs sslmode=verify-full, or require or verify-ca")
    authority = given.get("sslrootcert")
    if (mode == "verify-ca" and authority is None) or (mode != "verify-full" and authority == "system"):
        raise ValueError("has an sslmode that needs the file of a CA in sslrootcert; verify-full can do without")
    if "sslkey" in given and "sslcert" not in given:
        raise ValueError("has sslkey without sslcert")
    said = cast("list[str]", _SET_BY_OPTIONS.findall(given.get("options", "")))
    if ours := sorted(_OURS & {each.lower().replace("-", "_") for each in said}):
        raise ValueError(f"sets {ours[0]} in options, which this service sets itself; .env.example names its settings")


def _own_name() -> str:
    """Who comes where the address does not say: as everywhere with PostgreSQL, whoever runs this process."""
    try:
        return os.environ.get("PGUSER") or getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise ValueError("names no user, and whoever runs this process has no name") from None
