"""What the environment may say, and what it may not."""

import os
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Protocol

import pytest

from festival.address import default_site_url
from festival.database import database_settings
from festival.secret import development_secret, weakness_of
from festival.standing import StandingConnection
from tests.ground.nursery import Nursery
from tests.ground.site import ROOT

pytestmark = pytest.mark.once

READ = "from festival import settings; print({})"
GOOD_SECRET = "k3J8-qpZ_2vXw9LmT0sYbR4uHcEoGd7NfA1iKxQeUy5"
GOOD = {
    "SECRET_KEY": GOOD_SECRET,
    "ALLOWED_HOSTS": "festival.example",
    "SITE_URL": "https://festival.example",
}


class Reader(Protocol):
    """Reads the settings in a process that has read none, and shows what is asked for."""

    def __call__(self, show: str = "'started'", /, **environment: str) -> CompletedProcess[str]: ...


@pytest.fixture
def read_settings(nursery: Nursery, tmp_path: Path) -> Reader:
    def read(show: str = "'started'", /, **environment: str) -> CompletedProcess[str]:
        return nursery.run(["-c", READ.format(show)], alone_with(environment, tmp_path))

    return read


def alone_with(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path / "var"), **environment}


def from_nothing(script: str, environment: dict[str, str]) -> CompletedProcess[str]:
    """In a new Python, as a server starts."""
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_a_complete_environment_starts(tmp_path: Path) -> None:
    done = from_nothing(READ.format("'started'"), alone_with(GOOD, tmp_path))

    assert (done.stdout, done.returncode) == ("started\n", 0), done.stderr


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"SECRET_KEY": "changeme"}, "SECRET_KEY is a default that everybody knows"),
        ({"SECRET_KEY": "django-insecure-" + GOOD_SECRET}, "SECRET_KEY is a default that everybody knows"),
        ({"SECRET_KEY": "short-but-random-8J"}, "SECRET_KEY is shorter than 32 characters"),
        ({"SECRET_KEY": "ab" * 20}, "SECRET_KEY repeats too few characters"),
        ({"DEBUG": "1"}, "DEBUG is on: it shows settings and code to every visitor"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS holds a wildcard: name the hosts of the site"),
        (
            {"ALLOWED_HOSTS": "festival.example,*"},
            "ALLOWED_HOSTS holds a wildcard: name the hosts of the site",
        ),
        ({"SITE_URL": "festival.example"}, "SITE_URL must begin with https:// or http://"),
    ],
)
def test_production_is_refused_with_the_reason(
    read_settings: Reader, wrong: dict[str, str], reason: str
) -> None:
    done = read_settings(**{**GOOD, **wrong})

    assert done.returncode != 0
    assert f"Start refused in production: {reason}." in done.stderr


def test_all_reasons_are_told_at_once(read_settings: Reader) -> None:
    done = read_settings(SECRET_KEY="", DEBUG="1", ALLOWED_HOSTS="*")

    for reason in ("SECRET_KEY is not set", "DEBUG is on", "ALLOWED_HOSTS holds a wildcard"):
        assert reason in done.stderr


@pytest.mark.parametrize("module", ["festival.wsgi", "festival.celery"])
def test_web_and_worker_refuse_too(tmp_path: Path, module: str) -> None:
    asked = f"; {module}.app.conf.broker_url" if "celery" in module else ""
    done = from_nothing(f"import {module}{asked}", alone_with({}, tmp_path))

    assert done.returncode != 0
    assert "Start refused in production: SECRET_KEY is not set" in done.stderr


def test_an_https_site_has_secure_cookies_and_hsts(read_settings: Reader) -> None:
    shown = "(settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.SECURE_HSTS_SECONDS)"

    assert read_settings(shown, **GOOD).stdout == "(True, True, 31536000)\n"


def test_the_policy_for_browsers_allows_nothing_unsafe(read_settings: Reader) -> None:
    done = read_settings("settings.CONTENT_SECURITY_POLICY", **GOOD)

    assert "'default-src': [\"'none'\"]" in done.stdout
    assert "unsafe" not in done.stdout


def test_without_email_url_mails_are_kept_on_the_site(read_settings: Reader) -> None:
    shown = "(settings.KEEP_MAILS_ON_SITE, settings.MAIL_TRANSPORT)"

    kept = read_settings(shown, **GOOD)
    sent = read_settings(shown + ", settings.EMAIL_PORT", EMAIL_URL="smtp://relay.example:2525", **GOOD)

    assert kept.stdout == "(True, '')\n"
    assert sent.stdout == "(False, 'django.core.mail.backends.smtp.EmailBackend') 2525\n"


SECRET = "festival:a-long-secret-for-reports"


