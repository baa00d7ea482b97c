from __future__ import annotations

from django.urls import URLPattern, path

from events.views import mail_returns, outbox

urlpatterns: list[URLPattern] = [
    path("courriels/", outbox.outbox, name="outbox"),
    path("courriels/<int:pk>/", outbox.outbox_mail, name="outbox_mail"),
    path("courriels/<int:pk>/lettre/", outbox.outbox_letter, name="outbox_letter"),
    path("courriels/<int:pk>/fichiers/<int:number>/", outbox.outbox_file, name="outbox_file"),
    path("courriels/retours/<slug:provider>/", mail_returns.mail_returns, name="mail_returns"),
]
