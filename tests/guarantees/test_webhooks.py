"""Nothing that partners are owed is lost: real processes, a real server, both engines, and what happens
without the guard."""

from __future__ import annotations

import datetime as dt
import os
import signal
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.utils import timezone

from events.models import Delivery, Webhook
from events.registration.book import register_party
from events.webhooks.deliver import release_leases
from tests import factories as f
from tests.ground.receiver import Receiver
from tests.ground.site import Site

pytestmark = pytest.mark.guarantee

PATIENTLY = """
from events import outside
from events.webhooks import reach
outside.PATIENCE = reach.LONGEST = 60.0  # the partner of these tests is on a busy machine
"""
DELIVER = PATIENTLY + "from events.webhooks.deliver import deliver_webhooks\nprint(deliver_webhooks())"
DELIVER_WITHOUT_A_CLAIM = (
    PATIENTLY
    + """
from events.models import Delivery
from events.webhooks import deliver

def claim(*, token, now, size):
    # What the claim must not be: read first, then write whatever was read.
    keys = list(Delivery.objects.exclude(status="sent").values_list("pk", flat=True)[:size])
    until = now + deliver.LEASE
    Delivery.objects.filter(pk__in=keys).update(status="sending", lease_token=token, lease_until=until)
    return keys

def deliver_anyhow(key, token, clock, resting):
    one = Delivery.objects.select_related("webhook__territory").get(pk=key)
    deliver.post(one.webhook.url, **deliver._signed(one, one.webhook, clock()))
    Delivery.objects.filter(pk=key).update(status="sent")
    return "sent"

deliver.claim, deliver._deliver = claim, deliver_anyhow
print(deliver.deliver_webhooks(limit=10))
"""
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def site_that_tells(database: Site, receiver: Receiver) -> Site:
    database.environment["WEBHOOK_ALLOW_PRIVATE"] = "true"
    return database


def book(number: int, receiver: Receiver) -> None:
    """So many bookings of one slot, each told to the receiver."""
    slot = f.SlotFactory(capacity=number, day=timezone.localdate() + dt.timedelta(days=30))
    Webhook.objects.create(
        territory=slot.activity.territory, name="Ville", url=receiver.url, events=Webhook.Event.values
    )
    for index in range(number):
        register_party(
            slot_id=slot.pk,
            email=f"v{index}@example.org",
            party_size=1,
            submission_id=uuid.uuid4(),
            now=timezone.now(),
        )


def names(receiver: Receiver) -> Counter[str]:
    return Counter(told.headers["webhook-id"] for told in receiver.told)


def states() -> Counter[str]:
    return Counter(Delivery.objects.values_list("status", flat=True))


def test_several_deliverers_at_once_tell_each_thing_once(site_that_tells: Site, receiver: Receiver) -> None:
    with transaction.atomic():
        book(30, receiver)

    workers = [site_that_tells.start_python(DELIVER) for _worker in range(3)]
    for worker in workers:
        output, _none = worker.communicate(timeout=300)
        assert worker.returncode == 0, output

    assert states() == {"sent": 30}
    assert set(names(receiver).values()) == {1}
    assert len(names(receiver)) == 30


def test_without_the_claim_the_same_race_tells_twice(site_that_tells: Site, receiver: Receiver) -> None:
    """The negative control of the test above."""
    with transaction.atomic():
        book(5, receiver)
    receiver.stall = 60

    workers = [site_that_tells.start_python(DELIVER_WITHOUT_A_CLAIM) for _worker in range(3)]
    receiver.wait_for(2)  # both have read before anything is recorded
    receiver.go_on()
    for worker in workers:
        output, _none = worker.communicate(timeout=300)
        assert worker.returncode == 0, output

    assert max(names(receiver).values()) > 1


def test_a_deliverer_killed_while_it_tells_loses_nothing(site_that_tells: Site, receiver: Receiver) -> None:
    """Killed while the partner's server thinks: what it held goes once more, under the same name."""
    with transaction.atomic():
        book(4, receiver)
    receiver.stall = 60
    worker = site_that_tells.start_python(DELIVER)
    receiver.wait_for(1)

    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    receiver.go_on()
    assert states() == {"sending": 4}
    Delivery.objects.filter(status="sending").update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert release_leases(now=timezone.now()) == 4
    site_that_tells.python(DELIVER)

    assert states() == {"sent": 4}
    assert sorted(names(receiver).values()) == [1, 1, 1, 2]
