"""`load_demo`: a coming edition to look at and to try, labelled as a demonstration."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from events.demo.accounts import create_accounts, read_or_make_password, sign_ins
from events.demo.edition import found_edition
from events.demo.progress import Progress
from events.demo.small import build_small
from events.models import Festival


class Command(BaseCommand):
    help = (
        "Build a coming edition with fictional hosts, slots and bookings, labelled as a demonstration, "
        "and load what is known of past editions. Does nothing when a demonstration is already there."
    )

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--scale", choices=["small", "national", "heritage"], default="small")
        parser.add_argument("--seed", type=int, default=2027)
        parser.add_argument("--if-empty", action="store_true", help="only where no edition exists yet")
        parser.add_argument(
            "--with-accounts", action="store_true", help="make the demonstration accounts in production too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["if_empty"] and Festival.objects.exists():
            return
        there = found_edition()
        if there is not None:
            self.stdout.write(f"« {there.name} » is already there; nothing was changed.")
            return
        progress = Progress(self.stdout, quiet=options["verbosity"] == 0)
        now = timezone.now().replace(microsecond=0)
        with transaction.atomic():
            edition = build_small(
                today=timezone.localdate(), now=now, seed=options["seed"], progress=progress
            )
        self.open_accounts(edition.festival, wanted=options["with_accounts"])

    def open_accounts(self, festival: Festival, *, wanted: bool) -> None:
        """Accounts everybody could know stay out of production unless they are asked for."""
        if settings.PRODUCTION and not wanted:
            self.stdout.write("No account was made (production); add --with-accounts to have them.")
            return
        folder = Path(settings.VAR_DIR)
        password = read_or_make_password(folder)
        people = create_accounts(festival=festival, password=password, staff=settings.MODE == "development")
        words = sign_ins(people, password=password)
        (folder / "demonstration.txt").write_text(f"{words}\n", "utf-8")
        self.stdout.write(words)
