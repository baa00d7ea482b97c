"""The site's words and pieces for templates: ``{% load festival %}``.

Words     ``{{ at|hour }} {{ at|big_hour }} {{ day|day }} {{ day|short_day }} {{ at|moment }} {{ n|number }}
          {{ ratio|percent }} {{ minutes|duration }} {{ at|since:now }} {{ n|ordinal }} {{ text|markdown }}
          {{ slot|times }} {{ activity|lang_of:"title" }} {{ reference|unbroken }} {{ entry.verb|happened }}``
Doors     ``{% door slot %} {% places slot %} {% read_door slot as door %} {{ host|paint }}``
Pieces    ``{% icon "oui" %} {% icon "lieu" label=_("Venue") %} {% access codes %} {% walk here there to %}
          {% field form.email %} {% form_errors form %} {% nav_link url label %} {% fonts %}
          {% follow_form host.name hote=host.slug %} {% mail_trouble as mail %}``

A day, a time or a moment is taken as it is on the wall: give ``slot.local_start``, not ``slot.starts_at``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from functools import cache
from typing import Any
from urllib.parse import urlencode

import nh3
from django import template
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.forms import BaseForm, BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

from events import wording
from events.clock import on_the_wall
from events.doors import Door
from events.doors import read_door as door_of
from events.mail.follow_facts import say_words
from events.mail.watch import MailHealth, how_mail_does
from events.models import Announced, Equipment
from events.typography import set_in_french

register = template.Library()

ACCESS_LABELS = {
    "mi": gettext_lazy("Accessible in a wheelchair"),
    "hi": gettext_lazy("Accessible to deaf or hard-of-hearing people"),
    "vi": gettext_lazy("Accessible to blind or partially sighted people"),
    "pi": gettext_lazy("Suited to psychic disability"),
    "ii": gettext_lazy("Suited to intellectual disability"),
}
HAPPENED = {
    "submitted": pgettext_lazy("journal", "submitted"),
    "taken_back": pgettext_lazy("journal", "taken back"),
    "reopened": pgettext_lazy("journal", "taken up again"),
    "accepted": pgettext_lazy("journal", "published"),
    "announced": pgettext_lazy("journal", "said to visitors"),
    "changes_requested": pgettext_lazy("journal", "changes requested"),
    "rejected": pgettext_lazy("journal", "rejected"),
    "cancelled": pgettext_lazy("journal", "cancelled"),
    "edited": pgettext_lazy("journal", "texts changed"),
    "slots_added": pgettext_lazy("journal", "times added"),
    "withdraw_slot": pgettext_lazy("journal", "slot withdrawn"),
    "restore_slot": pgettext_lazy("journal", "slot takes place after all"),
    "change_capacity": pgettext_lazy("journal", "number of places changed"),
    "set_pools": pgettext_lazy("journal", "reserved places changed"),
    "change_overbook": pgettext_lazy("journal", "overbooking changed"),
    "announce_opening": pgettext_lazy("journal", "opening announced"),
    "drop_opening": pgettext_lazy("journal", "opening taken back"),
    "change_rules": pgettext_lazy("journal", "rules changed"),
    "change_wording": pgettext_lazy("journal", "words of a mail changed"),
    "moved": pgettext_lazy("journal", "slot moved"),
    "placed": pgettext_lazy("journal", "put into a room"),
    "swapped": pgettext_lazy("journal", "put into a room"),
    "people": pgettext_lazy("journal", "people who receive chosen"),
    "unplaced": pgettext_lazy("journal", "taken out of its room"),
    "room_asked": pgettext_lazy("journal", "room asked for"),
    "room_accepted": pgettext_lazy("journal", "room granted"),
    "room_refused": pgettext_lazy("journal", "room refused"),
    "room_withdrawn": pgettext_lazy("journal", "request for a room withdrawn"),
    "venue_verified": pgettext_lazy("journal", "venue verified"),
    "venue_unverified": pgettext_lazy("journal", "verification of the venue taken back"),
    "venue_changed": pgettext_lazy("journal", "verified venue changed, to be verified again"),
    "venues_merged": pgettext_lazy("journal", "venues made one"),
}
RESERVES = {
    "access": pgettext_lazy("reserve, before a number", "adapted access"),
    "group": pgettext_lazy("reserve, before a number", "groups"),
    "walk_in": pgettext_lazy("reserve, before a number", "at the door"),
    "later": pgettext_lazy("reserve, before a number", "second wave"),
}
FACES = (
    (
        "Bricolage Grotesque Variable",
        "fonts/bricolage-grotesque/files/bricolage-grotesque-latin-opsz-normal.woff2",
        "200 800",
    ),
    (
        "Instrument Sans Variable",
        "fonts/instrument-sans/files/instrument-sans-latin-wght-normal.woff2",
        "400 700",
    ),
)
WIDE = "(min-width: 48rem)"

# Words -----------------------------------------------------------------------------------------------------


@register.filter
def hour(at: dt.datetime | dt.time | None) -> str:
    """« 14 h 30 »."""
    return wording.say_time(at) if at else ""


@register.filter
def big_hour(at: dt.datetime | dt.time | None) -> str:
    """The numerals of the gutter: « 14 <i>h</i> »."""
    return wording.hour_html(at) if at else ""


@register.filter
def times(slot: Any) -> SafeString | str:
    """« 14 h – 14 h 45 » in a ``time`` element, on the clock of the slot's territory."""
    if not slot:
        return ""
    start, end = slot.local_start, slot.local_end
    said = wording.say_times(start, end)
    return format_html(
        '<time datetime="{}">{}</time>', start.isoformat(timespec="minutes"), wording.raise_ordinals(said)
    )


