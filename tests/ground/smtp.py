"""A real SMTP server that writes down what it gets and can misbehave on request."""

import asyncio
import email
import email.policy
import threading
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.ground.postgres import free_port


@dataclass(frozen=True)
class Received:
    """One message as it came over the wire."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """Parsed by the standard library, which did not write it."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)


@dataclass
class SmtpSink:
    """Listens on a port of this machine; change its attributes while it runs.

    :ivar refuse_recipient: an answer such as "550 No such user", given to these addresses.
    :ivar refuse_sender: an answer given to every MAIL FROM.
    :ivar answer_to_data: an answer given after DATA instead of 250; nothing is written down.
    :ivar stall_before_answer: seconds between having written the message down and answering.
    :ivar drop_after_data: the message is written down and the connection cut without an answer.
    """

    port: int = field(default_factory=free_port)
    received: list[Received] = field(default_factory=list)
    refuse_recipient: dict[str, str] = field(default_factory=dict)
    refuse_sender: str = ""
    answer_to_data: str = ""
    stall_before_answer: float = 0.0
    drop_after_data: bool = False

    def __post_init__(self) -> None:
        self.data_begun = threading.Event()
        self._controller: Controller | None = None
        self.start()

    @property
    def url(self) -> str:
        """As EMAIL_URL takes it."""
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, or listen again on the same port."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=10)
        self._controller.start()

    def stop(self) -> None:
        """As when the relay goes away: connections are refused."""
        if self._controller is not None:
            self._controller.stop(no_assert=True)
            self._controller = None

    def to(self, recipient: str) -> list[Received]:
        """What came for one address, in order."""
        return [received for received in self.received if recipient in received.recipients]

    # aiosmtpd calls these by name

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, mail_options: list[Any]
    ) -> str:
        if self.refuse_sender:
            return self.refuse_sender
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[Any]
    ) -> str:
        if address in self.refuse_recipient:
            return self.refuse_recipient[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.data_begun.set()
        if self.answer_to_data:
            return self.answer_to_data
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        self.received.append(Received(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw))
        if self.stall_before_answer:
            await asyncio.sleep(self.stall_before_answer)
        if self.drop_after_data and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "250 Written down"
