"""How the site speaks to its database, from one address."""

from typing import Any

import environ

from festival.standing import StandingConnection

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; "
    "PRAGMA synchronous=NORMAL; "
    "PRAGMA temp_store=MEMORY; "
    "PRAGMA cache_size=-20000; "  # KiB when negative: 20 MB
    "PRAGMA mmap_size=134217728; "
    "PRAGMA journal_size_limit=67108864;"
)


def database_settings(url: str, *, process: str = "", pool_size: int = 10) -> dict[str, Any]:
    """Django's settings for one database.

    :param url: `sqlite:///path` or `postgres://user:password@host:port/name`; options in its query win, the
        seconds a request waits for a free connection (`pool_timeout`) among them.
    :param process: `web` pools its connections; anything else keeps one.
    :param pool_size: connections of one web process at most.
    """
    database: dict[str, Any] = environ.Env.db_url_config(url)
    options: dict[str, Any] = database.setdefault("OPTIONS", {})
    if database["ENGINE"] == "django.db.backends.sqlite3":
        # IMMEDIATE takes the write lock at BEGIN, so two bookings wait for one another instead of failing at
        # their first write; with WAL, readers never wait.
        options.setdefault("transaction_mode", "IMMEDIATE")
        options.setdefault("timeout", 20)
        options.setdefault("init_command", SQLITE_PRAGMAS)
        database["CONN_MAX_AGE"] = 60
    elif database["ENGINE"] == "django.db.backends.postgresql":
        # Milliseconds. A booking that waits longer for a row answers 503 and may be sent again.
        limits = "-c lock_timeout=3000 -c idle_in_transaction_session_timeout=60000"
        # What a page asks is answered in less time than it takes to compile it; disks have no arms any more.
        limits += " -c jit=off -c random_page_cost=1.1"
        # Two processors and many readers: a query that takes both for itself makes the others wait.
        limits += " -c max_parallel_workers_per_gather=0"
        if process == "web":
            limits += " -c statement_timeout=15000"
        options["options"] = f"{limits} {options.get('options', '')}".strip()
        options.setdefault("connect_timeout", 5)
        database["CONN_HEALTH_CHECKS"] = True
        # Only what `events.rows` sends is prepared; everything else binds its values here as before.
        options.setdefault("prepare_threshold", 5)
        pool_timeout = options.pop("pool_timeout", 5)
        if process == "web":
            options["pool"] = {
                "min_size": 1,
                "max_size": pool_size,
                "timeout": pool_timeout,
                "connection_class": StandingConnection,
            }
            database["CONN_MAX_AGE"] = 0
        else:
            # Celery closes a pool after each task, so the worker keeps its one connection instead.
            database["CONN_MAX_AGE"] = 60
    return database
