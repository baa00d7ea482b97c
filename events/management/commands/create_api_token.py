"""``manage.py create_api_token NAME``: a partner's token, printed once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events.models import ApiToken, Territory
from events.partners import issue_token


class Command(BaseCommand):
    help = "Issue a partner's token for the API. It is shown here and nowhere else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="who the partner is")
        parser.add_argument("--territory", metavar="SLUG", help="it books there alone")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not name or len(name) > ApiToken._meta.get_field("name").max_length:  # type: ignore[operator]
            raise CommandError("Give the partner a name of at most 120 signs.")
        slug = options["territory"]
        territory = Territory.objects.filter(slug=slug).first() if slug else None
        if slug and territory is None:
            raise CommandError(f"No territory is called {slug!r}.")
        self.stdout.write(issue_token(name=name, territory=territory))
