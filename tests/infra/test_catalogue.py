"""The French texts: found, kept, checked."""

from pathlib import Path

import polib
import pytest

from festival.catalogue import (
    CatalogueError,
    Message,
    compile_catalogues,
    faults,
    find_messages,
    merge,
    messages_in_python,
    messages_in_template,
    read_catalogue,
    save,
)
from tests.ground.site import ROOT

pytestmark = pytest.mark.once

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def po(text: str) -> polib.POFile:
    return polib.pofile(HEADER + text)


def test_python_marks_are_found_in_every_form() -> None:
    source = """
from django.utils.translation import gettext_lazy as _, ngettext, pgettext
from django.utils import translation
_("plain " "joined")
ngettext("%(n)s place", "%(n)s places", 3)
pgettext("month", "May")
translation.gettext("by module")
"""
    assert list(messages_in_python(source, origin="x.py")) == [
        Message("plain joined"),
        Message("%(n)s place", plural="%(n)s places"),
        Message("May", context="month"),
        Message("by module"),
    ]


def test_an_underscore_that_is_no_mark_is_left_alone() -> None:
    assert list(messages_in_python("_ = print\n_('not a message')", origin="x.py")) == []


def test_a_computed_message_is_refused_with_its_place() -> None:
    source = "from django.utils.translation import gettext as _\n_(f'{1}')"

    with pytest.raises(CatalogueError, match=r"x\.py:2: gettext\(\) needs a plain string"):
        list(messages_in_python(source, origin="x.py"))


def test_template_marks_are_found_in_every_form() -> None:
    source = """{% load i18n %}{% translate "Plain" %}{% translate "May" context "month" %}{{ _("Filter") }}
{% blocktranslate trimmed count n=n %}
  {{ n }} place
{% plural %}
  {{ n }} places
{% endblocktranslate %}{% include "x.html" with title=_("Argument (1)") %}{% translate "100 %" %}"""

    assert set(messages_in_template(source, origin="x.html")) == {
        Message("Plain"),
        Message("May", context="month"),
        Message("Filter"),
        Message("%(n)s place", plural="%(n)s places"),
        Message("Argument (1)"),
        Message("100 %%"),
    }


def test_texts_survive_and_leftovers_go() -> None:
    kept = po('msgid "A"\nmsgstr "Un"\n\nmsgid "Gone"\nmsgstr "Parti"\n')
    fragment = po('msgid "B"\nmsgstr "Deux"\n\nmsgid "A"\nmsgstr "Une"\n')

    merged = merge([Message("B"), Message("A"), Message("C")], catalogue=kept, fragments=[fragment])

    assert [(entry.msgid, entry.msgstr) for entry in merged] == [("A", "Une"), ("B", "Deux"), ("C", "")]


def test_a_catalogue_written_twice_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "django.po"
    messages = [Message("%(n)s place", plural="%(n)s places"), Message("May", context="month"), Message("A")]
    assert save(merge(messages, catalogue=read_catalogue(path)), path)

    assert not save(merge(reversed(messages), catalogue=read_catalogue(path)), path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "missing: 'A %(n)s'"),
        ('msgid "A %(n)s"\nmsgstr ""\n', "untranslated: 'A %(n)s'"),
        ('#, fuzzy\nmsgid "A %(n)s"\nmsgstr "Un %(n)s"\n', "fuzzy: 'A %(n)s'"),
        ('msgid "A %(n)s"\nmsgstr "Un %(m)s"\n', "unknown placeholder ['m']: 'A %(n)s'"),
        ('msgid "A %(n)s"\nmsgstr "Un"\n', "lost placeholder ['n']: 'A %(n)s'"),
        ('msgid "A %(n)s"\nmsgstr "Un %(n)s"\n\nmsgid "B"\nmsgstr "Deux"\n', "left over: 'B'"),
    ],
)
def test_each_fault_is_told(text: str, fault: str) -> None:
    found = faults({Message("A %(n)s"): {"a.py"}}, po(text))

    assert [line.partition(" [a.py]")[0] for line in found] == [fault]


def test_a_french_singular_may_say_one_in_words() -> None:
    text = (
        'msgid "%(n)s place"\nmsgid_plural "%(n)s places"\nmsgstr[0] "une place"\nmsgstr[1] "%(n)s places"\n'
    )

    assert faults({Message("%(n)s place", plural="%(n)s places"): {"a.py"}}, po(text)) == []


def test_a_plural_needs_both_forms() -> None:
    text = 'msgid "%(n)s place"\nmsgid_plural "%(n)s places"\nmsgstr[0] "%(n)s place"\nmsgstr[1] ""\n'

    found = faults({Message("%(n)s place", plural="%(n)s places"): {"a.py"}}, po(text))

    assert found == ["untranslated: '%(n)s place' [a.py]"]


def test_compiling_writes_what_gettext_reads(tmp_path: Path) -> None:
    import gettext

    folder = tmp_path / "locale" / "fr" / "LC_MESSAGES"
    catalogue = read_catalogue(folder / "django.po")
    save(
        merge([Message("A")], catalogue=catalogue, fragments=[po('msgid "A"\nmsgstr "Un"\n')]),
        folder / "django.po",
    )

    assert compile_catalogues(tmp_path) == [folder / "django.mo"]
    assert gettext.translation("django", tmp_path / "locale", ["fr"]).gettext("A") == "Un"
    assert compile_catalogues(tmp_path) == []


def test_the_french_of_this_project_is_complete() -> None:
    path = ROOT / "locale" / "fr" / "LC_MESSAGES" / "django.po"
    messages = find_messages(ROOT)

    assert faults(messages, read_catalogue(path)) == []
    assert len(messages) > 100


def test_a_context_may_have_a_name() -> None:
    source = 'from django.utils.translation import pgettext\nwhat = "looked for"\npgettext(what, "visits")'

    assert list(messages_in_python(source, origin="x.py")) == [Message("visits", context="looked for")]


def test_a_name_with_two_values_is_no_context() -> None:
    source = 'from django.utils.translation import pgettext\nfor what in "ab":\n    pgettext(what, "visits")'

    with pytest.raises(CatalogueError):
        list(messages_in_python(source, origin="x.py"))
