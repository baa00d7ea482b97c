"""What the papers name is there: files, folders, functions, constraints, tests; and the README names every
command and every setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).parent.parent
PAPERS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ROOMS = "accounts|benchmarks|docs|events|festival|locale|templates|tests"
PLACE = re.compile(rf"(?<![\w./…-])(?:{ROOMS})/[\w./*-]*[\w*]")
"""A file or a folder, wherever it stands; ``*`` for any."""
QUOTED = re.compile(r"`([^`\n]+)`")
NAME = re.compile(r"(?<![\w/-])(…?)([a-z]+(?:_[a-z0-9]+)+)(…?)(?![\w/-])")
"""A name of the code: small letters and underscores, with … for what is left out."""
EXAMPLES = {"what_it_means"}
OWN = {name for name, app in get_commands().items() if app == "events"}
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def words() -> str:
    """All that the code says, but for this very file; the names of its files too."""
    found: list[str] = []
    for room in (*ROOMS.split("|"), "Makefile", "pyproject.toml"):
        for path in _files(ROOT / room):
            found += [path.stem, path.read_text(errors="replace")]
    return " ".join(sorted(set(re.findall(r"\w+", " ".join(found)))))


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    for path in place.rglob("*"):
        if path.suffix in (".py", ".html", ".txt", ".js", ".css", ".po") and path != Path(__file__):
            yield path


def places_missing(paper: str) -> list[str]:
    """What a paper calls a file or a folder and is none; a template may go by the name Django knows it by."""
    found = set(PLACE.findall(re.sub(r"<\w+>", "*", paper)))
    return sorted(
        place for place in found if not any(any(at.glob(place)) for at in (ROOT, ROOT / "templates"))
    )


def names_missing(paper: str, words: str) -> list[str]:
    """What a paper calls by a name that the code does not know."""
    known, missing = set(words.split()), set()
    for quoted in QUOTED.findall(paper):
        for before, name, after in NAME.findall(quoted):
            is_there = name in words if before or after else name in known
            if not is_there and name not in EXAMPLES:
                missing.add(name)
    return sorted(missing)


@pytest.mark.once
@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: str(paper.relative_to(ROOT)))
def test_what_a_paper_names_is_there(paper: Path, words: str) -> None:
    text = paper.read_text()

    assert (places_missing(text), names_missing(text, words)) == ([], [])


@pytest.mark.once
def test_what_is_not_there_is_found(words: str) -> None:
    paper = (
        "`events/nowhere.py` has `no_such_thing` and `…such_nonsense`; docs/nothing.md; `events/<kind>.py`"
    )

    assert places_missing(paper) == ["docs/nothing.md", "events/nowhere.py"]
    assert names_missing(paper, words) == ["no_such_thing", "such_nonsense"]


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
