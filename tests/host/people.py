"""Who walks through these tests: a member of the host, of another one, an organiser, nobody."""

from __future__ import annotations

import datetime as dt
from typing import Any

from accounts.models import User
from events import models as m
from tests.factories import DAY, ActivityFactory, FestivalFactory, HostFactory, SlotFactory, UserFactory


def member_of(host: m.Host, **changes: Any) -> User:
    user = UserFactory(**changes)
    m.HostMember.objects.create(host=host, user=user)
    return user


def organiser_of(host: m.Host) -> User:
    user = UserFactory()
    m.TerritoryTeam.objects.create(territory=host.territory, user=user)
    return user


def a_host(**changes: Any) -> m.Host:
    """A host whose territory takes part in a coming edition of three days."""
    host = HostFactory(**{"slug": "les-robots", "name": "Les Robots", "city": "Toulouse", **changes})
    edition = FestivalFactory(starts_on=DAY, ends_on=DAY + dt.timedelta(days=2))
    edition.territories.add(host.territory)
    return host


def an_activity(host: m.Host, **changes: Any) -> m.Activity:
    """A draft with its text, in the host's edition."""
    fields = {
        "title_fr": "Dans l’atelier",
        "description_fr": "On voit les robots.",
        "languages": ["fr"],
        "state": m.Activity.State.DRAFT,
        **changes,
    }
    return ActivityFactory(host=host, festival=host.territory.festivals.get(), **fields)


def a_slot(activity: m.Activity, **changes: Any) -> m.Slot:
    state = "published" if activity.state == "published" else "draft"
    return SlotFactory(activity=activity, **{"state": state, "start_time": dt.time(9), **changes})
