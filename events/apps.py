from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _

from events import guards, marks


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = _("Events")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # SQLite rebuilds a table to alter it, drops its triggers and refuses while those of another table
        # name it: take them away before every migration that changes something, lay them again after it.
        pre_migrate.connect(make_way, sender=self)
        post_migrate.connect(guards.install_guards, sender=self)
        post_migrate.connect(marks.install_marks, sender=self)


def make_way(using: str, plan: Sequence[Any] = (), **kwargs: Any) -> None:
    """Take away, on SQLite, the triggers that name another table than their own."""
    connection = connections[using]
    if connection.vendor == "sqlite" and plan:
        guards.untie(connection)
        marks.lift(connection)