def test_a_mail_provider_is_a_transport_and_its_settings(read_settings: Reader) -> None:
    shown = "(settings.MAIL_TRANSPORT, settings.MAIL_PROVIDER, settings.ANYMAIL['MAILGUN_API_KEY'], "
    shown += "settings.ANYMAIL['MAILGUN_SENDER_DOMAIN'], settings.KEEP_MAILS_ON_SITE)"
    url = "anymail+mailgun://key%2Fwith-slash@?sender_domain=mg.example.org"

    done = read_settings(shown, EMAIL_URL=url, MAIL_WEBHOOK_SECRET=SECRET, **GOOD)

    assert done.stdout == (
        "('anymail.backends.mailgun.EmailBackend', 'mailgun', 'key/with-slash', 'mg.example.org', False)\n"
    )


def test_a_provider_may_report_of_mail_that_leaves_by_smtp(read_settings: Reader) -> None:
    shown = "(settings.MAIL_TRANSPORT, settings.MAIL_PROVIDER)"
    facts = {"EMAIL_URL": "smtp://relay.example:2525", "MAIL_PROVIDER": "brevo"}

    done = read_settings(shown, MAIL_WEBHOOK_SECRET=SECRET, **facts, **GOOD)

    assert done.stdout == "('django.core.mail.backends.smtp.EmailBackend', 'brevo')\n"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"EMAIL_URL": "anymail+brevo://key@"}, "need MAIL_WEBHOOK_SECRET"),
        ({"MAIL_PROVIDER": "brevo"}, "need MAIL_WEBHOOK_SECRET"),
        ({"MAIL_PROVIDER": "brevo", "MAIL_WEBHOOK_SECRET": "festival:short"}, "need MAIL_WEBHOOK_SECRET"),
        ({"MAIL_PROVIDER": "pigeons", "MAIL_WEBHOOK_SECRET": SECRET}, "is no mail provider known here"),
        ({"EMAIL_URL": "anymail+mailjet://key@", "MAIL_WEBHOOK_SECRET": SECRET}, "API_KEY and SECRET_KEY"),
        ({"EMAIL_URL": "anymail+mailersend://key@", "MAIL_WEBHOOK_SECRET": SECRET}, "signing_secret="),
    ],
)
def test_reports_that_anybody_could_send_are_refused_at_the_start(
    facts: dict[str, str], why: str, read_settings: Reader
) -> None:
    done = read_settings("settings.MAIL_PROVIDER", **facts, **GOOD)

    assert done.returncode != 0
    assert why in done.stderr


def test_development_keeps_its_own_secret(tmp_path: Path) -> None:
    first, second = development_secret(tmp_path), development_secret(tmp_path)

    assert first == second
    assert weakness_of(first) is None
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_sqlite_waits_instead_of_failing() -> None:
    options = database_settings("sqlite:////srv/festival.sqlite3")["OPTIONS"]

    assert (options["transaction_mode"], options["timeout"]) == ("IMMEDIATE", 20)
    assert "journal_mode=WAL" in options["init_command"]


def test_postgres_pools_in_the_web_process_only() -> None:
    url = "postgres://festival:secret@db.example/festival"
    web, worker = database_settings(url, process="web"), database_settings(url, process="worker")

    pool = {"min_size": 1, "max_size": 10, "timeout": 5, "connection_class": StandingConnection}
    assert web["OPTIONS"]["pool"] == pool
    waits_longer = database_settings(f"{url}?pool_timeout=60", process="web")["OPTIONS"]
    assert waits_longer["pool"] == {**pool, "timeout": 60}
    assert "pool_timeout" not in waits_longer
    assert (web["CONN_MAX_AGE"], worker["CONN_MAX_AGE"]) == (0, 60)
    assert "pool" not in worker["OPTIONS"]
    assert "lock_timeout=3000" in worker["OPTIONS"]["options"]
    assert "statement_timeout" not in worker["OPTIONS"]["options"]


@pytest.mark.parametrize(
    ("production", "allowed_hosts", "host", "port", "expected"),
    [
        (True, ["festival.example"], "127.0.0.1", "", "https://festival.example"),
        (True, [".festival.example"], "127.0.0.1", "", "https://festival.example"),
        (False, [], "127.0.0.1", "8101", "http://127.0.0.1:8101"),
        (False, [], "0.0.0.0", "8101", "http://127.0.0.1:8101"),
        (False, [], "::1", "8101", "http://[::1]:8101"),
        (False, [], "127.0.0.1", "", "http://127.0.0.1:8000"),
    ],
)
def test_links_have_an_address_without_being_told(
    tmp_path: Path, production: bool, allowed_hosts: list[str], host: str, port: str, expected: str
) -> None:
    found = default_site_url(
        production=production, allowed_hosts=allowed_hosts, host=host, port=port, noted=tmp_path / "site_url"
    )

    assert found == expected


def test_a_command_beside_the_running_site_writes_its_links(tmp_path: Path) -> None:
    (tmp_path / "site_url").write_text("http://127.0.0.1:8123")

    found = default_site_url(
        production=False, allowed_hosts=[], host="127.0.0.1", port="", noted=tmp_path / "site_url"
    )

    assert found == "http://127.0.0.1:8123"
