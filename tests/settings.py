"""The site's settings while testing, on the engine that was asked for.

`pytest --engine=postgres` or TEST_ENGINE=postgres starts a PostgreSQL of its own; DATABASE_URL wins over
both; otherwise it is SQLite. This must happen before the settings are read, so it happens here and not in a
fixture.
"""

import atexit
import os
import shutil
import sys
import tempfile

from tests.ground.bytecode import keep_bytecode
from tests.ground.postgres import start_for_session
from tests.ground.templates import UndefinedVariableTrap

keep_bytecode()
os.environ["FESTIVAL_MODE"] = "test"
if "TEST_VAR_DIR" not in os.environ:
    os.environ["TEST_VAR_DIR"] = tempfile.mkdtemp(prefix="festival-test-")
    atexit.register(shutil.rmtree, os.environ["TEST_VAR_DIR"], ignore_errors=True)
os.environ["VAR_DIR"] = os.environ["TEST_VAR_DIR"]
# What the shell of the one who runs the tests happens to hold must not steer them.
for name in ("REDIS_URL", "EMAIL_URL", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "SITE_URL", "PORT", "HOST"):
    os.environ.pop(name, None)
for name in (
    "TRUSTED_PROXY_COUNT",
    "GEOCODER_URL",
    "AGENDA_EVERY_MINUTES",
    "AGENDA_ALLOW_PRIVATE",
    "MAP_TILES_URL",
    "COMPANY_REGISTRY_URL",
    "FESTIVAL_PROCESS",
    "MAIL_PROVIDER",
    "MAIL_WEBHOOK_SECRET",
):
    os.environ.pop(name, None)

asked = os.environ.get("TEST_ENGINE", "")
for argument, following in zip(sys.argv, [*sys.argv[1:], ""], strict=True):
    if argument.startswith("--engine"):
        asked = argument.partition("=")[2] or following
if asked == "postgres" and not os.environ.get("DATABASE_URL"):
    # Left in the environment for the workers of pytest-xdist, which share this one server.
    os.environ["TEST_POSTGRES_URL"] = os.environ.get("TEST_POSTGRES_URL") or start_for_session()
    os.environ["DATABASE_URL"] = os.environ["TEST_POSTGRES_URL"]

from festival.settings import *  # noqa: E402, F403
from festival.settings import MIDDLEWARE, TEMPLATES  # noqa: E402

TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = UndefinedVariableTrap()
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405 - WhiteNoise warns of a folder that is not there
MIDDLEWARE[MIDDLEWARE.index("whitenoise.middleware.WhiteNoiseMiddleware")] = (
    "tests.ground.static.StaticFilesFoundOnce"
)
