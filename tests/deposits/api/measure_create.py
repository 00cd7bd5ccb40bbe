"""What POST /api/v1/deposits costs this process: `python -m tests.deposits.api.measure_create [requests]`.

Needs DATABASE_URL of a migrated database that may fill up, and SECRET_KEY. Counts CPU time, so that waiting for
PostgreSQL is left out; the whole of Django is in it, the WSGI server is not.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
django.setup()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402

from accounts import api_keys  # noqa: E402
from accounts.models import ApiKey, Partner  # noqa: E402
from deposits.api import inputs, reading  # noqa: E402
from deposits.api.examples import CREATE  # noqa: E402

# The weekly and monthly limits of one player would end the run.
_PLAYERS = 50


def main(requests: int) -> None:
    """Measure and print µs of CPU per request, for the whole stack and for reading the body alone."""
    logging.disable(logging.INFO)
    partner = Partner.objects.create(name="Measured", slug=uuid.uuid4().hex)
    key = api_keys.issue(partner, "measured", ApiKey.Mode.TEST)
    bodies = [json.dumps(CREATE | {"player": f"p-{number}"}).encode() for number in range(_PLAYERS)]
    application = WSGIHandler()

    def post(number: int) -> None:
        body = bodies[number % _PLAYERS]
        statuses: list[str] = []

        def start(status: str, *_: Any) -> Callable[[bytes], object]:
            statuses.append(status)
            return lambda _: None

        parts = application(_environ(body, key), start)
        assert statuses[0].startswith("201"), (statuses, list(parts))

    for number in range(_PLAYERS * 2):
        post(number)
    print(f"whole request: {_cpu_us(post, requests):6.0f} µs")
    print(f"body alone:    {_cpu_us(lambda _: _read(bodies[0]), requests * 10):6.1f} µs")


def _read(body: bytes) -> None:
    inputs.create_deposit(reading.parse(body), "test")


def _cpu_us(call: Callable[[int], Any], times: int) -> float:
    """The cheapest of ten batches: what else the machine does is not ours."""
    batches = []
    for _ in range(10):
        started = time.process_time()
        for number in range(times // 10):
            call(number)
        batches.append((time.process_time() - started) / (times // 10) * 1e6)
    return min(batches)


def _environ(body: bytes, key: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/deposits",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "HTTP_IDEMPOTENCY_KEY": uuid.uuid4().hex,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
