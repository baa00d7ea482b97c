"""Logs: JSON lines in production, readable ones while developing; ids that go through web and tasks."""

import re
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest
from django_structlog.middlewares import RequestMiddleware

SECRET_SEGMENT = re.compile(r"(?<=/)[A-Za-z0-9_.:-]{16,}?(?=(?:\.ics)?(?:[/\s?\"']|$))")
"""A path segment long enough to be a secret link: 22 signs, or signed, with its parts at dots or colons."""


class RequestLogMiddleware(RequestMiddleware):
    """One line for a request, with the user's number where somebody may be signed in at all: the public has
    no accounts, and asking twice for nobody took a fiftieth of a booking's time.
    """

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            RequestMiddleware.bind_user_id(request)


def hide_secret_links(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Links are keys: a log that shows them hands out other people's bookings."""
    for field in ("request", "event"):
        value = event.get(field)
        if isinstance(value, str) and "/" in value:
            event[field] = SECRET_SEGMENT.sub(_shorten, value)
    return event


def _shorten(match: re.Match[str]) -> str:
    segment = match.group()
    # Slugs are words; a secret of 128 bits mixes cases or digits.
    if segment.islower() and not any(c.isdigit() for c in segment):
        return segment
    return segment[:4] + "…"


def logging_settings(*, json_lines: bool, level: str) -> dict[str, Any]:
    """Django's LOGGING, with structlog configured beside it so that both write the same lines.

    :param json_lines: one JSON object a line, for machines; otherwise coloured text, for people.
    :param level: the lowest level shown, by name.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso" if json_lines else "%H:%M:%S", utc=json_lines),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.UnicodeDecoder(),
        hide_secret_links,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderers: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if json_lines
        # Plain tracebacks: the pretty ones print local variables (addresses, links) and take seconds to draw,
        # during which beat sends nothing after Redis went away.
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"level": level, "propagate": True, "handlers": []},
            "django.server": {"level": level, "propagate": True, "handlers": []},
            "django.request": {"level": "ERROR", "propagate": True},
            "celery": {"level": level},
            "kombu": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "fontTools": {"level": "WARNING"},
        },
    }
