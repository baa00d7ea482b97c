"""`catalogue update|check|compile`: the French texts, without gettext on the machine."""

import argparse
from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from festival import catalogue


class Command(BaseCommand):
    help = "Find the messages of the project, keep their French texts, compile them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        doing = parser.add_subparsers(dest="doing", required=True)
        update = doing.add_parser("update", help="find all messages again, take in fragments, compile")
        update.add_argument(
            "--from",
            dest="fragments",
            metavar="FRAGMENT.po",
            action="append",
            default=[],
            type=Path,
            help="a PO file with texts to take in; may be repeated",
        )
        doing.add_parser("check", help="fail on untranslated, fuzzy, missing or left-over messages")
        doing.add_parser("compile", help="write the .mo files")

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.BASE_DIR)
        path = root / "locale" / catalogue.LANGUAGE / "LC_MESSAGES" / "django.po"
        if options["doing"] == "compile":
            for written in catalogue.compile_catalogues(root):
                self.stdout.write(f"compiled {written.relative_to(root)}")
            return
        complaints: list[str] = []
        messages = catalogue.find_messages(root, complain=lambda error: complaints.append(str(error)))
        for complaint in complaints:
            self.stderr.write(complaint)
        kept = catalogue.read_catalogue(path)
        if options["doing"] == "check":
            found = catalogue.faults(messages, kept)
            found += complaints
            if found:
                raise CommandError("\n".join([*found, f"{len(found)} faults in {path.relative_to(root)}"]))
            self.stdout.write(f"{len(kept)} messages, all translated")
            return
        try:
            fragments = [polib.pofile(str(fragment)) for fragment in options["fragments"]]
        except (OSError, ValueError) as error:
            raise CommandError(f"Cannot read the fragment: {error}") from error
        merged = catalogue.merge(messages, catalogue=kept, fragments=fragments)
        catalogue.save(merged, path)
        catalogue.compile_catalogues(root)
        ids = {(message.singular, message.context) for message in messages}
        for fragment in fragments:
            for entry in fragment:
                if (entry.msgid, entry.msgctxt or "") not in ids:
                    self.stdout.write(f"not asked for: {entry.msgid[:70]!r}")
        left = [line for line in catalogue.faults(messages, merged) if not line.startswith("left over")]
        self.stdout.write(f"{len(merged)} messages, {len(left)} without a faithful French text")
