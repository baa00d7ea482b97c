"""Settings, from the environment, in one fixed order. The names are explained in the README.

FESTIVAL_MODE says who is asking: `production` (the default), `development` (`make run`, a shell) or `test`.
FESTIVAL_PROCESS says which process this is: `web`, `worker` or nothing (a command).
"""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from festival.address import default_site_url
from festival.database import database_settings
from festival.embedded import broker_socket
from festival.logs import logging_settings
from festival.mail_provider import provider_of
from festival.secret import development_secret, weakness_of

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# ── Who is asking ─────────────────────────────────────────────────────────────────────────────────────────

MODE: str = env.str("FESTIVAL_MODE", default="production")
PROCESS: str = env.str("FESTIVAL_PROCESS", default="")
if MODE not in ("production", "development", "test"):
    raise ImproperlyConfigured(f"FESTIVAL_MODE is {MODE!r}: expected production, development or test.")
PRODUCTION = MODE == "production"
TESTING = MODE == "test"

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).resolve()

# ── The contract with the operator ────────────────────────────────────────────────────────────────────────

VAR_DIR.mkdir(parents=True, exist_ok=True)
DATABASE_URL: str = env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR / 'festival.sqlite3'}"
REDIS_URL: str = env.str("REDIS_URL", default="")
EMAIL_URL: str = env.str("EMAIL_URL", default="")
SECRET_KEY: str = env.str("SECRET_KEY", default="") or ("" if PRODUCTION else development_secret(VAR_DIR))
DEBUG: bool = env.bool("DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
SITE_URL: str = env.str("SITE_URL", default="").rstrip("/")
TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXY_COUNT", default=0)
RATE_LIMIT_FACTOR: int = max(1, env.int("RATE_LIMIT_FACTOR", default=1))
WEBHOOK_ALLOW_PRIVATE: bool = env.bool("WEBHOOK_ALLOW_PRIVATE", default=False)
AGENDA_EVERY_MINUTES: int = max(0, env.int("AGENDA_EVERY_MINUTES", default=60))
AGENDA_ALLOW_PRIVATE: bool = env.bool("AGENDA_ALLOW_PRIVATE", default=False)
ALERT_URL: str = env.str("ALERT_URL", default="")
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="")
GEOCODER_URL: str = env.str("GEOCODER_URL", default="")
MAP_TILES_URL: str = env.str("MAP_TILES_URL", default="")
COMPANY_REGISTRY_URL: str = env.str("COMPANY_REGISTRY_URL", default="")
OIDC_SERVER_URL: str = env.str("OIDC_SERVER_URL", default="")
OIDC_CLIENT_ID: str = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET: str = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_NAME: str = env.str("OIDC_NAME", default="OpenID Connect")

if not SITE_URL:
    SITE_URL = default_site_url(
        production=PRODUCTION,
        allowed_hosts=ALLOWED_HOSTS,
        host=env.str("HOST", default="127.0.0.1"),
        port=env.str("PORT", default=""),
        noted=VAR_DIR / "site_url",
    )
SITE_HOST = urlsplit(SITE_URL).hostname or "localhost"
if not ALLOWED_HOSTS:
    ALLOWED_HOSTS = (
        [SITE_HOST] if PRODUCTION else [SITE_HOST, "localhost", "127.0.0.1", "[::1]", "testserver"]
    )
    if MODE == "development" and env.str("HOST", default="127.0.0.1") not in (
        "127.0.0.1",
        "localhost",
        "::1",
    ):
        ALLOWED_HOSTS = [
            "*"
        ]  # `HOST=0.0.0.0 make run`: shown to the neighbours, under whatever name they use
DEFAULT_FROM_EMAIL = DEFAULT_FROM_EMAIL or f"Festival French Tech <festival@{SITE_HOST}>"
SERVER_EMAIL = DEFAULT_FROM_EMAIL

