"""A real SMTP server that writes down what it gets and can misbehave on request, at each phase of a mail."""

import asyncio
import email
import email.policy
import enum
import threading
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.ground.ports import free_port


class Phase(enum.StrEnum):
    """Where in a mail's way over the wire (RFC 5321 §3) something may go wrong."""

    CONNECT = "connect"
    EHLO = "EHLO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"
    """While the content comes: nothing was taken, and the sender cannot know."""
    DOT = "after the dot"
    """The content is there and written down, unless it is refused."""


@dataclass
class Mood:
    """What the relay does at a phase instead of going on.

    :ivar answer: said instead of the usual answer, such as "450 Later".
    :ivar stall: seconds of silence before the answer, or before the line is cut.
    :ivar drop: cut the line without a word.
    :ivar times: how often; for ever where it is None.
    """

    answer: str = ""
    stall: float = 0.0
    drop: bool = False
    times: int | None = None


@dataclass(frozen=True)
class Received:
    """One message as it came over the wire; ``at`` is of the monotonic clock."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    at: float = 0.0

    @property
    def message(self) -> EmailMessage:
        """Parsed by the standard library, which did not write it."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)


class _Moody(SMTP):
    """aiosmtpd's server, asking the sink at each phase whether to go on."""

    sink: "SmtpSink"
    mails = 0
    """Begun on this line."""

    async def _handle_client(self) -> None:
        self.sink.connections += 1
        try:
            goes_on = await self._lets(Phase.CONNECT)
        except asyncio.CancelledError:  # the client had enough
            self._writer.close()
            raise
        if goes_on:
            await super()._handle_client()
        else:
            self._writer.close()

    async def smtp_HELO(self, hostname: str) -> None:
        if await self._lets(Phase.EHLO):
            await super().smtp_HELO(hostname)

    async def smtp_EHLO(self, hostname: str) -> None:
        if await self._lets(Phase.EHLO):
            await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:
        self.mails += 1
        if self.sink.most_on_a_line is not None and self.mails > self.sink.most_on_a_line:
            await self.push("421 4.7.0 Too many mails on one line")
            self._writer.close()
        elif await self._lets(Phase.MAIL):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        if await self._lets(Phase.RCPT):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        if not await self._lets(Phase.DATA):
            return
        mood = self.sink.moods.get(Phase.CONTENT)
        if mood is not None and mood.times != 0:
            await self.push("354 Go on")
            await self._reader.readuntil(b"\r\n")
            if not await self._lets(Phase.CONTENT):
                return
        await super().smtp_DATA(arg)

    async def _lets(self, phase: Phase) -> bool:
        """Whether the phase goes its usual way."""
        mood = self.sink.next_mood(phase)
        if mood is None:
            return True
        if mood.stall:
            await asyncio.sleep(mood.stall)
        if mood.drop:
            if isinstance(self.transport, asyncio.Transport):
                self.transport.abort()
            raise asyncio.CancelledError  # what came before the cut is no command
        if mood.answer:
            await self.push(mood.answer)
            if mood.answer.startswith("421"):  # RFC 5321 §3.8: it closes the channel after that
                self._writer.close()
        return not mood.answer


class _Port(Controller):
    """Listens in a thread of its own."""

    def factory(self) -> SMTP:
        server = _Moody(self.handler, **self.SMTP_kwargs)
        server.sink = self.handler
        return server


@dataclass
class SmtpSink:
    """Listens on a port of this machine; change its attributes while it runs.

    :ivar moods: what it does at a phase; see `Mood`.
    :ivar refuse_recipient: an answer such as "550 No such user", given to these addresses.
    :ivar refuse_sender: an answer given to every MAIL FROM.
    :ivar answer_to_data: an answer given after DATA instead of 250; nothing is written down.
    :ivar stall_before_answer: seconds between having written the message down and answering.
    :ivar holds_after: so many messages are answered, the next ones are written down and wait for their answer
        until this is raised; None is no limit.
    :ivar drop_after_data: the message is written down and the connection cut without an answer.
    :ivar most_on_a_line: after so many mails it ends a connection, as many relays do; None is no limit.
    :ivar connections: how many came so far.
    """

    port: int = field(default_factory=free_port)
    received: list[Received] = field(default_factory=list)
    moods: dict[Phase, Mood] = field(default_factory=dict)
    refuse_recipient: dict[str, str] = field(default_factory=dict)
    refuse_sender: str = ""
    answer_to_data: str = ""
    stall_before_answer: float = 0.0
    holds_after: int | None = None
    drop_after_data: bool = False
    most_on_a_line: int | None = None
    connections: int = 0

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
        self._controller = _Port(self, hostname="127.0.0.1", port=self.port, ready_timeout=60)
        self._controller.start()

    def stop(self) -> None:
        """As when the relay goes away: connections are refused."""
        if self._controller is not None:
            self._controller.stop(no_assert=True)
            self._controller = None

    def to(self, recipient: str) -> list[Received]:
        """What came for one address, in order."""
        return [received for received in self.received if recipient in received.recipients]

    def next_mood(self, phase: Phase) -> Mood | None:
        """The mood for the phase, one time less of it left."""
        mood = self.moods.get(phase)
        if mood is None or mood.times == 0:
            return None
        if mood.times is not None:
            mood.times -= 1
        return mood

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
        mood = self.next_mood(Phase.DOT) or Mood(
            answer=self.answer_to_data, stall=self.stall_before_answer, drop=self.drop_after_data
        )
        if mood.answer:
            return mood.answer
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        self.received.append(
            Received(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw, time.monotonic())
        )
        number = len(self.received)
        if mood.stall:
            await asyncio.sleep(mood.stall)
        while self.holds_after is not None and number > self.holds_after:
            await asyncio.sleep(0.01)
        if mood.drop and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "250 Written down"
