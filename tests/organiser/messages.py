"""A message to many, as a test writes and sends it."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

from events.broadcasts import (
    Segment,
    Words,
    count_audience,
    readers_of,
    run_broadcast,
    start_broadcast,
)
from events.longwork import work_on
from events.mail.bulk_facts import Who
from events.models import (
    Broadcast,
    Job,
    Message,
    Registration,
)
from tests.factories import (
    NOW,
    RegistrationFactory,
    VisitorFactory,
)

WORDS = Words("Une place de plus", "Bonne nouvelle.\nÀ demain.")
TYPED = {"qui": "inscrits", "ou": "tout", "objet": WORDS.subject, "texte": WORDS.text}
NEW = "/organisation/toulouse/courriels/groupe/nouveau/"
Status = Message.Status


def booked(slot: Any, email: str, **fields: Any) -> Registration:
    return RegistrationFactory(slot=slot, visitor=VisitorFactory(email=email), **fields)


def segment(place: SimpleNamespace, who: Who = Who.COMING, part: str = "", **fields: Any) -> Segment:
    return Segment(
        **{"festival": place.festival, "territory": place.territory, "who": who, "part": part, **fields}
    )


def reached(of: Segment) -> list[str]:
    return sorted(reader.email for reader in readers_of(of, now=NOW))


def start(
    place: SimpleNamespace, of: Segment | None = None, words: Words = WORDS, **fields: Any
) -> Broadcast:
    of = of or segment(place)
    counted = count_audience(segment=of, words=words, now=NOW)
    fields = {"fingerprint": counted.fingerprint, "by": place.organiser, "now": NOW, **fields}
    return start_broadcast(segment=of, words=words, **fields)


def work(now: dt.datetime = NOW) -> Job:
    work_on({Job.Kind.MESSAGE: run_broadcast}, clock=lambda: now)
    return Job.objects.latest("pk")
