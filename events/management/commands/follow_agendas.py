"""`manage.py follow_agendas`: read the agendas that territories follow, now, and say what each came to."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import override

from events.exchange import agendas
from events.models import AgendaRun, AgendaSource

Outcome = AgendaRun.Outcome


class Command(BaseCommand):
    help = (
        "Read the agendas that territories follow, whether they are due or not, as the worker does every "
        "AGENDA_EVERY_MINUTES. One that would take too much away waits for its team. Exits 1 when one gave "
        "no answer or nothing could be taken from it."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--territory", metavar="SLUG", help="those of this territory alone")
        parser.add_argument("--due", action="store_true", help="those alone whose time has come")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        sources = agendas.due(now) if options["due"] else AgendaSource.objects.filter(is_active=True)
        if options["territory"]:
            sources = sources.filter(territory__slug=options["territory"])
        wrong = 0
        for source in list(sources.select_related("territory")):
            run = agendas.look_at(source_id=source.pk, now=now)
            self.stdout.write(f"{source.territory.slug}  {source.url}\n  {_said(run)}")
            for text in run.problems if run else []:
                self.stderr.write(f"  {text}")
            wrong += run is not None and run.outcome in (Outcome.FAILED, Outcome.REFUSED)
        if wrong:
            raise CommandError(f"{wrong} could not be read.")


def _said(run: AgendaRun | None) -> str:
    if run is None:
        return "is being read by somebody else, or followed no longer"
    with override("en"):
        text = str(run.get_outcome_display())
    if run.why:
        text += f": {run.why}"
    if run.outcome == Outcome.HELD:
        text += f": {run.gone} slots of {run.known} to come would go"
    elif run.outcome == Outcome.IMPORTED:
        text += (
            f": {run.created} new, {run.updated} changed, {run.unchanged} as before; "
            f"slots: {run.slots_created} new, {run.slots_changed} changed, {run.gone} gone"
        )
    return f"{text}; {run.refused} refused" if run.refused else text
