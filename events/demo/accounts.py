"""The four people of the demonstration, with one password made for this installation and kept by it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from allauth.account.models import EmailAddress

from accounts.models import User
from events.models import (
    Festival,
    FestivalTeam,
    Host,
    HostMember,
    Territory,
    TerritoryTeam,
    Venue,
    VenueManager,
)

WORDS = ("porte", "canal", "brique", "lanterne", "seuil", "pavé", "vitrine", "clef", "marche", "jardin")


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    name: str
    does: str


PEOPLE = (
    Person("hote@demo.example", "Camille Hôte", "hôte\u00a0: Les Robots du Canal, Nuage de Violette"),
    Person("organisation@demo.example", "Sacha Relais", "organisation locale\u00a0: Toulouse et Labège"),
    Person("lieu@demo.example", "Alix Lieu", "gestion du lieu\u00a0: La\u00a0Cantine"),
    Person("equipe@demo.example", "Dominique Équipe", "équipe nationale"),
)


def read_or_make_password(folder: Path) -> str:
    """The installation's demonstration password; made once, readable by its owner alone."""
    path = folder / "demonstration-password"
    if path.exists():
        return path.read_text("utf-8").strip()
    first, second = secrets.choice(WORDS), secrets.choice(WORDS)
    password = f"{first}-{second}-{secrets.randbelow(9000) + 1000}".replace("é", "e")
    path.touch(mode=0o600)
    path.write_text(f"{password}\n", "utf-8")
    return password


def create_accounts(*, festival: Festival, password: str, staff: bool) -> list[Person]:
    """The accounts, each with its role in this edition and an address already verified.

    :param staff: let the national team into the back office as well.
    """
    people = {person.email: _account(person, password) for person in PEOPLE}
    host, organiser, keeper, team = (people[person.email] for person in PEOPLE)
    for slug in ("les-robots-du-canal", "nuage-de-violette"):
        for one in Host.objects.filter(slug=slug):
            HostMember.objects.get_or_create(host=one, user=host)
    for territory in Territory.objects.filter(slug="toulouse"):
        TerritoryTeam.objects.get_or_create(territory=territory, user=organiser)
    for venue in Venue.objects.filter(slug="la-cantine"):
        VenueManager.objects.get_or_create(venue=venue, user=keeper)
    FestivalTeam.objects.get_or_create(festival=festival, user=team)
    if staff:
        team.is_staff = team.is_superuser = True
        team.save(update_fields=["is_staff", "is_superuser"])
    return list(PEOPLE)


def sign_ins(people: list[Person], *, password: str) -> str:
    """What is told at the terminal."""
    width = max(len(person.email) for person in people)
    lines = [f"  {person.email:<{width}}  {person.does}" for person in people]
    return "\n".join(["Comptes de démonstration :", *lines, f"  mot de passe : {password}"]).replace(
        " :", "\u00a0:"
    )


def _account(person: Person, password: str) -> User:
    user = User.objects.filter(email=person.email).first()
    if user is None:
        user = User.objects.create_user(person.email, password, name=person.name)
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
    EmailAddress.objects.update_or_create(
        user=user, email=person.email, defaults={"verified": True, "primary": True}
    )
    return user
