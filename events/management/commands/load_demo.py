"""`load_demo`: a coming edition to try, labelled as a demonstration, and the past as it is known."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.data import COMMUNITY_EVENTS, sources
from events.demo.accounts import create_accounts, read_or_make_password, sign_ins
from events.demo.edition import found_edition, scale_of
from events.demo.progress import Progress
from events.demo.removal import remove_demonstrations
from events.demo.scales import BUILDERS
from events.exchange.archive import load_archive
from events.exchange.community import community_diary, widen_diary
from events.exchange.import_programme import import_entries
from events.exchange.programme_file import read_programme
from events.models import Festival


class Command(BaseCommand):
    help = (
        "Build a coming edition with fictional hosts, slots and bookings, labelled as a demonstration, and "
        "load what is known of past ones: the festival of 2014 and the community's events in Toulouse."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--scale",
            choices=list(BUILDERS),
            default="small",
            help="small: 150 slots; national: 5,000 in fifty cities; heritage: 200,000",
        )
        parser.add_argument("--seed", type=int, default=2027, help="the same seed gives the same edition")
        parser.add_argument("--if-empty", action="store_true", help="only where no edition exists yet")
        parser.add_argument(
            "--replace", action="store_true", help="remove the demonstration that is there, with its bookings"
        )
        parser.add_argument(
            "--with-accounts", action="store_true", help="make the demonstration accounts in production too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["if_empty"] and Festival.objects.exists():
            return
        progress = Progress(self.stdout, quiet=options["verbosity"] == 0)
        now = timezone.now().replace(microsecond=0)
        there = found_edition()
        if there is not None and not options["replace"]:
            if scale_of(there) != options["scale"]:
                raise CommandError(
                    _("“%(festival)s” is there on another scale (%(scale)s): --replace removes it first.")
                    % {"festival": there.name, "scale": scale_of(there)}
                )
            self.stdout.write(
                _("“%(festival)s” is there already: nothing was changed.") % {"festival": there.name}
            )
            return
        # All or nothing: whoever interrupts it finds the site empty again, and the next start begins afresh.
        with transaction.atomic():
            if options["replace"]:
                remove_demonstrations()
            build = BUILDERS[options["scale"]]
            edition = build(today=timezone.localdate(), now=now, seed=options["seed"], progress=progress)
            self.load_the_past(now=now)
            words = self.open_accounts(edition.festival, wanted=options["with_accounts"])
        self.stdout.write(words)

    def load_the_past(self, *, now: Any) -> None:
        """The edition of 2014, and the community's events through the same door as everybody's."""
        archive = load_archive()
        self.tell(archive, archive.archive.count())
        entries = read_programme(COMMUNITY_EVENTS.read_bytes()).entries
        festival = community_diary(entries, now=now)
        widen_diary(festival, entries)
        festival.sources = [sources()["tth"].as_json()]
        festival.save(update_fields=["sources"])
        import_entries(entries, festival=festival, now=now, source=sources()["tth"].title)
        self.tell(festival, festival.activities.count())

    def tell(self, festival: Festival, events: int) -> None:
        said = ngettext("%(festival)s: %(count)d event", "%(festival)s: %(count)d events", events)
        self.stdout.write(said % {"festival": festival.name, "count": events})

    def open_accounts(self, festival: Festival, *, wanted: bool) -> str:
        """Accounts everybody could know stay out of production unless they are asked for. What to tell."""
        if settings.PRODUCTION and not wanted:
            return _("No account was made in production; --with-accounts makes them.")
        folder = Path(settings.VAR_DIR)
        password = read_or_make_password(folder)
        people = create_accounts(festival=festival, password=password, staff=settings.MODE == "development")
        words = sign_ins(people, password=password)
        (folder / "demonstration.txt").write_text(f"{words}\n", "utf-8")
        return words
