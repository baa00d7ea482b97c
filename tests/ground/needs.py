"""What a machine may lack: said in one line, and a failure where everything must be there (CI=true)."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip this test, or fail it under CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"Cannot be had here, and CI needs it: {what}", pytrace=False)
    pytest.skip(f"Cannot be had here: {what}")


def chromium() -> str:
    """The path of a Chromium: CHROMIUM, or one on PATH."""
    asked = os.environ.get("CHROMIUM")
    if asked:
        if Path(asked).exists():
            return asked
        missing(f"CHROMIUM points to {asked}, which does not exist")
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"):
        found = shutil.which(name)
        if found:
            return found
    missing("a browser: install the package chromium, or set CHROMIUM")


def solver() -> None:
    """OR-Tools, which the automatic timetable can do without."""
    if importlib.util.find_spec("ortools") is None:
        missing("OR-Tools: make solver")
