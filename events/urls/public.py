from __future__ import annotations

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from events.views import (
    ballot,
    feeds,
    my_day,
    public,
    public_changes,
    public_pages,
    public_places,
    public_rooms,
    public_times,
    status,
)

urlpatterns: list[URLPattern] = [
    path("", public.home, name="home"),
    path("programme/", public.programme, name="programme"),
    path("programme/agenda/", public_times.agenda, name="agenda"),
    path("programme/carte/", public_times.sketch_map, name="map"),
    path("activites/<slug:slug>/", public.activity, name="activity"),
    path("creneaux/<int:pk>/", public.slot, name="slot"),
    path("ma-journee/", my_day.my_day, name="my_day"),
    path("ma-journee.ics", my_day.my_day_calendar, name="my_day_calendar"),
    path("ma-journee/etoiles/", my_day.stars, name="stars"),
    path("ma-journee/etoiles/<int:pk>/", my_day.star, name="star"),
    path("tirages/<slug:slug>/", ballot.ballot, name="ballot"),
    path("tirages/<slug:slug>/tirage.json", ballot.ballot_file, name="ballot_file"),
    path("villes/", public_places.territories, name="territories"),
    path("villes/<slug:slug>/", public_places.territory, name="territory"),
    path("villes/<slug:slug>/changements/", public_changes.changes, name="changes"),
    path("villes/<slug:slug>/changements.rss", public_changes.changes_rss, name="changes_rss"),
    path("lieux/<slug:slug>/", public_places.venue, name="venue"),
    path("lieux/<slug:slug>/calendrier.ics", public_rooms.venue_calendar, name="venue_calendar"),
    path("lieux/<slug:slug>/salles/<int:pk>/", public_rooms.room, name="room"),
    path(
        "lieux/<slug:slug>/salles/<int:pk>/calendrier.ics", public_rooms.room_calendar, name="room_calendar"
    ),
    path("salles/<int:pk>/<str:token>.ics", public_rooms.manager_calendar, name="manager_calendar"),
    path("hotes/<slug:slug>/", public_places.host, name="host"),
    path("editions/", RedirectView.as_view(pattern_name="events:history"), name="editions"),
    path("editions/<slug:slug>/", public_pages.edition, name="edition"),
    path("depuis-2012/", public_pages.history, name="history"),
    path("accessibilite/", public_pages.accessibility, name="accessibility"),
    path("donnees-personnelles/", public_pages.privacy, name="privacy"),
    path("mentions-legales/", public_pages.legal, name="legal"),
    path("etat/", status.status, name="status"),
    path("flux/", public_pages.feeds_explained, name="feeds"),
    path("robots.txt", public_pages.robots, name="robots"),
    path("sitemap.xml", public_pages.sitemap, name="sitemap"),
    path("sitemap-<slug:name>-<int:number>.xml", public_pages.sitemap_part, name="sitemap_part"),
    path("programme.ics", feeds.calendar, name="programme_ics"),
    path("programme.rss", feeds.rss, name="programme_rss"),
    path("programme.json", feeds.json_events, name="programme_json"),
    path("programme.csv", feeds.csv_table, name="programme_csv"),
    path("programme.geojson", feeds.geojson, name="programme_geojson"),
]
