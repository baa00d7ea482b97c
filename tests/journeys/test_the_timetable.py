"""An organiser plans a day by mouse and by keyboard, releases it, and who had booked reads the mail."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from events.models import Placement, Slot
from tests.factories import ActivityFactory, HostFactory, RegistrationFactory, SlotFactory
from tests.ground.site import Site
from tests.journeys.conftest import Edition, Enter, sign_in
from tests.journeys.postbox import Postbox, words

VISITOR = "camille@example.org"


@pytest.mark.lengthy
@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_from_an_empty_grid_to_a_mail(
    whole_site: Site, edition: Edition, postbox: Postbox, enter: Enter
) -> None:
    robots, kites = a_slot(edition, "La serre connectée", 10), a_slot(edition, "Plier un cerf-volant", 14)
    RegistrationFactory(slot=robots, visitor__email=VISITOR)
    page = enter()
    sign_in(page, edition.organiser.email)
    page.goto(f"/organisation/toulouse/horaire/?jour={edition.day.isoformat()}")
    expect(page.locator(".ec-event")).to_have_count(0)

    drag_from_the_tray(page, "La serre connectée", column=1)
    drag_from_the_tray(page, "Plier un cerf-volant", column=0)
    expect(page.locator("[data-tray] a")).to_have_count(0)
    work_by_keyboard(page, robots)
    swap(page, robots, kites)
    undo(page, robots)

    page.get_by_role("link", name="Publier 2 changements").click()
    expect(page.locator(".differences > li")).to_have_count(2)
    page.get_by_label("Nom de cette version").fill("Salles de printemps")
    page.get_by_role("button", name="Publier ces 2 changements").click()
    expect(page.get_by_role("heading", name="Salles de printemps")).to_be_visible()

    robots.refresh_from_db()
    assert robots.start_time == dt.time(16)
    assert robots.room is not None
    mail = words(postbox.read(VISITOR, "La serre connectée"))
    assert "16 h" in mail
    assert "10 h" in mail


def a_slot(edition: Edition, title: str, hour: int) -> Slot:
    """Published, an hour long, in no venue yet."""
    host = HostFactory(territory=edition.territory)
    activity = ActivityFactory(host=host, festival=edition.festival, title_fr=title)
    return SlotFactory(activity=activity, day=edition.day, start_time=dt.time(hour), duration=60)


def drag_from_the_tray(page: Page, title: str, *, column: int) -> None:
    """Onto the second hour shown of a column."""
    chip = page.locator("[data-tray] a", has_text=title)
    grid = page.locator("[data-grid]")
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    assert box is not None
    width = (box["width"] - 70) / 2
    chip.drag_to(grid, target_position={"x": 70 + width * (column + 0.5), "y": 200})
    expect(page.locator(".ec-event", has_text=title)).to_be_visible()


def work_by_keyboard(page: Page, slot: Slot) -> None:
    """On to 16 h, by the hour and by the quarter."""
    for _press in range(24):
        here = planned(slot).local_start
        left = 16 * 60 - here.hour * 60 - here.minute
        if left == 0:
            return
        page.locator("#pas").select_option("60" if abs(left) >= 60 else "15")
        press(page, slot, "ArrowDown" if left > 0 else "ArrowUp")
        wait_until(page, lambda before=here: planned(slot).local_start != before)
    raise AssertionError(planned(slot).local_start)


def press(page: Page, slot: Slot, key: str) -> None:
    page.wait_for_load_state("networkidle")
    page.locator(f'.ec-event[data-slot="{slot.pk}"]').press(key)


def swap(page: Page, one: Slot, other: Slot) -> None:
    was = planned(one).room
    press(page, one, "e")
    press(page, other, "e")
    wait_until(page, lambda: planned(one).room != was)


def undo(page: Page, slot: Slot) -> None:
    was = planned(slot).room
    page.keyboard.press("Control+z")
    wait_until(page, lambda: planned(slot).room != was)
    expect(page.locator("[data-said]")).to_contain_text("C’est défait")


def planned(slot: Slot) -> Placement:
    return Placement.objects.select_related("slot", "room").get(slot=slot)


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """The draft in the database says so, within a minute; then the page has drawn it."""
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, page.locator("[data-said]").inner_text()
        page.wait_for_timeout(50)
    page.wait_for_load_state("networkidle")
