"""What a credential is still good for after something has happened to its account: the table, part by part.

Each noun's `rights.py` in tests/platform/ or tests/domain/ has rows and columns of it. A credential (CREDENTIALS) says
of which nature it is, and a state of an account (STATES) says what each nature of credential answers from then on.
`FLIGHTS` are operations beside those that look at a password, and so give time for something to happen meanwhile.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from types import ModuleType
from typing import NamedTuple, cast

import httpx

import tests.domain
import tests.platform
from app.kit import discovery
from tests.conftest import PASSWORD, Sql, Start, email_index, new_address
from tests.wire import Json, Service, body

LOGIN = "/v1/auth/login"
ITEMS = "/v1/items"


class Nature(StrEnum):
    """What kinds of credentials there are, as far as an answer depends on it."""

    SESSION = "says who is asking, for one session"
    RENEWAL = "continues a session"
    MACHINE = "says who is asking, without a session"
    PASSWORD = "begins a session"
    CODE = "begins a session, beside the password"
    ADDRESS_LINK = "proves an address"
    RESET_LINK = "sets a password"


class Answer(NamedTuple):
    """What a credential answers; 0 where it is as good as before."""

    status: int = 0
    kind: str = ""
    when: str = ""
    """From when on, where it is not at once and everywhere."""

    @property
    def cell(self) -> str:
        """The same as the page about it writes it."""
        return f"{self.status or 'holds'}{self.when and ', '}{self.when}"


HOLDS = Answer()
ENDED = Answer(401, "unauthorized", "2 s")
NOT_RENEWED = Answer(401, "refresh-token-refused")
WRONG = Answer(401, "wrong-credentials")
VOID = Answer(400, "link-refused")


@dataclass
class Somebody:
    """An account, what its owner knows, and the services that know it, too."""

    service: Service
    sql: Sql
    start: Start
    stack: ExitStack
    email: str = field(default_factory=new_address)
    password: str = PASSWORD
    pair: Json = field(default_factory=dict)
    """The session of its owner."""
    also: Callable[[], Json] = dict
    """What a login has to have beside address and password."""
    secret: str = ""

    @property
    def index(self) -> bytes:
        """What finds the account in the database."""
        return email_index(self.email)

    @property
    def credentials(self) -> Json:
        """What it signs in with."""
        return {"email": self.email, "password": self.password}

    def connect(self, on: Service | None = None) -> httpx.Client:
        """A client that is nobody's."""
        return self.stack.enter_context((on or self.service).connect())

    def sign_up(self) -> None:
        """Make the account, and sign in."""
        assert self.connect().post("/v1/accounts", json=self.credentials).status_code == 202
        self.pair = self.sign_in()

    def sign_in(self) -> Json:
        """Begin another session."""
        answer = self.connect().post(LOGIN, json=self.credentials | self.also())
        assert answer.status_code == 200, answer.text
        return body(answer)

    def post(self, path: str, pair: Json | None = None, **sent: object) -> httpx.Response:
        """Send something in the session of its owner, or in another one."""
        return self.connect().post(path, json=sent, headers=bearer((pair or self.pair)["access_token"]))

    def column(self, name: str, value: object) -> None:
        """Change a column of the account behind the service's back."""
        _ = self.sql(f"UPDATE accounts SET {name} = $2 WHERE email_index = $1", self.index, value)  # noqa: S608 - of a test


Use = Callable[[httpx.Client], httpx.Response]
"""Presents a credential, and gives the answer that tells whether it was good."""


@dataclass(frozen=True)
class Credential:
    """A row."""

    name: str
    nature: Nature
    issue: Callable[[Somebody], Use]
    once: bool = False
    """Whether it is good for one use, or one use changes what it is good for."""
    hashes: bool = False
    """Whether a password is looked at."""
    although: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    """Where it answers otherwise than its nature does: by the state's name."""


@dataclass(frozen=True)
class State:
    """A column."""

    name: str
    answers: Mapping[Nature, Answer]
    put: Callable[[Somebody], Service | None]
    """Let it happen; answers the service that is asked from then on, where that is another one."""
    prepare: Callable[[Somebody], None] = lambda _: None
    """What has to be so before the credential is issued."""
    outside: bool = False
    """Whether it happens past the service, which learns of it as of what another instance did."""


def bearer(token: object) -> dict[str, str]:
    """What shows a token."""
    return {"authorization": f"Bearer {token}"}


def items(client: httpx.Client, headers: Mapping[str, str]) -> httpx.Response:
    """What anybody may ask who is somebody."""
    return client.get(ITEMS, headers=headers)


def then_items(client: httpx.Client, answer: httpx.Response) -> httpx.Response:
    """What the tokens of an answer are good for; the answer itself when it has none."""
    return items(client, bearer(body(answer)["access_token"])) if answer.status_code == 200 else answer


def _modules() -> Iterator[ModuleType]:
    for room in (tests.platform, tests.domain):
        yield from discovery.modules(room, "rights")


def credentials() -> list[Credential]:
    """Every row."""
    return [row for each in _modules() for row in cast("tuple[Credential, ...]", vars(each).get("CREDENTIALS", ()))]


def states() -> list[State]:
    """Every column."""
    return [column for each in _modules() for column in cast("tuple[State, ...]", vars(each).get("STATES", ()))]


def flights() -> list[Credential]:
    """Every operation beside them that looks at a password."""
    return [row for each in _modules() for row in cast("tuple[Credential, ...]", vars(each).get("FLIGHTS", ()))]


def expected(credential: Credential, state: State) -> Answer:
    """A cell."""
    return credential.although.get(state.name, state.answers[credential.nature])
