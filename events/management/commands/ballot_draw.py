"""`manage.py ballot_draw [SLUG] [--now ISO]`: draw a ballot that has closed, or all that have."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from events.management.telling import instant
from events.models import Ballot
from events.refusals import Refused
from events.registration.drawing import draw_ballot, draw_due


class Command(BaseCommand):
    help = "Draw the ballot SLUG, or every ballot whose closing is past; each is drawn once."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug", nargs="?", help="the ballot's address; without it: all that are due")
        parser.add_argument(
            "--now",
            type=instant,
            metavar="ISO",
            help="as if it were this instant: 2027-06-03T12:00:00+02:00 (without an offset: the site's zone)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now: dt.datetime = options["now"] or timezone.now()
        if not options["slug"]:
            number = draw_due(now=now)
            self.stdout.write(f"{number} ballot{'' if number == 1 else 's'} drawn.")
            return
        ballot = Ballot.objects.filter(slug=options["slug"]).first()
        if ballot is None:
            raise CommandError(f"There is no ballot {options['slug']!r}.")
        try:
            drawn = draw_ballot(ballot_id=ballot.pk, now=now)
        except Refused as refused:
            raise CommandError(f"{ballot.slug}: {refused.reason.label}") from refused
        won = drawn.entries.filter(wishes__won=True).distinct().count()
        entries = drawn.entries.filter(rank__isnull=False).count()
        self.stdout.write(f"{drawn.slug}: {entries} entries, {won} with a place. Seed {drawn.seed}.")
