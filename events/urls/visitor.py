from __future__ import annotations

from django.urls import URLPattern, path

from events.views import booking, visitor

urlpatterns: list[URLPattern] = [
    path("creneaux/<int:pk>/inscription/", booking.slot_register, name="slot_register"),
    path("inscriptions/<str:token>/", booking.receipt, name="receipt"),
    path("mes-visites/", visitor.find_my_visits, name="find_my_visits"),
    path("mes-visites/<str:token>/", visitor.my_visits, name="my_visits"),
    path("mes-visites/<str:token>/calendrier.ics", visitor.my_visits_calendar, name="my_visits_calendar"),
    path("mes-visites/<str:token>/<str:reference>/", visitor.my_visit_ticket, name="my_visit_ticket"),
    path(
        "mes-visites/<str:token>/<str:reference>/rendre/",
        visitor.my_visit_give_back,
        name="my_visit_give_back",
    ),
    path(
        "mes-visites/<str:token>/<str:reference>/visite.ics",
        visitor.my_visit_calendar,
        name="my_visit_calendar",
    ),
    path("sans-rappel/<str:token>/", visitor.reminders_off, name="reminders_off"),
]
