"""The description of the API is true: what schemathesis makes of it is answered as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from events.models import Registration, Slot
from events.partners import issue_token
from festival.wsgi import application
from tests.factories import SlotFactory

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
CALLS = [
    ("GET", "/api/v1/slots/"),
    ("GET", "/api/v1/slots/{slot_id}/"),
    ("POST", "/api/v1/slots/{slot_id}/registrations/"),
    ("GET", "/api/v1/registrations/{reference}/"),
    ("DELETE", "/api/v1/registrations/{reference}/"),
]


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """What Django's own test client does: a request does not close the connection the test stands on."""
    for sign in (request_started, request_finished):
        sign.disconnect(close_old_connections)
    yield
    for sign in (request_started, request_finished):
        sign.connect(close_old_connections)


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.usefixtures("_one_connection")
@pytest.mark.parametrize(("method", "path"), CALLS, ids=[" ".join(call) for call in CALLS])
def test_every_call_answers_as_it_is_described(method: str, path: str, settings: Any) -> None:
    settings.RATE_LIMIT_FACTOR = 100
    settings.ALLOWED_HOSTS = ["*"]
    slot = SlotFactory(capacity=3)
    token = issue_token(name="Ville")
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)
    seen: set[int] = set()

    @hypothesis.settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @hypothesis.given(case=schema[path][method].as_strategy())
    def answers(case: Any) -> None:
        known = Registration.objects.first()
        if isinstance(case.path_parameters.get("slot_id"), int):
            case.path_parameters["slot_id"] = slot.pk
        if known and len(case.path_parameters.get("reference", "")) % 2:
            case.path_parameters["reference"] = known.reference
        response = case.call(headers=headers)
        seen.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    answers()
    assert seen
    assert Slot.objects.get(pk=slot.pk).taken <= 3
