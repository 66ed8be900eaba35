"""Mail: over TLS to the right server or not at all, and what could not be sent is sent later."""

import asyncio
import ssl
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from app.adapters.mail.mailers import mailer
from app.adapters.mail.messages import MailNotSent, Message
from app.adapters.mail.settings import MailSettings
from tests.conftest import PASSWORD, SetEnvironment, Sql, Start, new_address
from tests.platform.mail import smtp
from tests.platform.mail.mailbox import secret_in
from tests.wire import eventually

MESSAGE = Message("ada@example.com", "Grüße", "The secret is out.\n")


def sent(set_environment: SetEnvironment, server: smtp.Smtp, user: str = "") -> None:
    """Send a mail as production does."""
    set_environment(ENVIRONMENT="Production", MAIL_URL=f"smtp://{user}127.0.0.1:{server.port}")

    async def send() -> None:
        try:
            await mailer(MailSettings.read()).send(MESSAGE)
        finally:
            await server.is_alone()

    asyncio.run(send())


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server shows whom this process trusts."""
    context, trusted = smtp.certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return context


def test_production_sends_over_tls_and_signs_in(set_environment: SetEnvironment, tls: ssl.SSLContext) -> None:
    with smtp.serving(tls) as server:
        sent(set_environment, server, "me:p%40ss@")

    assert "The secret is out." in server.mails[0]
    assert "Subject: =?utf-8?" in server.mails[0]
    assert [each for each in server.commands if each.endswith("plain")] == ["EHLO plain", "STARTTLS plain"]
    assert {"AUTH encrypted", "DATA encrypted"} <= set(server.commands)


def test_production_sends_nothing_to_a_server_that_it_does_not_trust(
    set_environment: SetEnvironment, tmp_path: Path
) -> None:
    context, _ = smtp.certificate(tmp_path)
    # The courier logs what is raised: app/platform/mail/part.py.
    with smtp.serving(context) as server, pytest.raises(MailNotSent, match="certificate verify failed"):
        sent(set_environment, server, "me:pass@")

    assert server.commands == ["EHLO plain", "STARTTLS plain"]


def test_production_sends_nothing_in_the_clear(set_environment: SetEnvironment, tls: ssl.SSLContext) -> None:
    assert tls
    with smtp.serving(None) as server, pytest.raises(MailNotSent):
        sent(set_environment, server)

    assert server.mails == []
    assert not {"MAIL plain", "AUTH plain"} & set(server.commands)


def test_a_refusal_does_not_repeat_what_was_said(set_environment: SetEnvironment, tls: ssl.SSLContext) -> None:
    with smtp.serving(tls, takes=False) as server, pytest.raises(MailNotSent) as raised:
        sent(set_environment, server)

    assert str(raised.value) == "SMTPSenderRefused: 451"


def test_a_message_does_not_show_its_text() -> None:
    assert "secret" not in repr(MESSAGE)


def _found(sql: Sql, statement: str, letter: object) -> bool:
    return sql(statement, letter) != []


# In a database of its own: in that of the other tests, their service would take the letter to its own mailer.
def test_what_could_not_be_sent_is_sent_later(scratch: str, start: Start) -> None:
    waiting = "SELECT attempts, due_at > now() AS later FROM mail_outbox WHERE id = $1"
    address = new_address()
    with (
        smtp.serving(None, takes=False) as server,
        closing(Sql(scratch)) as sql,
        start(DATABASE_URL=scratch, MAIL_URL=f"smtp://127.0.0.1:{server.port}").connect() as client,
    ):
        assert client.post("/v1/accounts", json={"email": address, "password": PASSWORD}).status_code == 202
        letter = sql("SELECT id FROM mail_outbox ORDER BY created_at DESC LIMIT 1")[0]["id"]
        eventually(lambda: "MAIL plain" in server.commands)
        eventually(lambda: sql(f"{waiting} AND due_at < now() + interval '20 s'", letter) != [])
        assert sql(waiting, letter) == [{"attempts": 1, "later": True}]

        # Oftener than an account may hold links: those that never left do not count.
        for attempts in (2, 3):
            _ = sql("UPDATE mail_outbox SET due_at = now() WHERE id = $1", letter)
            _ = client.post("/v1/email-verifications/requests", json={"email": "nobody@example.com"})
            tried = f"{waiting} AND attempts = {attempts} AND due_at < now() + interval '70 s' AND due_at > now()"
            eventually(partial(_found, sql, tried, letter))

        server.takes = True
        _ = sql("UPDATE mail_outbox SET due_at = now() WHERE id = $1", letter)
        # Whatever is put in next wakes the courier.
        _ = client.post("/v1/email-verifications/requests", json={"email": "nobody@example.com"})
        eventually(lambda: sql(waiting, letter) == [])

        (mail,) = server.mails
        secret = secret_in(mail.replace("=\r\n", "").replace("\r\n", "\n").replace("=3D", "="))
        assert client.post("/v1/email-verifications", json={"token": secret}).status_code == 204
