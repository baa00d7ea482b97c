"""Whom a bulk message means: the slots its segment names, and who of their visitors is still meant when it
leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Q, TextChoices
from django.utils.translation import gettext_lazy as _

from events.mail.batch import asked_together
from events.models import Broadcast, Festival, Message, Registration, Slot, Territory


class Who(TextChoices):
    """Of the slots that a segment names."""

    COMING = "inscrits", _("Who has a place in a visit to come")
    WAITING = "attente", _("Who waits for a place")
    CAME = "venus", _("Who came (checked in)")
    HOSTS = "hotes", _("The hosts")


STATE_OF: dict[str, str] = {
    Who.COMING: Registration.Status.CONFIRMED,
    Who.WAITING: Registration.Status.WAITING,
    Who.CAME: Registration.Status.CONFIRMED,
}
"""The state of the bookings it is about; hosts have none."""


def slots_of(festival: Festival, territory: Territory | None, part: str) -> Any:
    """Slots of an edition, in a territory or (None) in all: those of ``part``, whose words stand at
    ``broadcasts.Segment``."""
    slots = Slot.objects.filter(activity__festival=festival)
    if territory is not None:
        slots = slots.filter(activity__territory=territory)
    kind, _colon, what = part.partition(":")
    narrowed = {
        "jour": Q(day=what),
        "hote": Q(activity__host=what),
        "activite": Q(activity=what),
        "creneau": Q(pk=what),
        "ville": Q(venue__commune=what) | Q(venue__isnull=True, activity__venue__commune=what),
    }
    return slots.filter(narrowed[kind]) if kind else slots


def is_still_meant(message: Message) -> bool:
    """Whether its reader is still in the segment: of a place given back, moved elsewhere, or no longer waited
    for, nothing more is said."""
    if message.registration is None:
        return True  # a host
    still = asked_together(still_meant)
    return message.pk in (still_meant([message]) if still is None else still)


def still_meant(messages: Sequence[Message]) -> set[int | None]:
    """Those whose readers are in the segment now: one question for each bulk message among them."""
    about: dict[int, list[Message]] = defaultdict(list)
    for message in messages:
        if message.broadcast_id is not None and message.visitor_id is not None:
            about[message.broadcast_id].append(message)
    found: set[int | None] = set()
    for broadcast in Broadcast.objects.filter(pk__in=about).select_related("festival", "territory"):
        mails, said = about[broadcast.pk], broadcast.segment
        slots = slots_of(broadcast.festival, broadcast.territory, said["part"])
        meant = Registration.objects.filter(
            visitor__in={mail.visitor_id for mail in mails},
            status=STATE_OF[said["who"]],
            slot__in=slots.values("pk"),
        )
        visitors = set(meant.values_list("visitor_id", flat=True))
        found |= {mail.pk for mail in mails if mail.visitor_id in visitors}
    return found