if PRODUCTION:
    refusals = [
        reason
        for reason in (
            weakness_of(SECRET_KEY),
            "DEBUG is on: it shows settings and code to every visitor" if DEBUG else None,
            "ALLOWED_HOSTS holds a wildcard: name the hosts of the site" if "*" in ALLOWED_HOSTS else None,
            "SITE_URL must begin with https:// or http://"
            if urlsplit(SITE_URL).scheme not in ("https", "http")
            else None,
            "ALERT_URL must begin with https:// or http://"
            if ALERT_URL and urlsplit(ALERT_URL).scheme not in ("https", "http")
            else None,
        )
        if reason
    ]
    if refusals:
        raise ImproperlyConfigured(
            f"Start refused in production: {'; '.join(refusals)}. "
            "(To try the site on your own machine, use `make run`, or set FESTIVAL_MODE=development.)"
        )
HTTPS = SITE_URL.startswith("https://")

# ── The application ───────────────────────────────────────────────────────────────────────────────────────

INSTALLED_APPS = [
    "festival",
    "events",
    "accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "festival.apps.StaticFilesConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "csp",
    "django_htmx",
    "django_structlog",
]

MIDDLEWARE = [
    "festival.proxies.RealPeerMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "festival.policy.PolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "festival.health.MetricsMiddleware",
    "festival.line.LineMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "festival.languages.AskedLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "festival.logs.RequestLogMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "festival.urls"
WSGI_APPLICATION = "festival.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "festival.context.site",
                "events.views.context.frame",
            ],
        },
    }
]
# The forms' own templates are found through the app folders too.
INSTALLED_APPS.append("django.forms")

# ── Database ──────────────────────────────────────────────────────────────────────────────────────────────

DATABASES = {
    "default": database_settings(
        DATABASE_URL, process=PROCESS, pool_size=env.int("DATABASE_POOL_SIZE", default=10)
    )
}

# ── Cache and sessions ────────────────────────────────────────────────────────────────────────────────────

BROKER_SOCKET = broker_socket(VAR_DIR)
# Seconds a request may stand in line before it is told to come again (festival.line).
LINE_PATIENCE: float = env.float("LINE_PATIENCE", default=2.0)
# Seconds after which the numbers beside the programme's choices are counted again (events.programme.shelf).
# Tests want them true at once.
PROGRAMME_COUNTS_SECONDS: float = env.float("PROGRAMME_COUNTS_SECONDS", default=0.0 if TESTING else 2.0)
# Seconds for which the pages of the rush are drawn once for everybody (events.views.quick_pages). Tests want
# them true at once.
QUICK_PAGE_SECONDS: float = env.float("QUICK_PAGE_SECONDS", default=0.0 if TESTING else 1.0)
CACHES: dict[str, dict[str, Any]] = {
    # Sign-in limits live here: they must hold while Redis is stopped.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "festival_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    # Only what can be computed again.
    "fast": {
        "BACKEND": "festival.cache.FailOpenRedisCache",
        "LOCATION": REDIS_URL or f"unix://{BROKER_SOCKET}?db=1",
        "KEY_PREFIX": "festival",
        "TIMEOUT": 60,
        "OPTIONS": {"socket_timeout": 1.0, "socket_connect_timeout": 1.0},
    },
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14

# ── Celery: the nudge, never the queue ────────────────────────────────────────────────────────────────────

CELERY_BROKER_URL = REDIS_URL or f"redis+socket://{BROKER_SOCKET}"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_DEFAULT_QUEUE = "festival"
# How far the worker stands behind the pages for the processor (nice, 0 to 19); in tests all are alike.
WORKER_NICE: int = env.int("WORKER_NICE", default=0 if TESTING else 10)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2000
CELERY_BROKER_CONNECTION_RETRY = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 1.0
CELERY_BROKER_POOL_LIMIT = 4
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "socket_timeout": 5.0 if PROCESS == "worker" else 1.0,
    "socket_connect_timeout": 1.0,
    "socket_keepalive": True,
    "retry_on_timeout": False,
    "max_retries": 0 if PROCESS != "worker" else None,
    "global_keyprefix": "festival:",
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat" / "schedule")
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
DJANGO_STRUCTLOG_CELERY_ENABLED = True

# ── Accounts ──────────────────────────────────────────────────────────────────────────────────────────────

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/bureau/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.NameForm"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_REQUIRED = False
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_ISSUER = "Festival French Tech"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {"openid_connect": {"APPS": []}}
if OIDC_SERVER_URL and OIDC_CLIENT_ID:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": OIDC_NAME,
                "client_id": OIDC_CLIENT_ID,
                "secret": OIDC_CLIENT_SECRET,
                "settings": {"server_url": OIDC_SERVER_URL},
            }
        ],
    }

