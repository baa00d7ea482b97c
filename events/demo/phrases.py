"""Invented names, titles and texts for the large demonstrations, put together by chance."""

from __future__ import annotations

import random

from events.models import Format, Theme

SHOPS = (
    "Atelier", "Fabrique", "Maison", "Bureau", "Comptoir", "Studio", "Laboratoire", "Manufacture", "Cabane",
    "Grenier", "Chantier", "Hangar", "Cuisine", "Verrière", "Forge", "Lanterne", "Cordée", "Équipage",
    "Collectif", "Pépinière",
)  # fmt: skip
THINGS = (
    "Mirabelle", "du Phare", "des Marées", "Parallèle", "du Tilleul", "Boussole", "du Merle", "des Brumes",
    "Pivoine", "du Pont", "Grand Large", "des Écluses", "Coquelicot", "du Lavoir", "Zéphyr", "de la Halle",
    "Girouette", "du Hérisson", "des Tuiles", "Belle Étoile", "du Moulin", "Myrtille", "des Ricochets",
    "Hirondelle", "du Canal", "Châtaigne", "de l’Estran", "Tournesol", "du Sémaphore", "Grenadine",
    "des Deux Rives", "Papillon", "du Kiosque", "Cigale", "des Embruns", "Bergamote", "du Belvédère",
    "Libellule", "des Remparts", "Noisette", "du Sillon", "Capucine", "des Falaises", "Ardoise",
    "du Faubourg", "Luciole", "de la Source", "Safran",
)  # fmt: skip
OPENINGS = {
    Format.OPEN_HOUSE: ("Portes ouvertes\u00a0: {}", "Entrez voir {}"),
    Format.GUIDED_TOUR: ("Dans les coulisses d’un atelier\u00a0: {}", "Le tour du propriétaire\u00a0: {}"),
    Format.DEMO: ("{}, en démonstration", "Voir fonctionner {}"),
    Format.WORKSHOP: ("Construire soi-même {}", "{} en une heure, de ses mains"),
    Format.TALK: ("Petite histoire\u00a0: {}", "Ce que l’on ne dit jamais\u00a0: {}"),
    Format.PITCH: ("Trois minutes pour convaincre\u00a0: {}",),
    Format.MEETUP: ("Rencontre autour d’une idée\u00a0: {}",),
    Format.BREAKFAST: ("Café, croissant et {}",),
    Format.JOB_DATING: ("Travailler sur {}\u00a0: nous recrutons",),
}
OBJECTS = {
    Theme.SOFTWARE: ("un tableur qui se relit", "un site sans traceur", "un moteur de recherche de quartier"),
    Theme.AI: ("une machine qui doute", "un traducteur de patois", "un modèle qui tient sur un téléphone"),
    Theme.HEALTH: ("un pilulier qui sait se taire", "une attelle imprimée", "un carnet de santé lisible"),
    Theme.CLIMATE: ("une pompe solaire", "un compteur d’eau honnête", "une carte de la fraîcheur"),
    Theme.FOOD: ("un potager sur un toit", "une balance contre le gaspillage", "un four partagé"),
    Theme.MOBILITY: ("un vélo à quatre places", "un abri de bus bavard", "une remorque pliable"),
    Theme.SPACE: ("une antenne de cuisine", "un ballon-sonde", "un planétarium de poche"),
    Theme.ROBOTICS: ("un bras de robot en bois", "un automate timide", "un robot qui range"),
    Theme.FINANCE: ("une monnaie de quartier", "un budget dessiné", "une assurance de vélo"),
    Theme.EDUCATION: ("une dictée à deux", "un cartable léger", "un jeu pour apprendre à compter"),
    Theme.CULTURE: ("une radio de poche", "un jeu sans écran", "un théâtre d’ombres numérique"),
    Theme.COMMERCE: ("une caisse sans file", "un étal sans invendus", "un atelier de réparation"),
    Theme.CITY: ("un banc qui compte les pas", "une carte des raccourcis", "un feu qui attend"),
}
TEXTS = (
    "On vous montre, puis vous essayez. L’équipe répond aux questions, même à celles qui fâchent.",
    "Une heure pour comprendre comment cela marche, et surtout pourquoi cela n’a pas marché du premier coup.",
    "Venez avec vos mains. Le matériel est prêté, les erreurs sont offertes.",
    "Une visite lente, par petits groupes. On s’arrête où il y a de la lumière.",
)
FICTION = "Hôte fictif de la démonstration."


def host_name(rng: random.Random, taken: set[str], city: str) -> str:
    """A name nobody has yet; with its city once the plain ones are used up."""
    for _ in range(6):
        name = f"{rng.choice(SHOPS)} {rng.choice(THINGS)}"
        if name not in taken:
            break
    else:
        name, number = f"{name} de {city}", 2
        while name in taken:
            name = f"{name.rpartition(' n°')[0] or name} n°\u00a0{number}"
            number += 1
    taken.add(name)
    return name


def title(rng: random.Random, format_: str, theme: str) -> str:
    """A title of at most 120 signs, beginning with a capital."""
    text = rng.choice(OPENINGS[Format(format_)]).format(rng.choice(OBJECTS[Theme(theme)]))
    return text[0].upper() + text[1:]
