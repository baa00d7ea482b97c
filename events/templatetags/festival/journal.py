"""What the journal says happened, in words."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from events import wording
from events.clock import on_the_wall
from events.models import Announced

register = template.Library()

HAPPENED = {
    "submitted": pgettext_lazy("journal", "submitted"),
    "taken_back": pgettext_lazy("journal", "taken back"),
    "reopened": pgettext_lazy("journal", "taken up again"),
    "accepted": pgettext_lazy("journal", "published"),
    "announced": pgettext_lazy("journal", "said to visitors"),
    "changes_requested": pgettext_lazy("journal", "changes requested"),
    "rejected": pgettext_lazy("journal", "rejected"),
    "cancelled": pgettext_lazy("journal", "cancelled"),
    "edited": pgettext_lazy("journal", "texts changed"),
    "slots_added": pgettext_lazy("journal", "times added"),
    "withdraw_slot": pgettext_lazy("journal", "slot withdrawn"),
    "restore_slot": pgettext_lazy("journal", "slot takes place after all"),
    "change_capacity": pgettext_lazy("journal", "number of places changed"),
    "set_pools": pgettext_lazy("journal", "reserved places changed"),
    "change_overbook": pgettext_lazy("journal", "overbooking changed"),
    "announce_opening": pgettext_lazy("journal", "opening announced"),
    "drop_opening": pgettext_lazy("journal", "opening taken back"),
    "change_rules": pgettext_lazy("journal", "rules changed"),
    "change_wording": pgettext_lazy("journal", "words of a mail changed"),
    "moved": pgettext_lazy("journal", "slot moved"),
    "placed": pgettext_lazy("journal", "put into a room"),
    "swapped": pgettext_lazy("journal", "put into a room"),
    "people": pgettext_lazy("journal", "people who receive chosen"),
    "unplaced": pgettext_lazy("journal", "taken out of its room"),
    "room_asked": pgettext_lazy("journal", "room asked for"),
    "room_accepted": pgettext_lazy("journal", "room granted"),
    "room_refused": pgettext_lazy("journal", "room refused"),
    "room_withdrawn": pgettext_lazy("journal", "request for a room withdrawn"),
    "venue_verified": pgettext_lazy("journal", "venue verified"),
    "venue_unverified": pgettext_lazy("journal", "verification of the venue taken back"),
    "venue_changed": pgettext_lazy("journal", "verified venue changed, to be verified again"),
    "venues_merged": pgettext_lazy("journal", "venues made one"),
}
RESERVES = {
    "access": pgettext_lazy("reserve, before a number", "adapted access"),
    "group": pgettext_lazy("reserve, before a number", "groups"),
    "walk_in": pgettext_lazy("reserve, before a number", "at the door"),
    "later": pgettext_lazy("reserve, before a number", "second wave"),
}


@register.filter
def happened(verb: str) -> str:
    """« soumise », « publiée »: what an entry of the journal says happened."""
    return str(HAPPENED.get(verb, verb))


@register.filter
def happened_how(entry: Any, zone: str) -> str:
    """What an entry of the journal adds: « accès adapté 2 → accès adapté 2, groupes 5 (9 juin à 18 h) »."""
    if entry.verb == "announced":
        return str(dict(Announced.choices).get(entry.text, _("as planned")))
    if entry.verb != "set_pools":
        return str(entry.text)
    halves = (half.strip() for half in entry.text.split("→"))
    return " → ".join(_say_reserves(half, zone) for half in halves)


def _say_reserves(text: str, zone: str) -> str:
    """« access 2, later 5 2027-06-09T16:00Z », as the rule writes it, in words."""
    said = []
    for part in text.split(", ") if text else []:
        kind, places, *release = part.split(" ")
        words = f"{RESERVES.get(kind, kind)} {places}"
        if release:
            at = on_the_wall(dt.datetime.fromisoformat(release[0]), zone)
            words += f" ({wording.say_moment(at)})"
        said.append(words)
    return ", ".join(said) or str(pgettext_lazy("reserves", "none"))
