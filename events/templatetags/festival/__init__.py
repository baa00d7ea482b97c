"""The site's words and pieces for templates: ``{% load festival %}``.

Words     ``{{ at|hour }} {{ at|big_hour }} {{ day|day }} {{ day|short_day }} {{ at|moment }} {{ n|number }}
          {{ ratio|percent }} {{ minutes|duration }} {{ at|since:now }} {{ n|ordinal }} {{ text|markdown }}
          {{ slot|times }} {{ activity|lang_of:"title" }} {{ reference|unbroken }} {{ entry.verb|happened }}``
Doors     ``{% door slot %} {% places slot %} {% read_door slot as door %} {{ host|paint }}``
Pieces    ``{% icon "oui" %} {% icon "lieu" label=_("Venue") %} {% access codes %} {% walk here there to %}
          {% field form.email %} {% form_errors form %} {% nav_link url label %} {% fonts %}
          {% follow_form host.name hote=host.slug %} {% mail_trouble as mail %}``

A day, a time or a moment is taken as it is on the wall: give ``slot.local_start``, not ``slot.starts_at``.
Each part is a module of its own; all of them load as one.
"""

from __future__ import annotations

from django import template

from . import doors, faces, fields, journal, pieces, times, words

register = template.Library()

for part in (times, words, journal, doors, pieces, fields, faces):
    register.filters.update(part.register.filters)
    register.tags.update(part.register.tags)
