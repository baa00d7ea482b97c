"""``manage.py privacy_erase EMAIL``: forget an address; its places of visits to come are given back."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.utils import timezone

from events.registration.forgetting import OnlyKeeper, erase_person


class Command(BaseCommand):
    help = "Forget an e-mail address everywhere: bookings, mails, account. Numbers stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"].strip())
        except Exception as error:
            raise CommandError("That is no e-mail address.") from error
        try:
            erased = erase_person(email=options["email"], now=timezone.now())
        except OnlyKeeper as error:
            raise CommandError("This is the only superuser. Make another one first.") from error
        self.stdout.write(", ".join(f"{number} {what}" for what, number in erased.items()))
