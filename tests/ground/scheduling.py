"""Who of pytest's processes does what, where tests take seconds rather than milliseconds."""

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

TOGETHER = {"tests/infra/test_supervisor.py", "tests/guarantees/test_mail_database_restarts.py"}
"""Modules whose tests share something that takes long to start."""


class OneByOne(LoadScopeScheduling):
    """Whoever is free takes the next test, in the order of the collection: what is lengthy first."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module in TOGETHER else nodeid


class FromBothEnds(OneByOne):
    """One process takes from the front what is lengthy, as it mostly waits; all others from the end the rest.

    So the processor has work while somebody waits for a beat, and no two heavy sites start at once.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        if node is not self.nodes[0]:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
