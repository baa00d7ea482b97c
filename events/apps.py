from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from events.guards import install_guards


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = _("Events")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # SQLite rebuilds a table to alter it and drops its triggers: lay them again after every migration.
        post_migrate.connect(install_guards, sender=self)
