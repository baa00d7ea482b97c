"""Taking a demonstration away again, with everything that hangs on it and nothing else."""

from __future__ import annotations

from events.demo.crowd import DOMAIN
from events.models import Activity, Festival, Host, Message, Registration, Slot, Venue, Visitor


def remove_demonstrations() -> int:
    """Delete every demonstration; hosts and venues go when nothing else uses them. How many editions went."""
    festivals = list(Festival.objects.filter(is_demo=True))
    for festival in festivals:
        activities = Activity.objects.filter(festival=festival)
        slots = Slot.objects.filter(activity__in=activities)
        hosts = list(activities.values_list("host_id", flat=True).distinct())
        venues = list(slots.exclude(venue=None).values_list("venue_id", flat=True).distinct())
        registrations = Registration.objects.filter(slot__in=slots)
        Message.objects.filter(registration__in=registrations).delete()
        registrations.delete()
        slots.delete()
        activities.delete()
        for few in _in_parts(hosts):
            Host.objects.filter(pk__in=few, activities=None).delete()
        for few in _in_parts(venues):
            # A real venue has its sources and stays; an invented one goes.
            Venue.objects.filter(pk__in=few, slots=None, activities=None, sources=[]).delete()
        festival.delete()
    Visitor.objects.filter(email__endswith=f"@{DOMAIN}", registrations=None).delete()
    return len(festivals)


def _in_parts(keys: list[int], size: int = 500) -> list[list[int]]:
    return [keys[start : start + size] for start in range(0, len(keys), size)]
