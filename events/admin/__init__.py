"""The back office: superusers everywhere, a national team in its own editions and their territories.

What a festival is made of is found and read here; what has rules is changed through them. Counters are read,
never typed.
Room occupancies may be edited by hand, and the database still refuses a clash: the form says so.
"""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from . import bookings, editions, hosts, slots, venues

__all__ = ["bookings", "editions", "hosts", "slots", "venues"]

admin.site.site_header = _("Back office of the festival")
admin.site.site_title = _("Back office")
admin.site.index_title = _("All tables")