@register.filter
def times_text(slot: Any) -> str:
    """The same without markup: names of controls, titles, mails."""
    return wording.say_times(slot.local_start, slot.local_end) if slot else ""


@register.filter
def day(at: dt.date | None, how: str = "") -> SafeString | str:
    """« jeudi 10 juin » with « 1er » raised. ``how``: words among ``year noweekday nomonth cap``."""
    return wording.raise_ordinals(_say_day(at, how)) if at else ""


@register.filter
def day_text(at: dt.date | None, how: str = "") -> str:
    """The same as plain text."""
    return _say_day(at, how) if at else ""


def _say_day(at: dt.date, how: str) -> str:
    asked = how.split()
    date = at.date() if isinstance(at, dt.datetime) else at
    said = wording.say_day(
        date, weekday="noweekday" not in asked, month="nomonth" not in asked, year="year" in asked
    )
    return wording.with_capital(said) if "cap" in asked else said


@register.filter
def short_day(at: dt.date | None) -> SafeString | str:
    """« jeu. 10 »."""
    return wording.raise_ordinals(wording.say_short_day(at)) if at else ""


@register.filter
def moment(at: dt.datetime | None, how: str = "") -> SafeString | str:
    """« 7 juin à 12 h ». ``how``: words among ``weekday year``."""
    if not at:
        return ""
    return wording.raise_ordinals(wording.say_moment(at, weekday="weekday" in how, year="year" in how))


@register.simple_tag
def when(at: dt.datetime, zone: str = "") -> SafeString:
    """« hier à 17 h 20 »: a past or coming instant, on the clock of ``zone`` (the site's by default)."""
    wall = zone or timezone.get_current_timezone_name()
    today = on_the_wall(timezone.now(), wall).date()
    return wording.raise_ordinals(wording.say_when(on_the_wall(at, wall), today))


@register.simple_tag
def mail_trouble() -> MailHealth | None:
    """How mail does, where it is held up; None while it flows."""
    mail = how_mail_does(timezone.now())
    return mail if mail.is_held_up else None


@register.simple_tag
def span(start: dt.datetime, end: dt.datetime) -> SafeString:
    """« jeudi 10 juin, 19 h – 19 h 45 »; both on the wall."""
    return wording.raise_ordinals(wording.say_span(start, end))


@register.simple_tag
def days(first: dt.date, last: dt.date, year: bool = True) -> SafeString:
    """« 10, 11 et 12 juin 2027 », « du 4 au 28 juin 2014 »."""
    return wording.raise_ordinals(wording.say_day_range(first, last, year=year))


@register.filter
def number(value: int | float | None, decimals: int = 0) -> str:
    """« 1 240 »."""
    return "" if value is None else wording.say_number(value, decimals=decimals)


@register.filter
def percent(ratio: float | None) -> str:
    """« 82 % » for 0.82."""
    return "" if ratio is None else wording.say_percent(ratio)


@register.filter
def since(at: dt.datetime, now: dt.datetime) -> str:
    """« 1 jour », « 3 heures »: how long ago, in its largest unit alone."""
    return timesince(at, now, depth=1)


