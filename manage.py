#!/usr/bin/env python3
"""The command line of the site."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "festival.settings")
    if not os.environ.get("SECRET_KEY") and "--deploy" not in sys.argv:
        # Nobody runs a public site without a secret: this is a developer's shell. The web server and the
        # workers never come through here, so for them the default stays production.
        os.environ.setdefault("FESTIVAL_MODE", "development")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit(f"{error}. Run `make setup` first, then .venv/bin/python manage.py …") from error
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
