from __future__ import annotations

from django.urls import URLPattern, path

from events.views import mail_returns, outbox

urlpatterns: list[URLPattern] = [
    path("courriels/", outbox.outbox, name="outbox"),
    path("courriels/<number:pk>/", outbox.outbox_mail, name="outbox_mail"),
    path("courriels/<number:pk>/lettre/", outbox.outbox_letter, name="outbox_letter"),
    path("courriels/<number:pk>/fichiers/<number:number>/", outbox.outbox_file, name="outbox_file"),
    path("courriels/retours/<slug:provider>/", mail_returns.mail_returns, name="mail_returns"),
]
