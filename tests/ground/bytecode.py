"""Modules compiled once: a run starts hundreds of interpreters, and compiling Django takes each a second."""

import os
import sys
from pathlib import Path


def keep_bytecode() -> None:
    """Where the shell forbids bytecode beside the sources, as in containers, keep it in the environment.

    From here on, for this process and every one it starts.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(sys.prefix) / ".bytecode"))
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"]
        sys.dont_write_bytecode = False
