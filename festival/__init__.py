"""The site: settings, routes, processes, health. What happens at the festival lives in `events`."""

from festival.celery import app as celery_app

__all__ = ["celery_app"]
