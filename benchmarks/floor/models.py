"""A slot with a counter, a registration with its unique submission: the columns of a booking and no more."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class Slot(models.Model):
    capacity = models.PositiveIntegerField()
    taken = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(capacity__gte=F("taken")), name="floor_never_a_place_too_many")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Registration(models.Model):
    slot = models.ForeignKey(Slot, models.PROTECT)
    email = models.EmailField()
    party_size = models.PositiveSmallIntegerField()
    submission_id = models.UUIDField(unique=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.email
