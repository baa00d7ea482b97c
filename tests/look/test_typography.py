"""French as it is printed, and what must not be touched on the way there."""

from __future__ import annotations

import re

import pytest
from django.template import Context, Template
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from events.models import Activity, Host
from events.templatetags.festival.words import markdown
from events.typography import set_in_french

pytestmark = pytest.mark.once

NB = "\u00a0"


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("Complet : attendre ? « L'atelier » à 14:30 !", "Complet~: attendre~? «~L’atelier~» à 14:30~!"),
        ("Vraiment? Non; voici: tout, (oui?)", "Vraiment~? Non~; voici~: tout, (oui~?)"),
        ("venez! Yahoo! et Doctolib!", "venez~! Yahoo! et Doctolib!"),
        ("«robots» et « drones »", "«~robots~» et «~drones~»"),
        ("de 9h à 14h30, 9h-18h, 24h/24", "de 9~h à 14~h~30, 9~h-18~h, 24~h/24"),
        ("de 9 h à 14 h 30", "de 9~h à 14~h~30"),
        ("1 240 places, 12 000 000 €, 82 %", "1~240 places, 12~000~000~€, 82~%"),
        ("45 min, 3,5 km, 2 m", "45~min, 3,5~km, 2~m"),
        ("le 10 juin et le 1er juillet", "le 10~juin et le 1er~juillet"),
        ("n° 3 ... l'IA d'aujourd'hui", "n°~3 … l’IA d’aujourd’hui"),
        # as it was
        ("05 61 22 33 44, en 2027 100 portes", "05 61 22 33 44, en 2027 100 portes"),
        ("https://a.example/?q='x'&y=1;z !", "https://a.example/?q='x'&y=1;z~!"),
        ("a.example/l'été?x=1 et o'brien@a.example", "a.example/l'été?x=1 et o'brien@a.example"),
        ("`x = 'a' ; b ? c`", "`x = 'a' ; b ? c`"),
        ("Fish &amp; chips &quot;x&quot; &#39;y&#39;", "Fish &amp; chips &quot;x&quot; &#39;y&#39;"),
        ("10:30:00, a::b, H2O, 2h3", "10:30:00, a::b, H2O, 2h3"),
        ("", ""),
    ],
)
def test_french_is_set_as_it_is_printed(typed: str, printed: str) -> None:
    assert set_in_french(typed) == printed.replace("~", NB)


@given(st.text(alphabet=" \u00a0'«»:;!?.,%€0123456789hamilnéÀ/@`&\n", max_size=60))
def test_set_twice_is_set_once_and_no_word_is_lost(text: str) -> None:
    once = set_in_french(text)
    assert set_in_french(once) == once
    spaces = re.compile(r"[ \u00a0\u202f]")
    plain = text.replace("...", "…").replace("'", "’")
    assert spaces.sub("", once).replace("'", "’").replace("...", "…") == spaces.sub("", plain)


def test_a_text_keeps_its_code_its_addresses_and_its_escapes() -> None:
    html = markdown(
        "L'équipe <b> & vous : *c'est* 14h30 !\n\n`d'un ; x`\n\n    l'un : code\n\n"
        "[l'adresse ?](https://a.example/l'un?x=1;y) <https://a.example/l'autre>"
    )
    assert (
        f"L’équipe &lt;b&gt; &amp; vous{NB}: <em>c’est</em> 14{NB}h{NB}30{NB}!".replace(NB, "&nbsp;") in html
    )
    assert "<code>d'un ; x</code>" in html
    assert "l'un : code" in html
    assert 'href="https://a.example/l\'un?x=1;y"' in html
    assert ">l’adresse&nbsp;?</a>" in html
    assert ">https://a.example/l'autre</a>" in html


def test_an_english_page_keeps_its_english() -> None:
    with translation.override("en"):
        assert "Why? It's here: 14h30" in markdown("Why? It's here: 14h30")
        activity = Activity(title_fr="L'atelier : le robot", title_en="The robot's workshop: come!")
        assert activity.title == "The robot's workshop: come!"
        activity.title_en = ""
        assert activity.title == f"L’atelier{NB}: le robot", "French wherever it stands"


def test_titles_are_printed_and_still_escaped() -> None:
    activity = Activity(title_fr="L'IA <b> : \"robot\" & l'IA", title_en="")
    host = Host(tagline_fr="L'IA : pour qui ?")
    assert host.tagline == f"L’IA{NB}: pour qui{NB}?"
    shown = Template("<p title='{{ a.title }}'>{{ a.title }}</p>").render(Context({"a": activity}))
    said = f"L’IA &lt;b&gt;{NB}: &quot;robot&quot; &amp; l’IA"
    assert shown == f"<p title='{said}'>{said}</p>"
