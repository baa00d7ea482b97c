"""``manage.py check_invariants [--json]``: does everything that must hold, hold? Exit 1 when it does not."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from events.models import Message, Registration, RoomOccupancy, Slot
from events.registration.invariants import Drift, find_drift


class Command(BaseCommand):
    help = "Recompute every counter and condition from the ledger; exit 1 on any drift."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        drifts = find_drift(now=timezone.now())
        checked = {
            "slots": Slot.objects.count(),
            "registrations": Registration.objects.count(),
            "occupancies": RoomOccupancy.objects.count(),
            "messages": Message.objects.count(),
        }
        if options["json"]:
            report = {"ok": not drifts, "checked": checked, "drift": [drift.as_dict() for drift in drifts]}
            self.stdout.write(json.dumps(report, ensure_ascii=False, indent=2))
        else:
            self.stdout.write(", ".join(f"{number} {what}" for what, number in checked.items()))
            self.stdout.write(_table(drifts) if drifts else "Everything holds.")
        if drifts:
            sys.exit(1)


def _table(drifts: list[Drift]) -> str:
    rows = [("rule", "where", "expected", "found")]
    rows += [(drift.rule, drift.where, drift.expected, drift.found) for drift in drifts]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
