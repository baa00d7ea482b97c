"""What is installed is pinned by hash and comes from wherever the installer is set up to look."""

import json
import re

from tests.check import A_HOST, hosts_in_locks, lock_files
from tests.ground.site import ROOT


def test_no_lock_file_names_a_host_or_a_place() -> None:
    assert hosts_in_locks() == []
    assert len(lock_files()) >= 4


def test_a_host_in_a_lock_file_would_be_seen() -> None:
    for line in (
        b"--index-url somewhere",
        b'"resolved": "https://example.org/x.tgz"',
        b"x @ file:///srv/x.whl",
    ):
        assert A_HOST.search(line)


def test_every_python_package_has_a_hash() -> None:
    for path in ROOT.glob("requirements*.txt"):
        pinned = re.split(r"\n(?=[a-z0-9])", path.read_text().partition("make locks\n")[2])
        assert [block.splitlines()[0] for block in pinned if "--hash=sha256:" not in block] == [], path.name


def test_every_front_end_package_has_a_hash() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]

    assert [name for name, entry in packages.items() if name and "integrity" not in entry] == []
