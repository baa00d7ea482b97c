"""Pages of the rush, drawn once a second for everybody: the booking form, « full », the receipt.

A page drawn for one reader is kept for a moment with holes where it is theirs: the CSRF token, the nonce of
the content policy, the submission, what was typed, the address of the page. The next reader without a session
gets the same page with their own values in the holes. What else could differ between two readers must be part
of the key, or the page is not kept.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import re_accepts_gzip
from django.utils.cache import patch_vary_headers
from django.utils.html import escape
from django.utils.translation import get_language

from events.views import packed, page_shelf
from events.views.form_token import form_token

GOOD, GONE, OLD = 1.6, 2, 10
"""Times ``QUICK_PAGE_SECONDS``."""

MOST_PAGES, MOST_THINGS = 1_000, 2_000
MOST_TYPED = 200
"""Letters of what else was sent, beyond which an answer is not worth a place here."""

TYPED = ("email", "name")
NOT_IN_KEY = {"csrfmiddlewaretoken", "submission_id", *TYPED}
HIDDEN = {"csrfmiddlewaretoken", "submission_id", "next", "wait"}
"""Hidden inputs known to be the same for all, or to be a hole."""

HIDDEN_INPUT = re.compile(r'type="hidden" name="([^"]+)"')
RANDOM = {
    "csrf": re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"'),
    "nonce": re.compile(r'nonce="([^"]+)"'),
    "submission": re.compile(r'name="submission_id" value="([^"]+)"'),
}

Own = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mark:
    """What a page says that changes. A page is drawn again when its ``shape`` does; ``words`` are pieces of
    HTML, each once on the page, that are put in anew without that, by the name of their hole.
    """

    shape: Hashable
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asks:
    """A page that anybody may read with any question in its address; the address is part of its key.

    ``hidden``: names of its hidden inputs, whose values follow from the address. ``cookies``: those that only
    the browser's own scripts read, so that the page is the same with them and without.
    """

    hidden: frozenset[str] = frozenset()
    cookies: frozenset[str] = frozenset()


MOST_ASKED = 300
"""Letters of a question beyond which its answer is not worth a place here."""
MOST_ANSWERS = 300
"""Pages kept, beyond which no further answer to a question is: a crowd of questions does not drive out the
pages of the rush."""


@dataclass(slots=True)
class _Page:
    """``parts`` alternate: text, name of a hole, text, …, text."""

    parts: list[bytes | str]
    status: int
    headers: dict[str, str]
    good_until: float
    """Monotonic seconds. After that one reader looks at it again while the others still get it."""
    gone_after: float
    old_after: float
    """Drawn again from then on, whatever its mark says."""
    mark: Mark | None
    packed: list[bytes | str] | None = None
    """``parts`` with their texts deflated, once somebody takes the page compressed."""


_pages: Final[dict[Hashable, _Page]] = {}
_things: Final[dict[Hashable, tuple[float, Any]]] = {}
T = TypeVar("T")


def quick(
    request: HttpRequest,
    key: tuple[Hashable, ...],
    draw: Callable[[], HttpResponse],
    own: Own | None = None,
    *,
    mark: Callable[[], Mark | None] = lambda: None,
    longer: int = 1,
    asks: Asks | None = None,
) -> HttpResponse:
    """The page as ``draw`` draws it, or as it drew it a moment ago for somebody else.

    ``key`` names the page and all it shows besides: view, slot, numbers. ``own`` are further values that
    belong to this reader, by the name of their hole; each must stand on the page once. A page lasts twice
    ``QUICK_PAGE_SECONDS``, ``longer`` times as long where that does no harm and its mark is known: what the
    clock alone changes, such as an opening, is never kept longer.

    ``mark`` reads, more cheaply than the page is drawn, what it says that changes: while its shape stays the
    same (and it is not None) the page is good again with its words, up to ten times as long.

    ``asks``: for pages that are read with a question in their address.
    """
    lasts = settings.QUICK_PAGE_SECONDS
    if not lasts or not _is_anybody(request, asks):
        return draw()
    whole = (*key, request.get_host(), request.scheme, get_language(), *_sent(request))
    if asks:
        whole = (*whole, request.META.get("QUERY_STRING", ""))
    now = time.monotonic()
    page = _pages.get(whole)
    if page is not None and now < page.good_until:
        return _fill(request, page, own or {})
    if page is not None:
        page.good_until = page.gone_after  # this reader looks again, nobody else does
    marked = mark()
    if marked is not None:
        lasts *= longer
    if page and page.mark and marked and page.mark.shape == marked.shape and now < page.old_after:
        page.mark, page.good_until, page.gone_after = marked, now + GOOD * lasts, now + GONE * lasts
        return _fill(request, page, own or {})
    if marked and (found := page_shelf.take(whole, marked.shape, not_older=GONE * lasts)):
        _keep(whole, found, marked, lasts, now)
        return _fill(request, _pages[whole], own or {})
    response = draw()
    if asks and request.META.get("QUERY_STRING") and not _has_room(now):
        return response
    if parts := _cut(request, response, own or {}, marked, asks):
        drawn = page_shelf.Drawn(response.status_code, dict(response.headers), parts)
        _keep(whole, drawn, marked, lasts, now)
        if marked:
            page_shelf.put(whole, marked.shape, drawn)
    return response


def _keep(whole: Hashable, drawn: page_shelf.Drawn, mark: Mark | None, lasts: float, now: float) -> None:
    if len(_pages) >= MOST_PAGES:
        _forget(_pages, [key for key, page in list(_pages.items()) if page.old_after < now])
    times = (now + GOOD * lasts, now + GONE * lasts, now + OLD * lasts)
    _pages[whole] = _Page(drawn.parts, drawn.status, drawn.headers, *times, mark=mark)


def _has_room(now: float) -> bool:
    if len(_pages) >= MOST_ANSWERS:
        for key in [key for key, page in list(_pages.items()) if page.old_after < now]:
            _pages.pop(key, None)
    return len(_pages) < MOST_ANSWERS


def remember(key: Hashable, make: Callable[[], T], *, times: int = OLD) -> T:
    """What many pages show alike and nobody's own, kept so many times ``QUICK_PAGE_SECONDS``. Never change
    it.
    """
    now = time.monotonic()
    gone_after, thing = _things.get(key, (now, None))
    if now < gone_after:
        return cast(T, thing)
    made = make()
    if lasts := times * settings.QUICK_PAGE_SECONDS:
        if len(_things) >= MOST_THINGS:
            _forget(_things, [old for old, (gone, _thing) in list(_things.items()) if gone < now])
        _things[key] = (now + lasts, made)
    return made


def _forget(kept: dict[Hashable, Any], old: list[Hashable]) -> None:
    """Make room: what is old goes, and where nothing is, all of it; the dearest pages come back first."""
    for key in old:
        kept.pop(key, None)
    if not old:
        kept.clear()


def _is_anybody(request: HttpRequest, asks: Asks | None) -> bool:
    """Nothing in the request says who it is, and no part of a page is asked for."""
    known = {settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME, *(asks.cookies if asks else ())}
    question = request.META.get("QUERY_STRING", "")
    if not known.issuperset(request.COOKIES) or len(question) > (MOST_ASKED if asks else 0):
        return False
    if request.method == "POST":
        return sum(map(len, _sent(request))) <= MOST_TYPED
    return asks is not None or "HTTP_HX_REQUEST" not in request.META


def _sent(request: HttpRequest) -> Iterator[str]:
    """What was sent beyond the holes, in order."""
    if request.method == "POST":
        for name in sorted(request.POST.keys() - NOT_IN_KEY):
            yield from (name, *request.POST.getlist(name))
        yield from (name for name in TYPED if request.POST.get(name))


def _cut(
    request: HttpRequest, response: HttpResponse, own: Own, mark: Mark | None, asks: Asks | None = None
) -> list[bytes | str] | None:
    """The page with its holes; none where it holds anything that may belong to its first reader, nor where
    it has changed since its mark was read.
    """
    text = response.content.decode()
    if response.cookies or set(HIDDEN_INPUT.findall(text)) - HIDDEN - (asks.hidden if asks else frozenset()):
        return None
    # The address of a page with a question is in its key, and would be found in every link that asks further.
    values: dict[str, str] = {} if asks else {"path": escape(request.get_full_path())}
    for name, pattern in RANDOM.items():
        found = set(pattern.findall(text))
        if len(found) > 1:
            return None
        if found:
            values[name] = found.pop()
    for name, value in own.items():
        if text.count(escape(value)) != 1:
            return None
        values[name] = escape(value)
    for name, html in mark.words.items() if mark else ():
        if text.count(html) != 1:
            return None
        values[name] = html
    holes = [hole for name, value in values.items() for hole in _found(text, name, value)]
    if request.method == "POST":
        for name in TYPED:
            if typed := request.POST.get(name):
                before, value = f'name="{name}" value="', escape(typed)
                field = f'{before}{value}"'
                if text.count(field) != 1 or text.count(value) != 1:
                    return None
                begin = text.index(field) + len(before)
                holes.append((begin, begin + len(value), name))
    parts: list[bytes | str] = []
    at = 0
    for begin, end, name in sorted(holes, key=lambda hole: (hole[0], -hole[1])):
        if end <= at:
            continue  # within the one before
        if begin < at:
            return None
        parts += [text[at:begin].encode(), name]
        at = end
    parts.append(text[at:].encode())
    return parts


def _found(text: str, name: str, value: str) -> Iterator[tuple[int, int, str]]:
    """Where on the page the value of a hole stands: begin, end, name."""
    at = text.find(value)
    while at >= 0:
        yield at, at + len(value), name
        at = text.find(value, at + len(value))


def _fill(request: HttpRequest, page: _Page, own: Own) -> HttpResponse:
    values: dict[str, str] = {name: escape(value) for name, value in own.items()}
    values["path"] = escape(request.get_full_path())
    values["csrf"] = form_token(request) if "csrf" in page.parts else ""
    values["nonce"] = str(request.csp_nonce) if "nonce" in page.parts else ""  # type: ignore[attr-defined]
    values["submission"] = str(uuid.uuid4())
    values |= page.mark.words if page.mark else {}
    if request.method == "POST":
        values |= {name: escape(request.POST.get(name, "")) for name in TYPED}
    own_values = {name: value.encode() for name, value in values.items()}
    content = b"".join(part if isinstance(part, bytes) else own_values[part] for part in page.parts)
    if not re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", "")):
        return HttpResponse(content, status=page.status, headers=page.headers)
    if page.packed is None:
        page.packed = [packed.deflate(part) if isinstance(part, bytes) else part for part in page.parts]
    response = HttpResponse(
        packed.gzip_of(page.packed, own_values, content), status=page.status, headers=page.headers
    )
    response.headers["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ("Accept-Encoding",))
    return response
