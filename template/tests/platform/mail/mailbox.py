"""The mails that the service has sent, where the settings of the tests put them."""

import os
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from tests.wire import eventually


def mails(address: str) -> list[EmailMessage]:
    """The mails to an address, oldest first."""
    texts = [each.read_bytes() for each in sorted(Path(os.environ["MAIL_FOLDER"]).glob("*.eml"))]
    # Only those that name it are parsed: there are many, and whoever waits for one looks again and again.
    read = [message_from_bytes(each, policy=policy.default) for each in texts if address.encode() in each]
    return [each for each in read if each["To"] == address]


def mail(address: str, subject: str) -> str:
    """The text of the newest mail to an address with these words in its subject, as soon as there is one."""

    def found() -> list[EmailMessage]:
        return [each for each in mails(address) if subject in each["Subject"]]

    eventually(lambda: bool(found()))
    return str(found()[-1].get_content())


def secret_in(text: str) -> str:
    """The secret of the link in a mail."""
    match = re.search(r"#token=([\w-]{43})\n", text)
    assert match is not None, text
    return match[1]
