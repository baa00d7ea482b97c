"""`load_archive`: the Festival French Tech 2014 with its sources, as an archived edition."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import ngettext

from events.exchange.archive import load_archive


class Command(BaseCommand):
    help = "Load, or bring up to date, the archived edition of 2014 from the sourced facts."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        festival = load_archive()
        count = festival.archive.count()
        said = ngettext("%(festival)s: %(count)d event", "%(festival)s: %(count)d events", count)
        self.stdout.write(said % {"festival": festival.name, "count": count})
