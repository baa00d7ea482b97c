"""A territory whose webhook hears everything, on a server that is really there."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from events.models import Slot, Webhook
from tests.factories import SlotFactory, UserFactory
from tests.ground.receiver import Receiver


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def slot(db: None) -> Slot:
    return SlotFactory(capacity=4)


def listen(slot: Slot, url: str = "https://partner.example/", **fields: Any) -> Webhook:
    events = fields.pop("events", Webhook.Event.values)
    return Webhook.objects.create(
        territory=slot.activity.territory, name="Ville", url=url, events=events, **fields
    )


@pytest.fixture
def hook(slot: Slot, receiver: Receiver) -> Webhook:
    return listen(slot, receiver.url)


@pytest.fixture
def people() -> SimpleNamespace:
    return SimpleNamespace(organiser=UserFactory())
