"""Static files found once: WhiteNoise looks through every folder whenever a client is made."""

from typing import Any

from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesFoundOnce(WhiteNoiseMiddleware):
    """The same files for every client of this process."""

    _found: dict[str, Any] = {}

    def add_files_from_finders(self) -> None:
        """Look the first time, remember afterwards."""
        if not self._found:
            super().add_files_from_finders()
            self._found.update(self.files)
        self.files.update(self._found)
