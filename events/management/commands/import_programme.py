"""`import_programme`: the programme as organisers send it, CSV or OpenAgenda's JSON; all of it or nothing."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from events.exchange.community import edition_for, widen_diary
from events.exchange.entries import Problem, Reading
from events.exchange.import_programme import ImportRefused, Summary, TooManyGone, import_entries
from events.exchange.programme_file import read_programme
from events.models import Festival

MOST_SHOWN = 200


class Command(BaseCommand):
    help = (
        "Import events from a CSV file (; or , - UTF-8 or cp1252) or from OpenAgenda's JSON. A second run "
        "updates. Bad lines are reported by number, and then nothing is imported."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", help="the file, or - for standard input")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
        parser.add_argument(
            "--allow-deletions",
            action="store_true",
            help="take away as many slots as the file says; more than 20, or a quarter, are refused else",
        )
        parser.add_argument("--festival", metavar="SLUG", help="the edition; by default the current one")
        parser.add_argument("--locale", choices=["fr", "en"], help="language of the report")

    def handle(self, *args: Any, **options: Any) -> None:
        with override(options["locale"] or _language_of_the_terminal()):
            reading = read_programme(self._read(options["file"]))
            try:
                festival, summary = self._import(reading, options)
            except ImportRefused as refused:
                # With what could be read tried as well, one run tells everything there is to put right.
                self._refuse([*reading.problems, *refused.problems])
            except TooManyGone as refused:
                self._refuse_deletions(refused)
            if reading.problems:
                self._refuse(reading.problems)
            self._report(
                festival,
                summary,
                reading,
                dry_run=options["dry_run"],
                allowed=options["allow_deletions"],
            )

    def _read(self, name: str) -> bytes:
        try:
            return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise CommandError(
                _("Cannot read %(file)s: %(reason)s") % {"file": name, "reason": error.strerror or error}
            ) from error

    def _import(self, reading: Reading, options: dict[str, Any]) -> tuple[Festival, Summary]:
        now = timezone.now()
        with transaction.atomic():
            if options["festival"]:
                festival = self._named(options["festival"])
            else:
                festival = edition_for(reading.entries, now=now)
            widen_diary(festival, reading.entries)
            name = Path(options["file"]).name
            summary = import_entries(
                reading.entries,
                festival=festival,
                now=now,
                source=name,
                # A file with bad lines is refused for these, whatever it would take away.
                dry_run=bool(options["dry_run"] or reading.problems),
                allow_deletions=options["allow_deletions"],
            )
            if options["dry_run"] or reading.problems:
                transaction.set_rollback(True)
        return festival, summary

    def _named(self, slug: str) -> Festival:
        festival = Festival.objects.filter(slug=slug).first()
        if festival is None:
            known = ", ".join(Festival.objects.order_by("slug").values_list("slug", flat=True)) or "-"
            raise CommandError(
                _("No edition is called %(slug)s. There are: %(known)s.") % {"slug": slug, "known": known}
            )
        if festival.state == Festival.State.ARCHIVED:
            raise CommandError(
                _("“%(festival)s” is archived: nothing is added to it.") % {"festival": festival.name}
            )
        return festival

    def _refuse(self, problems: Sequence[Problem]) -> None:
        """Every problem with its line on the error output, then the end: exit code 1."""
        problems = sorted(problems, key=lambda problem: problem.line)
        for problem in problems[:MOST_SHOWN]:
            self.stderr.write(str(problem))
        if len(problems) > MOST_SHOWN:
            more = len(problems) - MOST_SHOWN
            self.stderr.write(ngettext("… and %(more)d more.", "… and %(more)d more.", more) % {"more": more})
        raise CommandError(
            ngettext(
                "%(count)d problem to put right. Nothing was imported.",
                "%(count)d problems to put right. Nothing was imported.",
                len(problems),
            )
            % {"count": len(problems)}
        )

    def _refuse_deletions(self, refused: TooManyGone) -> None:
        raise CommandError(
            ngettext(
                "This file would take away %(gone)d slot of the %(known)d to come of its events. "
                "Nothing was imported. If that is meant, run it again with --allow-deletions.",
                "This file would take away %(gone)d slots of the %(known)d to come of its events. "
                "Nothing was imported. If that is meant, run it again with --allow-deletions.",
                refused.gone,
            )
            % {"gone": refused.gone, "known": refused.known}
        )

    def _report(
        self, festival: Festival, summary: Summary, reading: Reading, *, dry_run: bool, allowed: bool
    ) -> None:
        for note in [*reading.notes, *summary.notes][:MOST_SHOWN]:
            self.stdout.write(str(note))
        if dry_run:
            self.stdout.write(self.style.WARNING(_("Trial only: nothing was written.")))
        total = len(reading.entries)
        self.stdout.write(
            ngettext("%(count)d event for “%(festival)s”:", "%(count)d events for “%(festival)s”:", total)
            % {"count": total, "festival": festival.name}
        )
        lines = [
            _("events: %(created)d new, %(updated)d changed, %(unchanged)d as before")
            % {"created": summary.created, "updated": summary.updated, "unchanged": summary.unchanged},
            _("slots: %(created)d new, %(changed)d changed, %(removed)d removed")
            % {
                "created": summary.slots_created,
                "changed": summary.slots_changed,
                "removed": summary.slots_removed,
            },
        ]
        if summary.gone:
            lines.append(
                ngettext(
                    "%(gone)d slot taken away or called off, of %(known)d to come",
                    "%(gone)d slots taken away or called off, of %(known)d to come",
                    summary.gone,
                )
                % {"gone": summary.gone, "known": summary.slots_known}
            )
        if dry_run and summary.is_mass_deletion and not allowed:
            lines.append(_("that many would be refused without --allow-deletions"))
        if summary.ends_assumed:
            lines.append(
                ngettext(
                    "%(count)d end unknown: two hours were assumed",
                    "%(count)d ends unknown: two hours were assumed",
                    summary.ends_assumed,
                )
                % {"count": summary.ends_assumed}
            )
        for line in lines:
            self.stdout.write(f"  {line}")


def _language_of_the_terminal() -> str:
    """English for a terminal that says so, else French."""
    said = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "en" if said.lower().startswith("en") else "fr"
