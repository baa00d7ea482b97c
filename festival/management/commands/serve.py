"""`manage.py serve`: the whole site on one machine, from one command."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from festival import processes
from festival.staticfiles import collect_when_changed
from festival.supervisor import Process, Supervisor, die_with_parent


class Command(BaseCommand):
    help = (
        "Prepare the database and run broker, web, worker and beat until Ctrl-C. "
        "HOST, PORT and VAR_DIR say where; with REDIS_URL no broker is started."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="leave an empty database empty")

    def handle(self, *args: Any, **options: Any) -> None:
        if os.environ.get("FESTIVAL_ENDS_WITH_PARENT"):
            die_with_parent()
        try:
            address = processes.read_address(
                os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
            )
            lock = processes.lock_folder(
                settings.VAR_DIR,
                name="serve.lock",
                patience=3,
                refusal=f"The site is already running from {settings.VAR_DIR} (process {{holder}}). "
                "Stop it first, or set VAR_DIR to another folder.",
            )
            processes.refuse_busy_port(address)
            # Commands run beside the site write links into mails: they must know where it listens.
            (settings.VAR_DIR / "site_url").write_text(settings.SITE_URL)
            self.prepare(demo=not options["no_demo"])
            supervisor = Supervisor(self.processes_for(address), say=self.say)
        except processes.CannotServe as refusal:
            raise CommandError(str(refusal)) from refusal
        except KeyboardInterrupt:
            raise CommandError("Stopped before everything was ready.", returncode=130) from None
        with lock:
            code = supervisor.run(started=self.greet)
        if code:
            sys.exit(code)

    def prepare(self, *, demo: bool) -> None:
        """Database, static files and, where nothing is there yet, a demonstration festival."""
        call_command("migrate", interactive=False, verbosity=0)
        if demo and settings.MODE == "development" and "load_demo" in get_commands():
            call_command("load_demo", if_empty=True)
        if collect_when_changed():
            self.say("Static files collected.")
        connections.close_all()

    def processes_for(self, address: processes.Address) -> list[Process]:
        """What to run here, in starting order."""
        var_dir: Path = settings.VAR_DIR
        host = settings.ALLOWED_HOSTS[0]
        serving = processes.web(
            address,
            host_header=(urlsplit(settings.SITE_URL).netloc if host == "*" else host.lstrip(".")),
            metrics_folder=var_dir / "metrics",
        )
        if settings.REDIS_URL:
            return [serving, processes.worker(var_dir, must_start=False), processes.beat(var_dir)]
        program = processes.broker_program()
        if program is None:
            self.say("No Redis here: mails go out by the life-boat (manage.py drain_outbox --loop).")
            return [serving, processes.life_boat(Path(settings.BASE_DIR) / "manage.py")]
        return [
            processes.broker(var_dir, program),
            serving,
            processes.worker(var_dir, must_start=True),
            processes.beat(var_dir),
        ]

    def greet(self) -> None:
        """Where to look, and as whom."""
        line = "─" * 78
        words = [line, f"The festival is open at {settings.SITE_URL}/"]
        sign_ins = settings.VAR_DIR / "demonstration.txt"
        if sign_ins.exists():
            words += ["", sign_ins.read_text("utf-8").rstrip()]
        words += ["", "Ctrl-C closes it.", line]
        for word in words:
            self.say(word)

    def say(self, line: str) -> None:
        """One line at once, whoever reads at the other end; a reader who left does not stop the site."""
        try:
            self.stdout.write(line)
            self.stdout.flush()
        except (BrokenPipeError, ValueError):
            self.stdout._out = open(os.devnull, "w")  # type: ignore[attr-defined]  # noqa: SIM115
