"""Who of pytest's two processes does what, where tests take seconds rather than milliseconds."""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = {"tests/infra/test_supervisor.py"}
"""Modules whose tests share something that takes long to start."""


class OneByOne(LoadScopeScheduling):
    """Whoever is free takes the next test, in the order of the collection: what is lengthy first."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module in TOGETHER else nodeid
