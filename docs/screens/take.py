"""`.venv/bin/python docs/screens/take.py`: photograph the demonstration edition for the README.

Builds the edition in a database of its own, serves it, takes the pages below and throws all of it away. Needs
a Chromium (CHROMIUM or on PATH), as `make test` does.
"""

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
# Set before the settings are read: the test ground derives its environment from them.
os.environ["DJANGO_SETTINGS_MODULE"] = "festival.settings"
os.environ["FESTIVAL_MODE"] = "test"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # playwright's own loop runs in this thread
STATE = os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="festival-screens-")

import django  # noqa: E402

django.setup()

from django.db import transaction  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from events.mail.compose import compose  # noqa: E402
from tests.ground.needs import chromium  # noqa: E402
from tests.ground.site import Site  # noqa: E402
from tests.journeys.walk import find  # noqa: E402
from tests.mail.conftest import make_visit  # noqa: E402
from tests.mail.every_kind import owed  # noqa: E402

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
MOST_BYTES = 300_000


def enter(browser: Browser, site: Site, width: int, height: int, scheme: str = "light") -> Page:
    """A browser of that size, in French."""
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": width, "height": height},
        device_scale_factor=2 if width < 500 else 1,
        color_scheme="dark" if scheme == "dark" else "light",
        locale="fr-FR",
        timezone_id="Europe/Paris",
        reduced_motion="reduce",
    )
    return context.new_page()


def sign_in(page: Page, email: str, password: str) -> None:
    """Through the form."""
    page.goto("/compte/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.locator("form:has(input[name=password]) button[type=submit]").click()
    page.wait_for_url(lambda url: "login" not in url)


def photograph(page: Page, address: str, name: str, *, once: str = "") -> None:
    """What one sees without scrolling; ``once``: a part that must be there before."""
    page.goto(address)
    if once:
        page.locator(once).first.wait_for()
    page.evaluate("document.fonts.ready")
    write_small(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), name)


def write_small(picture: Image.Image, name: str) -> None:
    """Beside this file, in at most 300 kB: fewer colours until it fits."""
    for colours in (256, 128, 64, 32):
        buffer = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        if buffer.tell() <= MOST_BYTES:
            break
    path = Path(__file__).with_name(f"{name}.png")
    path.write_bytes(buffer.getvalue())
    sys.stdout.write(f"{path.name}: {picture.width} × {picture.height}, {buffer.tell() // 1000} kB\n")


SHOWN_MAILS = (
    *(("confirmation", "light"), ("reminder", "light"), ("slot_moved", "light"), ("waiting", "light")),
    *(("reminder", "dark"), ("cancellation", "dark")),
)


def photograph_mails(browser: Browser, site: Site) -> None:
    """Some mails beside each other, as a telephone shows them."""
    pictures = []
    for kind, scheme in SHOWN_MAILS:
        page = enter(browser, site, 390, 400, scheme)
        with transaction.atomic():
            message, now = owed(kind, make_visit())
            letter = compose(message, now=now)
            transaction.set_rollback(True)
        page.set_content(next(str(content) for content, type_ in letter.alternatives if type_ == "text/html"))
        pictures.append(Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB"))
    width, gap = pictures[0].width, 32
    height = max(picture.height for picture in pictures)
    sheet = Image.new("RGB", ((width + gap) * len(pictures) - gap, height), "#f2efe8")
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number * (width + gap), 0))
    sheet.thumbnail((2400, 2400))
    write_small(sheet, "mails-390")


def main() -> None:
    """All of them."""
    site = Site(f"sqlite:///{STATE}/screens.sqlite3")
    try:
        site.manage("migrate", "--verbosity", "0")
        site.manage("load_demo")
        found = find(site)
        password = (site.var_dir / "demonstration-password").read_text().strip()
        site.serve()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            desk, night, phone = (
                enter(browser, site, 1280, 900),
                enter(browser, site, 1280, 900, "dark"),
                enter(browser, site, 390, 844),
            )
            photograph(desk, "/", "home-1280")
            photograph(night, "/", "home-1280-dark")
            photograph(phone, "/", "home-390")
            photograph(phone, "/programme/", "programme-390")
            photograph(desk, "/programme/", "programme-1280")
            photograph(desk, f"/activites/{found['activity']}/", "activity-1280")
            photograph(phone, f"/creneaux/{found['open']}/inscription/", "booking-390")
            phone.context.add_cookies([{"name": "ma_journee", "value": found["star"], "url": site.url}])
            photograph(phone, "/ma-journee/?dejeuner=45#plan", "my-day-390", once=".plan")
            photograph(phone, f"/mes-visites/{found['token']}/", "my-visits-390")
            photograph(desk, f"/mes-visites/{found['token']}/", "my-visits-1280")
            sign_in(desk, "hote@demo.example", password)
            photograph(desk, "/hote/les-robots-du-canal/", "host-1280")
            organiser = enter(browser, site, 1280, 1500)
            sign_in(organiser, "organisation@demo.example", password)
            photograph(organiser, "/organisation/toulouse/salles/", "board-1280")
            photograph(organiser, "/organisation/toulouse/horaire/", "timetable-1280", once=".ec-event")
            photograph(organiser, "/organisation/toulouse/", "organiser-1280")
            with site.connected():
                photograph_mails(browser, site)
            browser.close()
    finally:
        site.close()
        shutil.rmtree(STATE, ignore_errors=True)


if __name__ == "__main__":
    main()
