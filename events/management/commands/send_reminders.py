"""`manage.py send_reminders [--now ISO]`: owe the reminders due at an instant, and deliver them."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from events.mail.deliver import Report, deliver_due
from events.management.telling import instant, told
from events.models import Message
from events.reminders import owe_reminders


class Command(BaseCommand):
    help = "Owe the reminders, thanks and surveys that are due now, or at --now, and send them."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--now",
            type=instant,
            metavar="ISO",
            help="as if it were this instant: 2027-06-09T09:00:00+02:00 (without an offset: the site's zone)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now: dt.datetime = options["now"] or timezone.now()
        try:
            owed = owe_reminders(now)
        except OverflowError as error:
            raise CommandError(f"No calendar reaches {now.isoformat()}.") from error
        report = Report()
        for kind in (Message.Kind.REMINDER, Message.Kind.THANKS, Message.Kind.SURVEY):
            one = deliver_due(now=options["now"], only=kind, ticking=timezone.now)
            report.paused = one.paused
            for what, number in one.counts.items():
                report.counts[what] = report.counts.get(what, 0) + number
        self.stdout.write(told(owed=owed, report=report))