@register.filter
def duration(minutes: int | dt.timedelta | None) -> str:
    """« 2 h 15 »."""
    if minutes is None:
        return ""
    return wording.say_duration(
        int(minutes.total_seconds() // 60) if isinstance(minutes, dt.timedelta) else minutes
    )


@register.filter
def ordinal(value: int | None) -> SafeString | str:
    """« 2<sup>e</sup> »."""
    return "" if value is None else wording.raise_ordinals(wording.say_ordinal(value))


@register.filter
def distance(metres: float | None) -> str:
    return "" if metres is None else wording.say_distance(metres)


@register.filter
def in_words(items: Iterable[object] | None) -> str:
    """« une, deux et trois »."""
    return wording.say_list(items or ())


@register.filter
def equipment(codes: Iterable[str]) -> str:
    """« Écran ou projecteur, tables »: what a room has, by its codes."""
    labels = dict(Equipment.choices)
    return ", ".join(str(labels.get(code, code)) for code in codes)


@register.filter
def happened(verb: str) -> str:
    """« soumise », « publiée »: what an entry of the journal says happened."""
    return str(HAPPENED.get(verb, verb))


@register.filter
def happened_how(entry: Any, zone: str) -> str:
    """What an entry of the journal adds: « accès adapté 2 → accès adapté 2, groupes 5 (9 juin à 18 h) »."""
    if entry.verb == "announced":
        return str(dict(Announced.choices).get(entry.text, _("as planned")))
    if entry.verb != "set_pools":
        return str(entry.text)
    halves = (half.strip() for half in entry.text.split("→"))
    return " → ".join(_say_reserves(half, zone) for half in halves)


def _say_reserves(text: str, zone: str) -> str:
    """« access 2, later 5 2027-06-09T16:00Z », as the rule writes it, in words."""
    said = []
    for part in text.split(", ") if text else []:
        kind, places, *release = part.split(" ")
        words = f"{RESERVES.get(kind, kind)} {places}"
        if release:
            at = on_the_wall(dt.datetime.fromisoformat(release[0]), zone)
            words += f" ({wording.say_moment(at)})"
        said.append(words)
    return ", ".join(said) or str(pgettext_lazy("reserves", "none"))


@register.filter
def typo(text: object) -> str:
    """A sentence from elsewhere with the spaces and apostrophes of French, when the page is French."""
    return set_in_french(str(text)) if wording.language() == "fr" else str(text)


@register.filter
def unbroken(text: object) -> SafeString:
    """A reference that no line end parts at its hyphen, for use within a sentence."""
    return format_html('<span class="nb">{}</span>', text)


@register.filter
def lang_of(thing: Any, text: str) -> SafeString:
    """`` lang="fr"`` for the opening tag of a text that has no English on an English page, else nothing.

    Screen readers take their voice from it (WCAG 2.2, 3.1.2). ``text`` names one of those kept in both
    languages: ``<h1{{ activity|lang_of:"title" }}>{{ activity.title }}</h1>``.
    """
    is_foreign = wording.language() == "en" and not getattr(thing, f"{text}_en", "")
    return mark_safe(' lang="fr"' if is_foreign else "")


@register.filter
def lang_it_seems(text: str) -> SafeString:
    """`` lang="fr"`` on an English page for words of elsewhere whose language nobody has noted, where they
    look French: a title of the press.
    """
    is_foreign = wording.language() == "en" and len(_FRENCH_WORDS.findall(text)) >= 2
    return mark_safe(' lang="fr"' if is_foreign else "")


_FRENCH_WORDS = re.compile(
    r"\b(?:les?|la|des?|du|une?|et|aux?|dans|pour|sur|sous|en|qui|son|leurs?|se)\b|[éèàçêô]"
)


def _reader(*, french: bool) -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "breaks": True, "typographer": False}).disable(
        ["image", "heading", "lheading", "html_block", "html_inline"]
    )
    if french:
        reader.core.ruler.push("french", _set_in_french)
    return reader


def _set_in_french(state: StateCore) -> None:
    """The words of a text, not its code nor the addresses it shows."""
    for block in state.tokens:
        bare = False
        for piece in block.children or ():
            if piece.type in ("link_open", "link_close"):
                bare = piece.type == "link_open" and piece.markup == "autolink"
            elif piece.type == "text" and not bare:
                piece.content = set_in_french(piece.content)


_markdown = {lang: _reader(french=lang == "fr") for lang in ("fr", "en")}


@register.filter
def markdown(text: str | None) -> SafeString:
    """What the public typed, as safe HTML: paragraphs, lists, emphasis, links that vouch for nothing."""
    html = _markdown[wording.language()].render(text or "")
    clean = nh3.clean(
        html,
        tags={"p", "br", "em", "strong", "ul", "ol", "li", "a", "blockquote", "code", "pre", "hr"},
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="nofollow noopener ugc",
    )
    return mark_safe(clean)


