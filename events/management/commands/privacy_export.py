"""``manage.py privacy_export EMAIL``: everything kept about an address, as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.core.serializers.json import DjangoJSONEncoder

from events.registration.forgetting import export_person


class Command(BaseCommand):
    help = "Print everything kept about an e-mail address, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        known = export_person(email=options["email"])
        self.stdout.write(json.dumps(known, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))
