"""The papers say what is there: every command, every setting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).parents[2]
OWN = {name for name, app in get_commands().items() if app == "events"}
README = (ROOT / "README.md").read_text()
BEHIND_THE_SITE = {"catalogue", "serve"}
"""What the Makefile calls, not who runs the site."""


def rows(heading: str) -> str:
    """The tables of a part of the README."""
    part = README.split(f"## {heading}", 1)[1].split("\n## ", 1)[0]
    return "\n".join(line.split("|")[1] for line in part.splitlines() if line.startswith("|"))


def test_the_readme_lists_every_command_and_no_other() -> None:
    assert set(re.findall(r"`([a-z_]+)", rows("Commands"))) - {"manage"} == OWN


@pytest.mark.once
def test_the_readme_explains_every_setting_and_no_other() -> None:
    read = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "festival/settings.py").read_text())
    assert set(re.findall(r"`([A-Z_]{4,})`", rows("Configuration, from the environment"))) == set(read)