# Doors -----------------------------------------------------------------------------------------------------


def _now(context: Context) -> dt.datetime:
    now = context.get("now")
    return now if isinstance(now, dt.datetime) else timezone.now()


@register.simple_tag(takes_context=True)
def read_door(context: Context, slot: Any) -> Door:
    """``{% read_door slot as door %}``, then ``door.words``; reads the page's ``now``."""
    return door_of(slot, now=_now(context))


@register.simple_tag(takes_context=True)
def door(context: Context, slot: Any, size: str = "", host: Any = None) -> SafeString:
    """The drawing of a slot's door in its host's paint. ``size``: ``s``, or a class such as ``act__door``."""
    owner = host if host is not None else slot.activity.host
    classes = " ".join(part for part in ("door", paint(owner), "door--s" if size == "s" else size) if part)
    return drawing(door_of(slot, now=_now(context)).symbol, classes)


@register.simple_tag
def drawing(symbol: str, classes: str = "door") -> SafeString:
    """A door by the name of its drawing, with no words of its own: put some beside it."""
    return format_html(
        '<svg class="{}" viewBox="0 0 60 72" aria-hidden="true"><use href="#{}"/></svg>', classes, symbol
    )


@register.simple_tag(takes_context=True)
def places(context: Context, slot: Any, tag: str = "p") -> SafeString:
    """« 12 places » and below it « sur 15 », as the list shows them."""
    at = door_of(slot, now=_now(context))
    note = format_html("<small>{}</small>", wording.raise_ordinals(at.note)) if at.note else ""
    return format_html(
        '<{} class="places"><span>{}{}</span></{}>',
        mark_safe(tag),
        wording.raise_ordinals(at.main),
        note,
        mark_safe(tag),
    )


@register.filter
def places_words(slot: Any) -> SafeString | str:
    """« Complet, 4 en attente » in one line."""
    return wording.raise_ordinals(door_of(slot, now=timezone.now()).words) if slot else ""


@register.filter
def paint(host: Any) -> str:
    """The class of a host's colour, by a stable rule: ``paint-wagon``."""
    return f"paint-{host.paint}" if host is not None and getattr(host, "pk", None) else "paint-ardoise"


# Pieces ----------------------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A line icon. Beside words it is silent; alone it needs a ``label``."""
    symbol = name if name.startswith(("i-", "a-")) else f"i-{name}"
    if label:
        return format_html('<svg class="i" role="img" aria-label="{}"><use href="#{}"/></svg>', label, symbol)
    return format_html('<svg class="i" aria-hidden="true"><use href="#{}"/></svg>', symbol)


@register.simple_tag
def access(codes: Iterable[str] | None) -> SafeString:
    """The access icons of a visit, each with its name: ``mi hi vi pi ii``. Unknown codes are left out."""
    known = [code for code in ACCESS_LABELS if code in set(codes or ())]
    return format_html_join(
        "",
        '<svg class="i" role="img" aria-label="{}"><use href="#a-{}"/></svg>',
        ((ACCESS_LABELS[c], c) for c in known),
    )


@register.filter
def access_label(code: str) -> str:
    return str(ACCESS_LABELS.get(code, code))


@register.simple_tag
def walk(here: Any, there: Any) -> str:
    """« 16 min à pied » between two things with ``latitude`` and ``longitude``; else nothing."""
    return wording.say_walk(_position(here), _position(there))


def _position(thing: Any) -> wording.Position | None:
    if thing is None:
        return None
    if isinstance(thing, (tuple, list)):
        return (float(thing[0]), float(thing[1]))
    lat, lon = getattr(thing, "latitude", None), getattr(thing, "longitude", None)
    return None if lat is None or lon is None else (float(lat), float(lon))


