"""What is left undone: said three times at most, and never about what is done meanwhile."""

from __future__ import annotations

import datetime as dt

import pytest

from events.digests import owe_digests
from events.mail.deliver import deliver_due
from events.models import Activity, Message, Slot
from tests import factories as f
from tests.mail.conftest import kept

from .conftest import paris

NB = "\u00a0"


def nags(kind: str) -> list[tuple[str, dt.date]]:
    rows = Message.objects.filter(kind=kind).order_by("pk").values_list("recipient", "created_at")
    return [(recipient.partition("@")[0], at.date()) for recipient, at in rows]


@pytest.fixture
def draft(desk):
    made = f.ActivityFactory(
        host=desk.host, festival=desk.festival, state="draft", title_fr="Le four solaire"
    )
    Activity.objects.filter(pk=made.pk).update(created_at=paris(3, 17), updated_at=paris(3, 17))
    return made


def every_morning(first: dt.datetime, days: int) -> None:
    for n in range(days):
        for hours in (0, 1, 2):
            owe_digests(first + dt.timedelta(days=n, hours=hours))


def test_a_draft_is_named_after_three_days_then_weekly_three_times_in_all(desk, draft):
    every_morning(paris(3, 9, 5), 36)

    days = [dt.date(2027, 5, day) for day in (6, 13, 20)]
    assert nags("nag_draft") == [(name, day) for day in days for name in ("camille", "sacha")]


def test_several_drafts_of_one_day_make_one_mail(desk, draft):
    other = f.ActivityFactory(host=desk.host, festival=desk.festival, state="draft")
    Activity.objects.filter(pk=other.pk).update(created_at=paris(3, 18), updated_at=paris(3, 18))

    owe_digests(paris(6, 9, 5))
    deliver_due(now=paris(6, 9, 5))

    assert len(kept()) == 2
    assert kept()[0]["Subject"] == f"Les Robots du Canal{NB}: 2 activités encore en brouillon"


def test_a_draft_worked_at_since_yesterday_is_left_alone(desk, draft):
    Activity.objects.filter(pk=draft.pk).update(updated_at=paris(5, 18))

    owe_digests(paris(6, 9, 5))

    assert nags("nag_draft") == []


def test_a_draft_submitted_before_the_mail_leaves_is_not_named(desk, draft):
    owe_digests(paris(6, 9, 5))
    Activity.objects.filter(pk=draft.pk).update(state="submitted")

    deliver_due(now=paris(6, 9, 5))

    assert kept() == []
    assert set(Message.objects.values_list("status", flat=True)) == {"cancelled"}


def test_a_morning_that_was_missed_is_caught_up_with_the_next(desk, draft):
    owe_digests(paris(5, 9, 5))

    owe_digests(paris(8, 9, 5))

    assert nags("nag_draft") == [("camille", dt.date(2027, 5, 8)), ("sacha", dt.date(2027, 5, 8))]


def test_the_mail_says_which_draft_and_leads_to_it(desk, draft, settings):
    owe_digests(paris(6, 9, 5))
    deliver_due(now=paris(6, 9, 5))

    mail = kept()[0]
    assert mail["Subject"] == f"«{NB}Le four solaire{NB}» est encore un brouillon"
    text = mail.get_body(("plain",)).get_content()
    assert f"{settings.SITE_URL}/hote/robots/activites/{draft.pk}/" in text
    assert f"Commencé le 3{NB}mai" in text


@pytest.mark.parametrize(
    ("state", "readers"),
    [
        ("draft", ["camille", "sacha"]),
        ("changes_requested", ["camille", "sacha"]),
        ("submitted", ["dominique"]),
        ("ready", ["dominique"]),
        ("published", ["dominique"]),
        ("rejected", []),
        ("cancelled", []),
    ],
)
def test_a_slot_that_is_not_public_is_named_to_whoever_has_the_next_step(desk, state, readers):
    Activity.objects.filter(pk=desk.activity.pk).update(state=state)
    Slot.objects.filter(pk=desk.slot.pk).update(state="draft")

    every_morning(paris(1, 9, 5, month=6), 10)

    days = [dt.date(2027, 6, day) for day in (3, 8)]
    assert nags("nag_slots") == [(name, day) for day in days for name in readers]


def test_a_slot_published_before_the_mail_leaves_is_not_named(desk):
    Slot.objects.filter(pk=desk.slot.pk).update(state="draft")
    owe_digests(paris(3, 9, 5, month=6))
    Slot.objects.filter(pk=desk.slot.pk).update(state="published")

    deliver_due(now=paris(3, 9, 5, month=6))

    assert kept() == []


def test_the_mail_about_slots_says_which_when_and_why(desk):
    Slot.objects.filter(pk=desk.slot.pk).update(state="draft")
    owe_digests(paris(3, 9, 5, month=6))
    deliver_due(now=paris(3, 9, 5, month=6))

    mail = kept()[0]
    assert mail["Subject"] == (
        f"Personne ne peut réserver «{NB}Dans l’atelier d’un robot{NB}», jeudi{NB}10{NB}juin"
    )
    assert "le créneau est encore un brouillon" in mail.get_body(("plain",)).get_content()
