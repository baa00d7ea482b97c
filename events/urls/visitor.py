from __future__ import annotations

from django.urls import URLPattern, path

from events.views import (
    ballot,
    booking,
    bulk_off,
    choosing,
    day_holding,
    follows,
    holding,
    own_device,
    visitor,
    visitor_address,
    visitor_coming,
    visitor_day,
    visitor_move,
    waiting_line,
)

VISIT = "mes-visites/<text:token>/<text:reference>/"

urlpatterns: list[URLPattern] = [
    path("creneaux/<number:pk>/inscription/", booking.slot_register, name="slot_register"),
    path("inscriptions/<text:token>/", booking.receipt, name="receipt"),
    path("mes-visites/", visitor.find_my_visits, name="find_my_visits"),
    path("mes-visites/oublier/", own_device.forget_me, name="forget_me"),
    path("mes-visites/<text:token>/", visitor.my_visits, name="my_visits"),
    path("mes-visites/<text:token>/confirmer/", day_holding.my_day_confirm, name="my_day_confirm"),
    path("mes-visites/<text:token>/calendrier.ics", visitor.my_visits_calendar, name="my_visits_calendar"),
    path("mes-visites/<text:token>/adresse/", visitor_address.my_address, name="my_address"),
    path("mes-visites/<text:token>/jour/<day:date>/", visitor_day.my_day_ticket, name="my_day_ticket"),
    path("mes-visites/<text:token>/<text:reference>/", visitor.my_visit_ticket, name="my_visit_ticket"),
    path(
        "mes-visites/<text:token>/<text:reference>/rendre/",
        visitor.my_visit_give_back,
        name="my_visit_give_back",
    ),
    path(
        "mes-visites/<text:token>/<text:reference>/venue/",
        visitor_coming.my_visit_coming,
        name="my_visit_coming",
    ),
    path(
        "mes-visites/<text:token>/<text:reference>/changer/",
        visitor_move.my_visit_move,
        name="my_visit_move",
    ),
    path(
        "mes-visites/<text:token>/<text:reference>/visite.ics",
        visitor.my_visit_calendar,
        name="my_visit_calendar",
    ),
    path(f"{VISIT}proposition/", holding.my_visit_offer, name="my_visit_offer"),
    path(f"{VISIT}confirmer/", holding.my_visit_confirm, name="my_visit_confirm"),
    path(f"{VISIT}choisir/", choosing.my_visit_choose, name="my_visit_choose"),
    path(f"{VISIT}dernier-appel/", waiting_line.my_visit_claim, name="my_visit_claim"),
    path(f"{VISIT}partager/", waiting_line.my_visit_split, name="my_visit_split"),
    path("nouvelle-adresse/<text:token>/", visitor_address.new_address, name="new_address"),
    path("tirages/<slug:slug>/participer/", ballot.ballot_enter, name="ballot_enter"),
    path("tirages/<slug:slug>/recu/<text:token>/", ballot.ballot_receipt, name="ballot_receipt"),
    path("mes-visites/<text:token>/tirage/<text:code>/", ballot.my_ballot_entry, name="my_ballot_entry"),
    path("suivre/", follows.follow, name="follow"),
    path("suivre/oui/<text:token>/", follows.follow_confirm, name="follow_confirm"),
    path("suivre/stop/<text:token>/", follows.follows_off, name="follows_off"),
    path("mes-suivis/<text:token>/", follows.my_follows, name="my_follows"),
    path("sans-envoi/<text:token>/", bulk_off.broadcasts_off, name="broadcasts_off"),
    path("sans-rappel/<text:token>/", visitor.reminders_off, name="reminders_off"),
]