# ── Language, time ────────────────────────────────────────────────────────────────────────────────────────

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", _("French")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Paris"

# ── Files ─────────────────────────────────────────────────────────────────────────────────────────────────

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS: list[Any] = [BASE_DIR / "festival" / "static"]
NODE_PACKAGES = {
    "fonts/bricolage-grotesque": "@fontsource-variable/bricolage-grotesque",
    "fonts/instrument-sans": "@fontsource-variable/instrument-sans",
    "leaflet": "leaflet/dist",
    "event-calendar": "@event-calendar/build/dist",
}
"""Prefix under /static/ → folder in node_modules. What is not installed is left out: pages work without."""
STATICFILES_DIRS += [
    (prefix, BASE_DIR / "node_modules" / folder)
    for prefix, folder in NODE_PACKAGES.items()
    if (BASE_DIR / "node_modules" / folder).is_dir()
]
MEDIA_URL = "/media/"
MEDIA_ROOT = VAR_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if TESTING or DEBUG or "runserver" in sys.argv
            else "festival.staticfiles.CompressedStaticFilesStorage"
            if PRODUCTION
            else "festival.staticfiles.HashedStaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = TESTING or DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 3600
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_PERMISSIONS = 0o644

# ── Mail ──────────────────────────────────────────────────────────────────────────────────────────────────

# Everything goes through the outbox; what takes mail from there to the world is MAIL_TRANSPORT.
EMAIL_BACKEND = "events.mail.backend.OutboxBackend"
KEEP_MAILS_ON_SITE = not EMAIL_URL
MAIL_TRANSPORT = ""
# Seconds the relay has for each step but the last: its word on a mail it has whole.
EMAIL_TIMEOUT: int = env.int("EMAIL_TIMEOUT", default=10)
# What the relay takes in a minute, over all workers; 0: as much as there is.
MAIL_PER_MINUTE: int = env.int("MAIL_PER_MINUTE", default=0)
# How many mails one worker process has on their way at once (PostgreSQL), each on a connection of its own.
MAIL_LANES: int = env.int("MAIL_LANES", default=3)
mail_provider = provider_of(
    email_url=EMAIL_URL,
    reports=env.str("MAIL_PROVIDER", default=""),
    webhook_secret=env.str("MAIL_WEBHOOK_SECRET", default=""),
)
MAIL_PROVIDER, ANYMAIL = mail_provider.name, mail_provider.anymail
if mail_provider.backend:
    MAIL_TRANSPORT = mail_provider.backend
elif EMAIL_URL:
    relay: dict[str, Any] = env.email_url_config(EMAIL_URL)
    MAIL_TRANSPORT = relay.pop("EMAIL_BACKEND")
    for name, value in relay.items():
        globals()[name] = value

# ── What browsers are told ────────────────────────────────────────────────────────────────────────────────

map_tiles = [f"{urlsplit(MAP_TILES_URL).scheme}://{urlsplit(MAP_TILES_URL).netloc}"] if MAP_TILES_URL else []
sign_in_elsewhere = (
    [f"{urlsplit(OIDC_SERVER_URL).scheme}://{urlsplit(OIDC_SERVER_URL).netloc}"] if OIDC_SERVER_URL else []
)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", *map_tiles],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF, *sign_in_elsewhere],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    },
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_FAILURE_VIEW = "events.views.errors.csrf_failure"
if HTTPS:
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_INCLUDE_SUBDOMAINS", default=False)
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = HTTPS
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]

# ── Logs ──────────────────────────────────────────────────────────────────────────────────────────────────

LOGGING = logging_settings(
    json_lines=PRODUCTION, level=env.str("LOG_LEVEL", default="WARNING" if TESTING else "INFO")
)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
# Two lines for each tick of the clock would bury the rest: 10 is DEBUG.
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = 10
DJANGO_STRUCTLOG_CELERY_DEFAULT_LOG_LEVEL = 10
METRICS_MULTIPROCESS = bool(env.str("PROMETHEUS_MULTIPROC_DIR", default=""))

if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
