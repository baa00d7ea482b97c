"""The communes of a territory with their codes. Who may is decided where the territory is fetched."""

from __future__ import annotations

from django.db import transaction

from events.models import Commune, Territory

from .venues import find_by_its_words


def add_commune(*, territory: Territory, name: str, insee_code: str = "") -> Commune:
    """Name and code are clean: ``events.forms.communes``."""
    return Commune.objects.create(territory=territory, name=name, insee_code=insee_code)


@transaction.atomic
def change_commune(*, commune_id: int, name: str, insee_code: str) -> None:
    """What happens there is found by the new name."""
    commune = Commune.objects.select_for_update().get(pk=commune_id)
    is_renamed = commune.name != name
    commune.name, commune.insee_code = name, insee_code
    commune.save()
    if is_renamed:
        for venue in commune.venues.all():
            find_by_its_words(venue)