@register.inclusion_tag("components/_field.html")
def field(
    bound: BoundField, label: str = "", help: str = "", short: bool = False, placeholder: str = ""
) -> dict[str, Any]:
    """A form field as the design draws it: label, help, error, control, in that order.

    ``label`` and ``help`` replace the form's; ``short`` is for numbers and codes.
    """
    widget = bound.field.widget
    is_group = isinstance(widget, (RadioSelect, CheckboxSelectMultiple))
    is_check = isinstance(widget, CheckboxInput) and not is_group
    hint = help.strip() if help else bound.help_text  # a blank help takes the form's away
    base = bound.auto_id or bound.html_name
    described = " ".join(
        part for part in (f"e-{base}" if bound.errors else "", f"h-{base}" if hint else "") if part
    )
    classes = [widget.attrs.get("class", "")]
    if not is_check and not is_group:
        classes.append("input")
    kind = getattr(widget, "input_type", "")
    if short or kind == "number":
        classes.append("input--short")
    attrs: dict[str, Any] = {"class": " ".join(c for c in classes if c)} if any(classes) else {}
    # Django adds ids of its own help and errors; ours name the parts as this template draws them.
    if described:
        attrs["aria-describedby"] = described
    if placeholder:
        attrs["placeholder"] = placeholder
    elif _letters(widget.attrs.get("placeholder")) in (_letters(bound.label), _letters(label)):
        widget.attrs.pop("placeholder", None)  # a label said twice helps nobody
    return {
        "field": bound,
        "control": None if is_group else bound.as_widget(attrs=attrs),
        "label": label or bound.label,
        "help": hint,
        "base": base,
        "described": described,
        "is_group": is_group,
        "is_check": is_check,
        "is_optional": not bound.field.required and not is_check,
    }


def _letters(text: object) -> str:
    return "".join(sign for sign in str(text or "").casefold() if sign.isalnum())


@register.inclusion_tag("components/_form_errors.html")
def form_errors(*forms: BaseForm) -> dict[str, Any]:
    """The notice that opens a refused form: how many points, each a link to its field."""
    points: list[tuple[str, str, str]] = []
    for form in forms:
        if form is None or not form.is_bound:
            continue
        for bound in form.visible_fields():
            target = bound.id_for_label or bound.auto_id
            points += [(target, str(bound.label or ""), str(error)) for error in bound.errors]
        points += [("", "", str(error)) for error in form.non_field_errors()]
        points += [("", "", str(error)) for hidden in form.hidden_fields() for error in hidden.errors]
    title = (
        ngettext("%(number)s point to correct", "%(number)s points to correct", len(points))
        % {"number": _spelled(len(points))}
        if points
        else ""
    )
    return {"points": points, "title": wording.with_capital(title)}


def _spelled(number: int) -> str:
    words = {1: _("one"), 2: _("two"), 3: _("three"), 4: _("four"), 5: _("five")}
    return words.get(number, str(number))


@register.simple_tag(takes_context=True)
def nav_link(context: Context, url: str, label: str, exact: bool = False) -> SafeString:
    """A ``li`` of a navigation, marked when the page is there or below (``exact``: only there)."""
    path = context["request"].path if "request" in context else ""
    here = path == url or (not exact and url != "/" and path.startswith(url))
    current = mark_safe(' aria-current="page"') if here else ""
    return format_html('<li><a href="{}"{}>{}</a></li>', url, current, label)


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """The page's query string with some parameters changed; ``None`` or empty takes one out."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            parameters.pop(name, None)
        else:
            parameters[name] = str(value)
    return f"?{parameters.urlencode()}"


@register.inclusion_tag("components/_follow.html", takes_context=True)
def follow_form(context: Context, what: str = "", **parts: str) -> dict[str, Any]:
    """The field by which one follows: ``hote``, ``visite``, ``ville`` or ``thematique`` (or these two
    together) say what, ``what`` names it. The address itself goes nowhere but into the mail that asks.
    """
    asked = urlencode({name: value for name, value in parts.items() if value})
    page = context["request"].path if "request" in context else ""
    return {"what": what, "words": say_words(), "action": f"{reverse('events:follow')}?{asked}", "page": page}


@register.simple_tag(takes_context=True)
def fonts(context: Context) -> SafeString:
    """The two faces, where the front-end packages are installed; else the system's serve.

    A wide screen reads them first. On a telephone they would hold up the style they wait for: it paints with
    the system's face and changes.
    """
    addresses = [(family, static(path), weight) for family, path, weight in FACES if is_served(path)]
    # str(): the middleware's nonce is lazy, and false until it has been written once.
    nonce = str(getattr(context.get("request"), "csp_nonce", ""))
    if not nonce or not addresses:
        return mark_safe("")
    preloads = format_html_join(
        "\n",
        '<link rel="preload" href="{}" as="font" type="font/woff2" media="{}" crossorigin>',
        ((url, WIDE) for _family, url, _weight in addresses),
    )
    faces = "".join(
        f'@font-face{{font-family:"{family}";src:url("{url}") format("woff2");'
        f"font-weight:{weight};font-display:swap}}"
        for family, url, weight in addresses
    )
    return format_html('{}\n<style nonce="{}">{}</style>', preloads, nonce, mark_safe(faces))


@cache
def is_served(path: str) -> bool:
    hashed: dict[str, str] = getattr(staticfiles_storage, "hashed_files", {})
    return path in hashed or finders.find(path) is not None
