"""What the public may look for and what it finds: one question for the page, the API and the feeds alike.

``Filters`` reads a query string and never fails: a value it does not understand is left out and named in
``unread``. ``find`` gives one page of slots after a cursor, ``tally`` counts the whole set in one query,
``facets`` says what there is to choose from. Slots are ordered by (instant, id); the cursor stands for the
last pair seen, so a page neither repeats nor skips a slot, ties included. docs/search.md tells the rest.
"""

from events.programme.area import RADII_KM, Around, Frame
from events.programme.counts import Counts, Loosened
from events.programme.cursor import Cursor
from events.programme.filters import DROP_IN_ONLY, FORMER_PLACE, MOMENTS, Filters
from events.programme.index import Index
from events.programme.matches import gone_from, matching
from events.programme.nearest import nearest_words
from events.programme.offer import Choice, Facets, facets, facets_of, forget_facets
from events.programme.pages import MOST_SLOTS, PAGE_SIZE, Page, find
from events.programme.shelf import index_at
from events.programme.tallies import DEFAULT_ZONE, FREE_PLACES, Amount, Tally, tally
from events.programme.words import Found, find_words

__all__ = [
    "DEFAULT_ZONE",
    "DROP_IN_ONLY",
    "FORMER_PLACE",
    "FREE_PLACES",
    "MOMENTS",
    "MOST_SLOTS",
    "PAGE_SIZE",
    "RADII_KM",
    "Amount",
    "Around",
    "Choice",
    "Counts",
    "Cursor",
    "Facets",
    "Filters",
    "Found",
    "Frame",
    "Index",
    "Loosened",
    "Page",
    "Tally",
    "facets",
    "facets_of",
    "find",
    "find_words",
    "forget_facets",
    "gone_from",
    "index_at",
    "matching",
    "nearest_words",
    "tally",
]
