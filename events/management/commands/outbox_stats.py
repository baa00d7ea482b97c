"""`manage.py outbox_stats [--json]`: how the outbox does."""

from __future__ import annotations

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from events.mail.stats import outbox_stats


class Command(BaseCommand):
    help = "How many messages are in which state, what is late, how the relay and the sweeps do."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one line for a machine")

    def handle(self, *args: Any, **options: Any) -> None:
        stats = outbox_stats(now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(stats))
            return
        self.stdout.write(
            "mail flows"
            if stats["flows"]
            else f"mail is HELD UP since {stats['held_up_since']} ({stats['held_up_by']})"
        )
        for status, count in stats["by_status"].items():
            self.stdout.write(f"{status:<11}{count:>9}")
        self.stdout.write(f"due now    {stats['due']:>9}, the oldest for {stats['oldest_due_seconds']} s")
        relay = stats["relay"]
        self.stdout.write(
            f"relay      paused until {relay['paused_until']}: {relay['reason']}"
            if relay["paused_until"]
            else "relay      takes mail"
        )
        for name, age in stats["sweep_ages"].items():
            self.stdout.write(f"{name:<20} last ran {age} s ago")
        for kind, count in stats["events"].items():
            if count:
                self.stdout.write(f"told by the provider this week: {kind}, {count}")
        for reason, count in stats["suppressed"].items():
            if count:
                self.stdout.write(f"addresses not written to: {reason}, {count}")
        hooks = stats["webhooks"]
        self.stdout.write(f"webhooks   {hooks['due']} due, the oldest for {hooks['oldest_due_seconds']} s")
        for failed in stats["last_failed"]:
            self.stdout.write(f"failed: {failed['kind']}, {failed['answer']}")
