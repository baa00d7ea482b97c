"""The pieces that templates are made of."""

import datetime as dt
import re
from typing import Any

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils.translation import override

from events.models import Activity, Host
from tests.factories import HostFactory, SlotFactory

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("french")]


@pytest.fixture
def french() -> Any:
    with override("fr"):
        yield


def draw(source: str, **known: Any) -> str:
    return Template("{% load festival %}" + source).render(Context(known)).strip()


class BookingForm(forms.Form):
    email = forms.EmailField(label="Votre adresse e-mail", help_text="Pour votre billet.")
    party_size = forms.IntegerField(label="Nombre de places", min_value=1)
    name = forms.CharField(label="Un nom", required=False)
    needs = forms.MultipleChoiceField(
        label="Besoins", choices=[("mi", "Fauteuil"), ("hi", "J’entends mal")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )  # fmt: skip
    told = forms.BooleanField(label="Me prévenir", required=False)
    submission_id = forms.CharField(widget=forms.HiddenInput)


def test_a_field_is_label_help_error_control_in_that_order() -> None:
    form = BookingForm({"email": "camille@", "party_size": "1", "submission_id": "x"})
    html = draw("{% field form.email %}", form=form)
    places = [html.index(part) for part in ("<label", 'class="help"', 'class="error"', "<input")]
    assert places == sorted(places)
    assert 'aria-describedby="e-id_email h-id_email"' in html
    assert 'aria-invalid="true"' in html
    assert 'value="camille@"' in html
    assert 'id="e-id_email"' in html
    assert 'id="h-id_email"' in html


def test_a_field_without_error_names_its_help_alone() -> None:
    html = draw("{% field form.email %}", form=BookingForm())
    assert 'aria-describedby="h-id_email"' in html
    assert "aria-invalid" not in html
    assert 'class="input"' in html


def test_a_field_that_may_stay_empty_says_so() -> None:
    assert "(facultatif)" in draw("{% field form.name %}", form=BookingForm())
    assert "(facultatif)" not in draw("{% field form.email %}", form=BookingForm())


def test_a_number_is_short_and_a_choice_is_a_group() -> None:
    assert 'class="input input--short"' in draw("{% field form.party_size %}", form=BookingForm())
    group = draw("{% field form.needs %}", form=BookingForm())
    assert group.count('<div class="check">') == 2
    assert "<legend>Besoins" in group


def test_a_box_to_tick_stands_before_its_label() -> None:
    box = draw("{% field form.told %}", form=BookingForm())
    assert box.index("<input") < box.index("<label")
    assert 'class="check"' in box


def test_a_hidden_field_is_bare() -> None:
    assert draw("{% field form.submission_id %}", form=BookingForm()) == (
        '<input type="hidden" name="submission_id" id="id_submission_id">'
    )


def test_the_summary_of_a_refused_form_links_to_each_field() -> None:
    form = BookingForm({"email": "camille@", "party_size": "0", "submission_id": "x"})
    html = draw("{% form_errors form %}", form=form)
    assert re.findall(r'<a href="(#[^"]+)"', html) == ["#id_email", "#id_party_size"]
    assert "Deux points à revoir" in html
    assert 'role="alert"' in html


def test_a_form_without_fault_has_no_summary() -> None:
    form = BookingForm({"email": "camille@example.org", "party_size": "1", "submission_id": "x"})
    assert draw("{% form_errors form %}", form=form) == ""
    assert draw("{% form_errors form %}", form=BookingForm()) == ""


def test_a_form_drawn_whole_comes_out_in_the_design() -> None:
    html = BookingForm({"email": "", "party_size": "1", "submission_id": "x"}).as_div()
    assert 'class="field"' in html
    assert 'class="notice notice--bad"' in html
    assert "errorlist" not in html


def test_what_the_public_types_never_becomes_markup() -> None:
    html = draw(
        "{{ text|markdown }}",
        text="**Venez** <script>alert(1)</script> [voir](javascript:alert(1)) [site](https://example.org) "
        "![x](https://x.org/i.png)\n\n# Titre",
    )
    assert "<strong>Venez</strong>" in html
    assert "<script" not in html
    assert "javascript:" not in re.sub(r"\[voir\]\([^)]*\)", "", html)
    assert '<a href="https://example.org" rel="nofollow noopener ugc">site</a>' in html
    assert "<img" not in html
    assert "<h1" not in html


def test_lists_and_paragraphs_survive() -> None:
    assert draw("{{ text|markdown }}", text="un\n\n- deux\n- trois") == (
        "<p>un</p>\n<ul>\n<li>deux</li>\n<li>trois</li>\n</ul>"
    )


def test_an_icon_beside_words_is_silent_and_alone_has_a_name() -> None:
    assert draw('{% icon "oui" %}') == '<svg class="i" aria-hidden="true"><use href="#i-oui"/></svg>'
    assert draw('{% icon "lieu" label="Lieu" %}') == (
        '<svg class="i" role="img" aria-label="Lieu"><use href="#i-lieu"/></svg>'
    )


def test_the_access_icons_have_names_and_a_fixed_order() -> None:
    html = draw("{% access codes %}", codes=["hi", "mi", "xx"])
    assert re.findall(r'aria-label="([^"]+)"', html) == [
        "Accessible en fauteuil roulant",
        "Accessible aux personnes sourdes ou malentendantes",
    ]


def test_a_navigation_link_knows_where_the_page_is() -> None:
    request = RequestFactory().get("/hote/creneaux/12/")
    here = draw('{% nav_link "/hote/creneaux/" "Mes créneaux" %}', request=request)
    assert here == '<li><a href="/hote/creneaux/" aria-current="page">Mes créneaux</a></li>'
    assert "aria-current" not in draw('{% nav_link "/hote/textes/" "Mes textes" %}', request=request)
    assert "aria-current" not in draw('{% nav_link "/hote/" "Accueil" exact=True %}', request=request)


def test_a_query_string_is_changed_piece_by_piece() -> None:
    request = RequestFactory().get("/programme/?ville=lyon&jour=2027-06-10")
    assert draw('{% query jour=None acces="mi" %}', request=request) == "?ville=lyon&amp;acces=mi"


@pytest.mark.django_db
def test_a_slot_shows_its_time_where_it_happens() -> None:
    slot = SlotFactory.create(
        day=dt.date(2027, 6, 10), start_time=dt.time(14), timezone="Indian/Reunion", duration=45
    )
    assert draw("{{ slot|times }}", slot=slot) == (
        '<time datetime="2027-06-10T14:00+04:00">14\u00a0h – 14\u00a0h\u00a045</time>'
    )


def test_how_long_ago_is_said_in_the_largest_unit_alone() -> None:
    now = dt.datetime(2027, 5, 3, 8, tzinfo=dt.UTC)
    assert draw("{{ at|since:now }}", at=now - dt.timedelta(hours=41), now=now) == "1\u00a0jour"


@pytest.mark.parametrize(
    ("verb", "said"), [("submitted", "soumise"), ("swapped", "salle donnée"), ("grown", "grown")]
)
def test_what_happened_to_an_activity_is_followed_by_its_comma(verb: str, said: str) -> None:
    assert draw("{{ verb|happened }}, Camille", verb=verb) == f"{said}, Camille"


@pytest.mark.django_db
def test_a_door_wears_its_host_s_paint_and_has_words_beside_it() -> None:
    slot = SlotFactory.create(capacity=15)
    html = draw("{% door slot %}{% places slot %}", slot=slot, now=dt.datetime(2027, 5, 1, tzinfo=dt.UTC))
    assert f'class="door paint-{slot.activity.host.paint}"' in html
    assert '<use href="#porte-ouverte"/>' in html
    assert '<p class="places"><span>15\u00a0places<small>sur 15</small></span></p>' in html


@pytest.mark.parametrize(
    ("page", "english", "said"),
    [("fr", "", ""), ("fr", "The yard", ""), ("en", "", ' lang="fr"'), ("en", "The yard", "")],
)
def test_a_text_says_its_language_where_it_is_not_the_pages(page: str, english: str, said: str) -> None:
    activity = Activity(title_fr="La cour", title_en=english)
    with override(page):
        assert draw('<b{{ activity|lang_of:"title" }}>', activity=activity) == f"<b{said}>"


@pytest.mark.django_db
def test_six_hosts_in_a_row_have_six_paints() -> None:
    territory = HostFactory.create().territory
    hosts = [HostFactory.create(territory=territory) for _ in range(6)]
    assert len({draw("{{ host|paint }}", host=host) for host in hosts}) == 6
    again = Host.objects.get(pk=hosts[0].pk)
    assert draw("{{ host|paint }}", host=again) == draw("{{ host|paint }}", host=hosts[0])


def test_a_placeholder_that_repeats_the_label_is_dropped_and_another_stays() -> None:
    class Form(forms.Form):
        email = forms.EmailField(label="E-mail", widget=forms.TextInput({"placeholder": "Email"}))
        web = forms.CharField(label="Site", widget=forms.TextInput({"placeholder": "https://"}))

    assert "placeholder" not in draw("{% field form.email %}", form=Form())
    assert 'placeholder="https://"' in draw("{% field form.web %}", form=Form())
