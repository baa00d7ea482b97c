"""What tests stand on: small, true rows. Times are given; the default day is 10 June 2027, a Thursday."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import factory
from factory.django import DjangoModelFactory

from accounts.models import User
from events import models as m
from events.links import hash_of

NOW = dt.datetime(2027, 5, 3, 8, 0, tzinfo=dt.UTC)
"""When most tests happen: Monday 3 May 2027, 10 h in Paris."""

DAY = dt.date(2027, 6, 10)


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"personne{n}@example.org")
    name = "Camille Martin"


class TerritoryFactory(DjangoModelFactory[m.Territory]):
    class Meta:
        model = m.Territory

    name = factory.Sequence(lambda n: f"Territoire {n}")
    slug = factory.Sequence(lambda n: f"territoire-{n}")


class FestivalFactory(DjangoModelFactory[m.Festival]):
    class Meta:
        model = m.Festival

    name = factory.Sequence(lambda n: f"Festival French Tech {n}")
    slug = factory.Sequence(lambda n: f"festival-{n}")
    starts_on = DAY
    ends_on = DAY + dt.timedelta(days=2)
    state = m.Festival.State.PUBLISHED


class VenueFactory(DjangoModelFactory[m.Venue]):
    class Meta:
        model = m.Venue

    territory = factory.SubFactory(TerritoryFactory)
    name = factory.Sequence(lambda n: f"La Cantine {n}")
    slug = factory.Sequence(lambda n: f"la-cantine-{n}")
    address = "27 rue d’Aubuisson"


class RoomFactory(DjangoModelFactory[m.Room]):
    class Meta:
        model = m.Room

    venue = factory.SubFactory(VenueFactory)
    name = factory.Sequence(lambda n: f"Salle {n}")
    comfort_capacity = 20
    safety_capacity = 30


class HostFactory(DjangoModelFactory[m.Host]):
    class Meta:
        model = m.Host

    territory = factory.SubFactory(TerritoryFactory)
    name = factory.Sequence(lambda n: f"Les Robots du Canal {n}")
    slug = factory.Sequence(lambda n: f"les-robots-du-canal-{n}")


class ActivityFactory(DjangoModelFactory[m.Activity]):
    class Meta:
        model = m.Activity

    festival = factory.SubFactory(FestivalFactory)
    host = factory.SubFactory(HostFactory)
    territory = factory.SelfAttribute("host.territory")
    title_fr = factory.Sequence(lambda n: f"Dans l’atelier d’un robot jardinier {n}")
    slug = factory.Sequence(lambda n: f"atelier-robot-{n}")
    state = m.Activity.State.PUBLISHED


class SlotFactory(DjangoModelFactory[m.Slot]):
    """``SlotFactory(day=…, start_time=…, duration=…, timezone=…)``: the instants are derived from the wall
    clock.
    """

    class Meta:
        model = m.Slot

    activity = factory.SubFactory(ActivityFactory)
    day = DAY
    start_time = factory.Sequence(lambda n: dt.time(8 + n % 12, n // 12 % 60))
    duration = 45
    timezone = factory.SelfAttribute("activity.territory.timezone")
    capacity = 10
    state = m.Slot.State.PUBLISHED

    @classmethod
    def _create(cls, model_class: type[m.Slot], *args: Any, **kwargs: Any) -> m.Slot:
        time = {key: kwargs.pop(key) for key in ("day", "start_time", "duration", "timezone")}
        slot = model_class(*args, **kwargs)
        slot.set_time(**time, fold=kwargs.get("fold"))
        slot.save()
        return slot


class HostPersonFactory(DjangoModelFactory[m.HostPerson]):
    class Meta:
        model = m.HostPerson

    host = factory.SubFactory(HostFactory)
    name = factory.Sequence(lambda n: f"Dominique Petit {n}")


class AppearanceFactory(DjangoModelFactory[m.Appearance]):
    """Its times are its slot's, which the database copies in any case."""

    class Meta:
        model = m.Appearance

    slot = factory.SubFactory(SlotFactory)
    person = factory.SubFactory(HostPersonFactory, host=factory.SelfAttribute("..slot.activity.host"))
    starts_at = factory.SelfAttribute("slot.starts_at")
    ends_at = factory.SelfAttribute("slot.ends_at")


class VisitorFactory(DjangoModelFactory[m.Visitor]):
    class Meta:
        model = m.Visitor

    email = factory.Sequence(lambda n: f"visiteur{n}@example.org")


class FollowerFactory(DjangoModelFactory[m.Follower]):
    class Meta:
        model = m.Follower

    email = factory.Sequence(lambda n: f"suit{n}@example.org")
    mailbox = factory.SelfAttribute("email")
    created_at = NOW


def topic_of(**said: Any) -> m.Topic:
    """The topic of a host, a territory, a theme or an activity."""
    parts = [f"{name}:{getattr(thing, 'pk', thing)}" for name, thing in sorted(said.items())]
    key = f"theme:{said['theme']}:{said['territory'].pk}" if len(said) == 2 else parts[0]
    return m.Topic.objects.get_or_create(key=key, defaults=said)[0]


class FollowFactory(DjangoModelFactory[m.Follow]):
    """Confirmed an hour ago, unless said otherwise."""

    class Meta:
        model = m.Follow

    follower = factory.SubFactory(FollowerFactory)
    words = "Un message quand les réservations ouvrent."
    page = "/villes/toulouse/"
    asked_at = NOW - dt.timedelta(hours=2)
    confirmed_at = NOW - dt.timedelta(hours=1)


class RegistrationFactory(DjangoModelFactory[m.Registration]):
    """A bare row for lists and pages; it does not move the slot's counters. To book, call the rule."""

    class Meta:
        model = m.Registration

    slot = factory.SubFactory(SlotFactory)
    visitor = factory.SubFactory(VisitorFactory)
    submission_id = factory.LazyFunction(uuid.uuid4)
    submission_hash = "0" * 64
    party_size = 1
    status = m.Registration.Status.CONFIRMED
    created_at = NOW
    confirmed_at = NOW


class BallotFactory(DjangoModelFactory[m.Ballot]):
    """Open from the day before ``NOW`` to the day after; its seed promised."""

    class Meta:
        model = m.Ballot

    festival = factory.SubFactory(FestivalFactory)
    name_fr = factory.Sequence(lambda n: f"Les ateliers rares {n}")
    slug = factory.Sequence(lambda n: f"ateliers-rares-{n}")
    opens_at = NOW - dt.timedelta(days=1)
    closes_at = NOW + dt.timedelta(days=1)

    @classmethod
    def _create(cls, model_class: type[m.Ballot], *args: Any, **kwargs: Any) -> m.Ballot:
        ballot = model_class(*args, **kwargs)
        ballot.seed_hash = hash_of(ballot.seed)
        ballot.save()
        return ballot
