"""Static files with the hash of their content in their names."""

import hashlib
import os
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.management import call_command
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(ManifestStaticFilesStorage):
    """Far-future names, forgiving about files that are not there.

    Fonts and maps come from npm and may be missing on a machine: a style sheet that names them stays a style
    sheet, and a page that asks for one answers without it.
    """

    manifest_strict = False

    def hashed_name(self, name: str, content: Any = None, filename: str | None = None) -> str:
        try:
            hashed: str = super().hashed_name(name, content, filename)
        except ValueError:
            return name
        return hashed


class CompressedStaticFilesStorage(CompressedManifestStaticFilesStorage, HashedStaticFilesStorage):
    """The same, with gzip and brotli beside each file: worth its ten seconds on a public site only."""


def collect_when_changed() -> bool:
    """Collect into STATIC_ROOT where a source changed since the last time; says whether it did."""
    mark = settings.VAR_DIR / "static.fingerprint"
    fingerprint = _fingerprint()
    if mark.exists() and mark.read_text() == fingerprint and settings.STATIC_ROOT.is_dir():
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    mark.write_text(fingerprint)
    return True


def _fingerprint() -> str:
    seen = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            path = storage.path(name)
            state = os.stat(path)
            seen.update(f"{name}\0{path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return seen.hexdigest()
