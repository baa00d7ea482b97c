"""The secret: the operator's in production, a random one kept in the state folder while developing."""

import os
import secrets
from pathlib import Path

KNOWN_SECRETS = frozenset(
    {"changeme", "change-me", "secret", "secret-key", "secret_key", "password", "insecure", "dev"}
)
SHORTEST_SECRET = 32


def weakness_of(secret: str) -> str | None:
    """Why this secret must not sign anything in production, or None where it may."""
    if not secret:
        return "SECRET_KEY is not set"
    if secret.lower() in KNOWN_SECRETS or secret.startswith("django-insecure-"):
        return "SECRET_KEY is a default that everybody knows"
    if len(secret) < SHORTEST_SECRET:
        return f"SECRET_KEY is shorter than {SHORTEST_SECRET} characters"
    if len(set(secret)) < 8:
        return "SECRET_KEY repeats too few characters"
    return None


def development_secret(var_dir: Path) -> str:
    """The random secret of this state folder, made at the first call, readable by its owner alone."""
    kept = var_dir / "secret_key"
    try:
        return kept.read_text().strip()
    except FileNotFoundError:
        pass
    var_dir.mkdir(parents=True, exist_ok=True)
    mine = var_dir / f".secret_key.{os.getpid()}"
    mine.touch(mode=0o600)
    mine.write_text(secrets.token_urlsafe(50))
    try:
        # A hard link is taken by the first of several processes starting at once; the others read what it
        # wrote.
        os.link(mine, kept)
    except FileExistsError:
        pass
    mine.unlink()
    return kept.read_text().strip()
