"""Nobody is buried in mail, however many workers there are: one mailbox, four processes, one count."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from events.mail.outbox import owe
from events.models import Message
from tests import factories as f
from tests.ground.site import Site
from tests.ground.smtp import SmtpSink
from tests.guarantees.mailroom import states

pytestmark = pytest.mark.guarantee
VICTIM = "victime@example.org"
UNCOUNTED = "from events.mail import deliver\ndeliver.take_one = lambda message, *, now: None\n"
DELIVER = "from events.mail.deliver import deliver_due\nprint(deliver_due().counts)"


def owe_flood(number: int) -> None:
    with transaction.atomic():
        slot = f.SlotFactory()
        for index in range(number):
            owe(
                kind=Message.Kind.CONFIRMATION,
                dedupe_key=f"flood:{index}:0",
                recipient=VICTIM,
                locale="fr",
                now=timezone.now(),
                registration=f.RegistrationFactory(slot=slot),
            )


def deliver_by_four(database: Site, before: str = "") -> None:
    crews = [database.start_python(before + DELIVER) for _crew in range(4)]
    for crew in crews:
        assert crew.wait(300) == 0


@pytest.fixture
def flooded(database: Site, smtp_sink: SmtpSink) -> Site:
    database.environment["EMAIL_URL"] = smtp_sink.url
    owe_flood(60)
    return database


def test_four_workers_count_as_one(flooded: Site, smtp_sink: SmtpSink) -> None:
    deliver_by_four(flooded)

    # At the turn of an hour of the clock the count begins anew.
    assert len(smtp_sink.to(VICTIM)) in (12, 24)
    assert sum(states().values()) == 60
    assert states()["sent"] == len(smtp_sink.to(VICTIM))


def test_without_the_count_all_of_it_arrives(flooded: Site, smtp_sink: SmtpSink) -> None:
    deliver_by_four(flooded, UNCOUNTED)

    assert len(smtp_sink.to(VICTIM)) == 60
