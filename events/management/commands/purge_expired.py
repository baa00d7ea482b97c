"""``manage.py purge_expired [--now ISO]``: erase what may no longer be kept. Run it every night."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from events.registration.forgetting import purge_expired


class Command(BaseCommand):
    help = "Erase names 30 days and registrations 90 days after their slot, leaving numbers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--now", metavar="ISO", help="as if it were this time (2027-09-15T04:00)")

    def handle(self, *args: Any, **options: Any) -> None:
        erased = purge_expired(now=_read(options["now"]))
        self.stdout.write(", ".join(f"{number} {what}" for what, number in erased.items()))


def _read(text: str | None) -> dt.datetime:
    if text is None:
        return timezone.now()
    try:
        now = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"Not a time: {text}") from error
    return now if timezone.is_aware(now) else timezone.make_aware(now)
