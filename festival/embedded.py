"""Where the embedded broker lives: every process must find the same socket from the state folder alone."""

import hashlib
import os
import tempfile
from pathlib import Path

LONGEST_SOCKET_PATH = 100
"""Bytes. The kernel takes 108 on Linux and 104 on macOS, the end mark included."""


def broker_folder(var_dir: Path) -> Path:
    """The folder of the embedded broker's data, lock and log."""
    return var_dir / "broker"


def broker_socket(var_dir: Path) -> Path:
    """The embedded broker's Unix socket: in the state folder, or in a short one where that is too long."""
    socket = broker_folder(var_dir) / "valkey.sock"
    if len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH:
        return socket
    name = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"festival-{os.getuid()}-{name}" / "valkey.sock"
    if len(os.fsencode(short)) <= LONGEST_SOCKET_PATH:
        return short
    return Path("/tmp") / short.parent.name / short.name  # noqa: S108
