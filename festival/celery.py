"""The Celery app: `celery -A festival worker` and `celery -A festival beat`.

Celery is the nudge, the database is the queue: nothing is scheduled ahead and no result is kept. Every sweep
is safe to miss and safe to run twice.
"""

import gc
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.schedules import crontab
from celery.signals import beat_init, setup_logging, worker_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "festival.settings")
if os.path.basename(sys.argv[0]) == "celery" or sys.argv[0].endswith("/celery/__main__.py"):
    os.environ.setdefault("FESTIVAL_PROCESS", "worker")

# Containers and trial machines run as root; the worker reads JSON only, so the pickle it warns of is not
# there.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("festival")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["events.mail"], related_name="tasks")
app.autodiscover_tasks(["events"], related_name="jobs")

# A tick that found no worker for a whole period is worthless, the next one does its work: hence `expires`.
app.conf.beat_schedule = {
    name: {"task": name, "schedule": seconds, "options": {"expires": seconds}}
    for name, seconds in {
        "events.deliver_due": 10.0,
        "events.deliver_webhooks": 10.0,
        "events.work_on_jobs": 10.0,
        "events.release_leases": 30.0,
        "events.owe_reminders": 60.0,
        "events.expire": 60.0,
        "events.rest_at_night": 60.0,
        "events.pass_places_on": 30.0,
        "events.draw_ballots": 60.0,
        "events.geocode": 60.0,
        "events.look_up_companies": 60.0,
        "events.follow_agendas": 60.0,
        "events.owe_digests": 60.0,
        "events.owe_follows": 60.0,
        "events.watch_mail": 30.0,
    }.items()
}
app.conf.beat_schedule["events.forget"] = {
    "task": "events.forget",
    "schedule": crontab(hour="3", minute="40"),
    "options": {"expires": 6 * 3600},
}


@setup_logging.connect
def keep_the_site_logging(**_kwargs: Any) -> None:
    """Celery configures nothing: worker and beat log as the web does (`settings.LOGGING`)."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@worker_init.connect
def leave_the_pages_ahead(**_kwargs: Any) -> None:
    """Where processors are few, fifteen thousand reminders take what the web leaves, not the other way."""
    from django.conf import settings

    os.nice(settings.WORKER_NICE)


@worker_init.connect
def walk_past_what_stays(**_kwargs: Any) -> None:
    """As in `festival.wsgi`, before the processes of the pool are forked: they share what is loaded, too."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@worker_ready.connect
@beat_init.connect
def tell_the_supervisor(**_kwargs: Any) -> None:
    """Lay down the file that `manage.py serve` waits for."""
    sign = os.environ.get("FESTIVAL_READY_SIGN")
    if sign:
        Path(sign).touch()


def join_request_ids() -> None:
    """Carry the request's id from the web through the task (django-structlog)."""
    from django_structlog.celery.steps import DjangoStructLogInitStep

    app.steps["worker"].add(DjangoStructLogInitStep)


join_request_ids()
