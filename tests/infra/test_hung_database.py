"""A database that hangs is told within about a second: a load balancer must not hang with it."""

import http.client
import json
import time
from collections.abc import Iterator

import pytest

from tests.ground.databases import Databases
from tests.ground.nursery import Nursery
from tests.ground.postgres import Postgres
from tests.ground.site import Site
from tests.guarantees.mailroom import at_best, wait_for

pytestmark = [pytest.mark.guarantee, pytest.mark.slow, pytest.mark.lengthy]


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.stop()


def test_a_hung_database_is_not_ready_within_a_second_and_ready_again_after(
    own_server: Postgres, databases: Databases, nursery: Nursery
) -> None:
    databases.carry(own_server, "hung")
    site = Site(own_server.url("hung"), nursery)
    try:
        site.serve()

        def is_told_and_over() -> bool:
            own_server.freeze()
            answers = [_readyz(site) for _ in range(4)]
            assert {(status, body["status"]) for status, body, _ in answers} == {(503, "not ready: database")}
            own_server.thaw()
            wait_for(lambda: _readyz(site)[0] == 200)
            # The pool alone would wait 5 seconds.
            return max(seconds for _, _, seconds in answers) < 4

        assert at_best(is_told_and_over)
    finally:
        own_server.thaw()
        site.close()


def _readyz(site: Site) -> tuple[int, dict[str, object], float]:
    begun = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    body: dict[str, object] = json.loads(answer.read())
    connection.close()
    return answer.status, body, time.monotonic() - begun
