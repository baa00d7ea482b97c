"""A page that many readers get alike is rendered once, and each reads what was rendered for them alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import engines
from django.urls import reverse
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from events.mail import pages
from events.mail.content.kinds import CONTENT_OF
from events.mail.letters import address
from events.mail.pages import RENDERED_ONCE, page_of
from events.mail.transport import _dotted
from tests.mail.every_kind import owed

pytestmark = pytest.mark.once

HOSTILE = "<b>\"&'</b> {{ stop }} M0123456789abcdefx0m"


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds whose templates were run."""
    seen: list[str] = []
    run = pages._rendered

    def noted(kind: str, *arguments: Any) -> pages.Page:
        seen.append(kind)
        return run(kind, *arguments)

    monkeypatch.setattr(pages, "_rendered", noted)
    pages._kept.cache_clear()
    return seen


@pytest.mark.parametrize("kind", sorted(RENDERED_ONCE))
@pytest.mark.parametrize("locale", ["fr", "en"])
def test_a_kept_page_says_to_each_reader_what_its_templates_would(
    kind: str, locale: str, visit: SimpleNamespace, rendered: list[str]
) -> None:
    message, now = owed(kind, visit, locale=locale)
    with override(locale):
        content = CONTENT_OF[kind](message, now)
        letter, facts = content.letter, content.facts
        first, *others = letter.visits
        alike = [
            (letter, facts),
            (replace(letter, name=HOSTILE), facts),
            (replace(letter, name="Zoé"), {**facts, "stop": "https://a.example/?x=1&y=2"}),
            (replace(letter, visits=(replace(first, title=HOSTILE, place="Salle & <i>"), *others)), facts),
            (
                replace(letter, visits=(replace(first, title="élan", hour="9 h", day="demain"), *others)),
                facts,
            ),
        ]
        another = [
            (replace(letter, name=""), facts),
            (
                replace(letter, visits=(first, replace(first, reference=HOSTILE, ticket="t&t"), *others)),
                facts,
            ),
            (replace(letter, visits=(replace(first, rank="", reference="", hour=""), *others)), facts),
            (replace(letter, opening=(f"Bonjour {HOSTILE}",)), facts),
        ]
        for one, said in [*alike, *another]:
            assert page_of(kind, locale, one, said) == pages._rendered(kind, one, said, "")

    asked_for_here = len(alike) + len(another)
    assert rendered.count(kind) - asked_for_here == 1 + len(another)


def test_other_kinds_are_rendered_each_time(visit: SimpleNamespace, rendered: list[str]) -> None:
    message, now = owed("confirmation", visit)
    content = CONTENT_OF["confirmation"](message, now)

    for _time in range(2):
        page_of("confirmation", "fr", content.letter, content.facts)

    assert rendered == ["confirmation"] * 2


def test_what_the_edition_says_now_is_in_the_next_mail(visit: SimpleNamespace) -> None:
    """The page is kept under everything it shows: no page is an old one."""
    message, now = owed("reminder", visit)
    content = CONTENT_OF["reminder"](message, now)
    before = page_of("reminder", "fr", content.letter, content.facts)
    moved = replace(content.letter, visits=(replace(content.letter.visits[0], place="Ailleurs"),))

    after = page_of("reminder", "fr", moved, content.facts)

    assert "Ailleurs" not in before.html + before.text
    assert "Ailleurs" in after.html
    assert "Ailleurs" in after.text


@given(st.lists(st.text(st.sampled_from("aZ09._~-é /&?%+:"), min_size=1, max_size=8), min_size=2, max_size=2))
def test_an_address_is_that_of_its_page_whatever_stands_in_it(words: list[str]) -> None:
    if not any("/" in word for word in words):
        assert address("my_visit_ticket", *words).endswith(reverse("events:my_visit_ticket", args=words))


def test_an_address_of_a_number_is_that_of_its_page() -> None:
    assert address("slot", 7).endswith(reverse("events:slot", args=[7]))
    assert address("programme").endswith(reverse("events:programme"))


@given(
    st.lists(st.sampled_from([b".", b"..", b"a", b"\r\n", b"\n", b"\r", b"\r\n.\r\n"]), max_size=12).map(
        b"".join
    )
)
def test_no_content_ends_a_mail_before_its_end(content: bytes) -> None:
    """SMTP smuggling: the one dot alone on a line is at the end of the mail, and no line end is bare."""
    given_over = _dotted(content)

    assert given_over.endswith(b".\r\n")
    assert (b"\r\n" + given_over).index(b"\r\n.\r\n") == len(given_over) - 3
    assert given_over.count(b"\r\n") == given_over.count(b"\n") == given_over.count(b"\r")


def test_the_marks_are_drawn_anew_in_each_process() -> None:
    """Who knew them could have another reader's link put into their name."""
    assert len(pages._MARK) == 18
    assert all(pages._MARK not in str(template.source) for template in _templates())


def _templates() -> list[Any]:
    engine: Any = engines["django"]
    names = [
        f"events/email/{kind}{part}" for kind in RENDERED_ONCE for part in (".html", ".txt", "_subject.txt")
    ]
    return [engine.engine.get_template(name) for name in names]
