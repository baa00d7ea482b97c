"""The site's own address, where nobody configured one."""

from collections.abc import Sequence
from pathlib import Path


def default_site_url(
    *, production: bool, allowed_hosts: Sequence[str], host: str, port: str, noted: Path
) -> str:
    """The address for links when SITE_URL is not set.

    :param host: where the web process listens; a wildcard is reached as 127.0.0.1.
    :param port: where it listens, empty where this process does not know.
    :param noted: the file in which the running site (`manage.py serve`) left its address, for commands
    beside it.
    """
    if production:
        named = next((name.lstrip(".") for name in allowed_hosts if name != "*"), "")
        return f"https://{named}" if named else f"http://127.0.0.1:{port or '8000'}"
    if not port and noted.exists():
        return noted.read_text().strip()
    reached = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104
    return f"http://{f'[{reached}]' if ':' in reached else reached}:{port or '8000'}"
