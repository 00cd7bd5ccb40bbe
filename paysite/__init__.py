"""The site: settings, URLs, processes."""

from paysite.celery import app as celery_app

__all__ = ["celery_app"]
