"""One view: insert a registration, take the places by a conditional update, in one transaction."""

from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils import timezone

from benchmarks.floor.models import Registration, Slot


def book(request: HttpRequest, pk: int) -> HttpResponse:
    """302 when the places were taken, 409 when there were not enough."""
    places = int(request.POST["party_size"])
    with transaction.atomic():
        Registration.objects.create(
            slot_id=pk,
            email=request.POST["email"],
            party_size=places,
            submission_id=request.POST["submission_id"],
            created_at=timezone.now(),
        )
        taken = Slot.objects.filter(pk=pk, capacity__gte=F("taken") + places).update(
            taken=F("taken") + places
        )
        if not taken:
            transaction.set_rollback(True)
            return HttpResponse(status=409)
    return HttpResponseRedirect("/done/")


def ready(request: HttpRequest) -> HttpResponse:
    """Answers when the server listens."""
    return HttpResponse("ready")


urlpatterns = [path("<int:pk>/", book), path("readyz", ready)]
