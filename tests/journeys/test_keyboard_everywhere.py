"""A page by the Tab key alone: all that can be pressed is reached, shows that it has the focus, and lets it
go again (WCAG 2.2: 2.1.1, 2.1.2, 2.4.7; RGAA 4.1: 10.7, 12.8, 12.9). Every page is walked so in test_axe.py.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page

from tests.journeys.conftest import Demonstration

MOST_TABS = 160
"""On one page; what stands behind is more of the same list."""
BEYOND = 12
"""Presses more than there are controls: a region that scrolls takes the focus too. What a grid gives to its
arrow keys once it has the focus (`tabindex="-1"`) is reached by those. A mail in a frame has up to thirty
links of its own."""

TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
"""Given to the browser itself: through Playwright's own keyboard it takes twice as long."""

WATCH = """() => {
  const PRESSED = "a[href], area[href], button, input:not([type=hidden]), select, textarea, summary, " +
    "[tabindex], [contenteditable=true]";
  const shown = one => one.checkVisibility({visibilityProperty: true}) && !one.closest("[inert]");
  const radio = one => one.type === "radio" && one.name;
  const groups = new Set();
  const wanted = [...document.querySelectorAll(PRESSED)].filter(one => {
    if (one.disabled || one.matches(":disabled") || one.tabIndex < 0 || !shown(one)) return false;
    if (!radio(one)) return true;
    const group = (one.form ? one.form.id || [...document.forms].indexOf(one.form) : "") + " " + one.name;
    if (groups.has(group)) return false;
    groups.add(group);
    return true;
  });
  window.keyboard = {wanted, seen: new Set(), unseen: []};
  document.addEventListener("focusin", event => {
    const one = event.target;
    window.keyboard.seen.add(one);
    const around = [one, ...one.querySelectorAll("*"), one.closest(".chip, .slot, .check, label, li")];
    const drawn = around.some(part => part && [null, "::after"].some(
      layer => getComputedStyle(part, layer).outlineStyle !== "none"));
    const holds = one.matches("iframe") || one.shadowRoot;
    if (!drawn && !holds) window.keyboard.unseen.push(one.outerHTML.slice(0, 120));
  });
  const stops = one => ({time: 4, date: 5, "datetime-local": 7})[one.type] || 1;
  const framed = document.querySelectorAll("iframe").length * 30;
  return wanted.reduce((sum, one) => sum + stops(one), framed);
}"""
UNSEEN = """() => document.querySelectorAll(".nav a").forEach(
  one => one.style.setProperty("outline", "none", "important"))"""
TELL = """most => {
  const {wanted, seen, unseen} = window.keyboard;
  const group = one => wanted.some(other => seen.has(other) && other === one) ||
    (one.type === "radio" && [...seen].some(other => other.type === "radio" && other.name === one.name));
  const stands = one => one.checkVisibility() && one.tabIndex >= 0;
  const missed = wanted.slice(0, most).filter(one => stands(one) && !group(one));
  return [...missed.map(one => "not reached: " + one.outerHTML.slice(0, 120)),
    ...unseen.map(one => "no focus to be seen: " + one)];
}"""


def test_what_cannot_be_reached_or_seen_is_noticed(
    demonstration: Demonstration, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    context = browser.new_context(**{**browser_context_args, "base_url": demonstration.site.url})
    page = context.new_page()
    page.goto("/mentions-legales/")
    page.evaluate("""() => {
      const trap = document.querySelector(".nav a");
      trap.addEventListener("keydown", event => event.key === "Tab" && event.preventDefault());
    }""")

    assert any("not reached" in fault for fault in missed_by_keyboard(page))

    page.goto("/mentions-legales/")
    page.evaluate(UNSEEN)

    assert any("no focus" in fault for fault in missed_by_keyboard(page))
    context.close()


def missed_by_keyboard(page: Page) -> list[str]:
    """What Tab does not reach, and what it reaches without a sign of it."""
    stops: int = page.evaluate(WATCH)
    hands = page.context.new_cdp_session(page)
    for _press in range(min(stops, MOST_TABS) + BEYOND):
        for half in ("rawKeyDown", "keyUp"):
            hands.send("Input.dispatchKeyEvent", {"type": half, **TAB})
    hands.detach()
    faults: list[str] = page.evaluate(TELL, MOST_TABS if stops <= MOST_TABS else MOST_TABS // 4)
    return faults
