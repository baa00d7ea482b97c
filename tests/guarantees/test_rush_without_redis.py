"""Sixty people for twenty places while Redis is stopped or hangs: twenty get one, all get an answer."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from events.models import Registration, Slot
from tests.factories import SlotFactory
from tests.ground.site import Site
from tests.ground.valkey import ValkeyServer

pytestmark = [pytest.mark.guarantee, pytest.mark.slow]

PLACES, CROWD = 20, 60
NO_REDIRECTS = urllib.request.build_opener(
    type("Stays", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None})
)


def ask(request: urllib.request.Request) -> tuple[int, str, str]:
    """Status, cookie and text of an answer."""
    try:
        with NO_REDIRECTS.open(request, timeout=60) as answer:
            return answer.status, answer.headers["Set-Cookie"] or "", answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, "", ""


def book(url: str, number: int, answers: list[int]) -> None:
    """Open the form and send it; the status that came of it."""
    peer = {"X-Forwarded-For": f"10.0.0.{number}"}
    status, cookie, page = ask(urllib.request.Request(url, headers=peer))
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    if token is None:  # the slot was full before this one looked
        answers[number] = 409 if status == 200 else status
        return
    sent = {
        "email": f"visitor-{number}@example.org",
        "party_size": 1,
        "submission_id": uuid.uuid4(),
        "csrfmiddlewaretoken": token[1],
    }
    headers = {**peer, "Cookie": cookie.partition(";")[0]}
    answers[number] = ask(urllib.request.Request(url, urlencode(sent).encode(), headers))[0]


@pytest.mark.parametrize("away", [ValkeyServer.stop, ValkeyServer.freeze], ids=["stopped", "hung"])
def test_twenty_of_sixty_get_a_place(
    database: Site, valkey: ValkeyServer, away: Callable[[ValkeyServer], None]
) -> None:
    database.environment |= {"REDIS_URL": valkey.url, "TRUSTED_PROXY_COUNT": "1"}
    database.serve(workers=2)
    slot = SlotFactory(capacity=PLACES)
    away(valkey)

    answers = [0] * CROWD
    url = f"{database.url}/creneaux/{slot.pk}/inscription/"
    crowd = [threading.Thread(target=book, args=(url, number, answers)) for number in range(CROWD)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()

    assert Counter(answers) == {302: PLACES, 409: CROWD - PLACES}
    assert Registration.objects.filter(slot=slot, status="confirmed").count() == PLACES
    assert Slot.objects.get(pk=slot.pk).taken == PLACES
