"""The other doors of the outbox: Django's mail functions, the commands, the sweeps."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives, send_mail
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from events import jobs
from events.links import hash_of_address
from events.mail import deliver, tasks
from events.mail.deliver import LEASE, release_leases
from events.mail.outbox import owe
from events.mail.relay import LONGEST_PAUSE
from events.models import Heartbeat, Message, RelayState, ReminderRule, ReminderSweep, Suppression
from events.reminders import default_reminder_rules
from tests import factories as f
from tests.factories import NOW
from tests.ground.smtp import SmtpSink
from tests.mail.conftest import kept


@pytest.fixture
def outbox_backend(settings: Any, db: None) -> None:
    settings.EMAIL_BACKEND = "events.mail.backend.OutboxBackend"


def run(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_what_django_sends_is_owed_to_each_recipient(outbox_backend: None) -> None:
    mail = EmailMultiAlternatives(
        "Votre\ncode", "texte", "Equipe <equipe@example.org>", ["a@example.org"], cc=["b@example.org"]
    )
    mail.attach_alternative("<p>texte</p>", "text/html")

    sent = mail.send()

    rows = Message.objects.order_by("recipient").values_list("recipient", "kind", "subject", "html_body")
    assert sent == 1
    assert list(rows) == [
        ("a@example.org", "account", "Votre code", "<p>texte</p>"),
        ("b@example.org", "account", "Votre code", "<p>texte</p>"),
    ]


def test_what_is_rolled_back_is_not_owed(outbox_backend: None) -> None:
    with transaction.atomic():
        send_mail("x", "y", None, ["a@example.org"])
        transaction.set_rollback(True)

    assert Message.objects.count() == 0


def test_attachments_are_refused_rather_than_lost(outbox_backend: None) -> None:
    mail = EmailMultiAlternatives("x", "y", None, ["a@example.org"])
    mail.attach("liste.csv", "a;b", "text/csv")

    with pytest.raises(ValueError, match="no attachments"):
        mail.send()


def test_send_test_mail_goes_all_the_way(outbox_backend: None) -> None:
    printed = run("sendtestemail", "essai@example.org")

    assert "essai@example.org: sent. kept on the site" in printed
    assert [mail["To"] for mail in kept()] == ["essai@example.org"]


def test_send_test_mail_says_what_was_tried_and_what_to_look_at(
    outbox_backend: None, relay: SmtpSink, settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL, settings.SITE_URL = "f@mail.festival.fr", "https://festival.fr"
    settings.EMAIL_USE_SSL = settings.EMAIL_USE_TLS = False
    relay.refuse_recipient["b@example.org"] = "550 5.1.1 Unknown"

    printed = run("sendtestemail", "a@example.org", "b@example.org")

    assert f"By: SMTP 127.0.0.1:{relay.port}, no encryption, not signed in" in printed
    assert "a@example.org: sent. 250 Written down" in printed
    assert "b@example.org: failed. 550 5.1.1 Unknown" in printed
    assert "dig +short TXT _dmarc.mail.festival.fr" in printed
    assert "The sender's domain mail.festival.fr is not that of the links (festival.fr)" in printed
    assert "No MAIL_PROVIDER is set" in printed


def test_send_reminders_takes_the_instant(visit: SimpleNamespace) -> None:
    default_reminder_rules(visit.festival)

    printed = run("send_reminders", "--now", "2027-06-09T09:00:00+02:00")
    again = run("send_reminders", "--now", "2027-06-09T09:00")

    assert printed == "1 reminder owed; 1 sent.\n"
    assert again == "0 reminders owed; nothing to send.\n"
    assert [mail["To"] for mail in kept()] == ["camille@example.org"]


def test_what_a_trial_at_another_date_held_when_it_ended_is_taken_back_in_two_minutes(
    visit: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock of those who work beside it, not at the date of the trial."""
    default_reminder_rules(visit.festival)

    def ends_the_process(*_said: Any, **_more: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(deliver, "compose", ends_the_process)
    with pytest.raises(SystemExit):
        run("send_reminders", "--now", "2027-06-09T09:00:00+02:00")
    assert Message.objects.get().status == "sending"

    assert release_leases(now=timezone.now() + LEASE) == 1
    assert Message.objects.get().status == "pending"


def test_a_relay_that_fails_a_trial_at_another_date_rests_minutes_not_until_then(
    visit: SimpleNamespace, relay: SmtpSink
) -> None:
    default_reminder_rules(visit.festival)
    relay.drop_after_data = True

    run("send_reminders", "--now", "2027-06-09T09:00:00+02:00")

    rests_until = RelayState.objects.get().paused_until
    assert rests_until is not None
    assert rests_until <= timezone.now() + LONGEST_PAUSE


@pytest.mark.parametrize("said", ["demain", "2027-13-01T09:00", "2027-06-31", ""])
def test_send_reminders_refuses_what_is_no_instant(said: str, db: None) -> None:
    with pytest.raises(CommandError, match="no date and time"):
        call_command("send_reminders", "--now", said)


def test_send_reminders_sends_reminders_alone(visit: SimpleNamespace) -> None:
    owe(
        kind=Message.Kind.CONFIRMATION,
        dedupe_key="confirm:1:0",
        recipient="camille@example.org",
        locale="fr",
        now=NOW,
        registration=visit.registration,
    )

    run("send_reminders", "--now", "2027-06-09T09:00:00+02:00")

    assert Message.objects.get(kind="confirmation").status == "pending"


def test_drain_once_does_all_the_sweeps(visit: SimpleNamespace, time_machine: Any) -> None:
    time_machine.move_to(dt.datetime(2027, 6, 9, 7, 0, tzinfo=dt.UTC), tick=False)
    default_reminder_rules(visit.festival)

    assert run("drain_outbox", "--once") == "1 reminder owed; 1 sent.\n"
    names = [
        *("deliver_due", "deliver_webhooks", "draw_ballots", "expire", "follow_agendas", "geocode"),
        *("look_up_companies", "owe_digests", "owe_follows"),
        *("owe_reminders", "owe_reminders_whole", "pass_places_on", "release_leases", "watch_mail"),
        "work_on_jobs",
    ]
    # A name with a space marks which day's digests a zone has had, not a sweep.
    beats = Heartbeat.objects.exclude(name__contains=" ").order_by("name")
    assert list(beats.values_list("name", flat=True)) == names


def test_stats_name_every_state_and_no_address(visit: SimpleNamespace) -> None:
    owe(
        kind=Message.Kind.CONFIRMATION,
        dedupe_key="confirm:1:0",
        recipient="camille@example.org",
        locale="fr",
        now=NOW - dt.timedelta(days=365),
        registration=visit.registration,
    )

    printed = run("outbox_stats", "--json")
    stats = json.loads(printed)

    assert stats["by_status"] == {
        **dict.fromkeys(("sending", "sent", "uncertain", "failed", "cancelled", "expired", "suppressed"), 0),
        "pending": 1,
    }
    assert (stats["total"], stats["due"], stats["relay"]["paused_until"]) == (1, 1, None)
    assert "@" not in printed
    assert "pending            1" in run("outbox_stats")


def test_a_gap_between_sweeps_is_looked_at_whole(visit: SimpleNamespace) -> None:
    """Between two sweeps lay a night: what became due in it is found."""
    default_reminder_rules(visit.festival)
    jobs.owe_reminders_in_turn(dt.datetime(2027, 6, 9, 6, 0, tzinfo=dt.UTC))
    Message.objects.all().delete()

    assert jobs.owe_reminders_in_turn(dt.datetime(2027, 6, 9, 20, 0, tzinfo=dt.UTC)) == 1


def test_a_sweep_right_after_another_looks_at_what_is_new(visit: SimpleNamespace) -> None:
    ReminderRule.objects.filter(festival=visit.festival).delete()
    default_reminder_rules(visit.festival)
    nine = dt.datetime(2027, 6, 9, 7, 0, tzinfo=dt.UTC)
    minute = dt.timedelta(minutes=1)

    assert jobs.owe_reminders_in_turn(nine - minute) == 1  # D-7, still open
    assert jobs.owe_reminders_in_turn(nine) == 1
    assert jobs.owe_reminders_in_turn(nine + 6 * minute) == 0
    Message.objects.all().delete()
    ReminderSweep.objects.all().delete()
    assert jobs.owe_reminders_in_turn(nine + 12 * minute) == 0, "due twelve minutes ago: not new"
    assert jobs.owe_reminders_in_turn(nine + 15 * minute) == 1, "the quarter of an hour looks at everything"


def test_many_debts_of_one_transaction_give_one_hint(
    visit: SimpleNamespace, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        for number in range(5):
            owe(
                kind=Message.Kind.LINK,
                dedupe_key=f"link:{number}",
                recipient="camille@example.org",
                locale="fr",
                now=NOW,
                visitor=visit.visitor,
            )

    assert callbacks == [tasks.nudge]


def test_the_tasks_keep_their_names() -> None:
    assert [
        task.name
        for task in (tasks.deliver_due, tasks.release_leases, jobs.owe_reminders_task, jobs.expire_task)
    ] == ["events.deliver_due", "events.release_leases", "events.owe_reminders", "events.expire"]


def test_a_visitor_who_stopped_reminders_is_counted(visit: SimpleNamespace) -> None:
    default_reminder_rules(visit.festival)
    Suppression.objects.create(email_hash=hash_of_address("camille@example.org"))
    f.RegistrationFactory(slot=visit.slot, visitor__email="autre@example.org")

    assert run("send_reminders", "--now", "2027-06-09T09:00") == "2 reminders owed; 1 sent, 1 suppressed.\n"
