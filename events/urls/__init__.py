"""Every address of the site, French in the browser, English in the code."""

from __future__ import annotations

from . import converters as converters  # before the addresses that are written with them

# isort: split
from . import api, host, organiser, outbox, public, visitor

app_name = "events"
urlpatterns = [
    *visitor.urlpatterns,  # first, because addresses are tried in this order and a rush is for these
    *public.urlpatterns,
    *host.urlpatterns,
    *organiser.urlpatterns,
    *outbox.urlpatterns,
    *api.urlpatterns,
]
