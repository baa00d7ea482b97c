"""Static files with the hash of their content in their names."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Far-future names; a missing entry is an error in the log, not a page that fails in front of a visitor."""

    manifest_strict = False
