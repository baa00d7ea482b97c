"""`manage.py ballot_verify SLUG|FILE`: replay a draw and say what differs; exit 1 on any difference."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events.models import Ballot
from events.refusals import Refused
from events.registration import drawing
from events.registration.draw import Published, Unreadable, differences, from_file


class Command(BaseCommand):
    help = "Replay a draw from its published file alone, or from the rows of the ballot SLUG."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "what", metavar="SLUG|FILE", help="a published tirage.json, or a ballot's address"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        published = _read(options["what"])
        found = differences(published)
        number = len(published.draw.entries)
        for one in found:
            self.stdout.write(one)
        self.stdout.write(
            f"{number} entries replayed, {len(found)} difference{'' if len(found) == 1 else 's'}."
        )
        if found:
            sys.exit(1)


def _read(what: str) -> Published:
    """Raises ``CommandError``."""
    path = Path(what)
    try:
        if path.is_file():
            return from_file(json.loads(path.read_text("utf-8")))
        ballot = Ballot.objects.select_related("festival").filter(slug=what).first()
        if ballot is None:
            raise CommandError(f"{what!r} is no file and no ballot.")
        return from_file(drawing.published_file(ballot))
    except Unreadable as error:
        raise CommandError(f"{what}: not a file of a draw ({error}).") from error
    except (OSError, ValueError) as error:
        raise CommandError(f"{what}: {error}") from error
    except Refused as refused:
        raise CommandError(f"{what}: not drawn yet.") from refused
