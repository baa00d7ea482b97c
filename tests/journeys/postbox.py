"""Mails as they came over SMTP, waited for and read as a person reads them."""

import re
import time
from email.message import EmailMessage

from tests.ground.smtp import SmtpSink

PATIENCE = 60
"""Seconds: a hint that got lost is made good by the next sweep, ten seconds later; the rest is for a machine
that has other things to do.
"""


class Postbox:
    """The relay's messages, by address."""

    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink

    def read(self, address: str, subject: str) -> EmailMessage:
        """The last mail to an address whose subject holds these words, as soon as it is there.

        :raises AssertionError: none came; the text names what did.
        """
        until = time.monotonic() + PATIENCE
        while True:
            mails = [received.message for received in self._sink.to(address)]
            found = [mail for mail in mails if subject in plain(mail["Subject"])]
            if found:
                return found[-1]
            if time.monotonic() > until:
                told = [str(mail["Subject"]) for mail in mails]
                raise AssertionError(f"No mail « {subject} » to {address}, but {told}")
            time.sleep(0.05)

    def count(self, address: str, subject: str) -> int:
        """How many of them came until now."""
        return sum(subject in plain(received.message["Subject"]) for received in self._sink.to(address))


def plain(text: str) -> str:
    """With ordinary spaces: no-break ones are for the eye."""
    return str(text).replace("\u00a0", " ")


def words(mail: EmailMessage) -> str:
    """The text part, with ordinary spaces."""
    body = mail.get_body(("plain",))
    assert body is not None, "a mail without a text part"
    return plain(body.get_content())


def link(mail: EmailMessage, pattern: str) -> str:
    """The first address in the text part that matches.

    :raises AssertionError: there is none.
    """
    found = re.search(rf"https?://\S*{pattern}\S*", words(mail))
    assert found, f"No link {pattern} in:\n{words(mail)}"
    return found.group().rstrip(".,)")
