"""Fifty territories of the large demonstrations: real cities, with position and time zone.

INSEE codes are those of the Code officiel géographique where they are known for certain, else empty.
"""

from __future__ import annotations

from dataclasses import dataclass

PARIS = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class City:
    name: str
    insee: str
    latitude: float
    longitude: float
    others: tuple[str, ...] = ()
    timezone: str = PARIS
    territory: str = ""
    slug: str = ""


CITIES = (
    City("Toulouse", "31555", 43.60, 1.44, ("Labège", "Balma"), slug="toulouse"),
    City("Nantes", "44109", 47.22, -1.55, ("Rezé", "Saint-Herblain"), slug="nantes"),
    City(
        "Saint-Denis", "97411", -20.88, 55.45, ("Saint-Pierre", "Saint-Paul"), "Indian/Reunion",
        territory="La Réunion", slug="la-reunion",
    ),
    City("Paris", "75056", 48.86, 2.35, ("Montreuil", "Saint-Ouen")),
    City("Lyon", "69123", 45.76, 4.84, ("Villeurbanne",)),
    City("Marseille", "13055", 43.30, 5.37, ("Aix-en-Provence",), territory="Aix-Marseille"),
    City("Montpellier", "34172", 43.61, 3.88, ("Pérols", "Clapiers")),
    City("Bordeaux", "33063", 44.84, -0.58, ("Bègles", "Pessac")),
    City("Lille", "59350", 50.63, 3.06, ("Roubaix", "Tourcoing")),
    City("Rennes", "35238", 48.11, -1.68, ("Saint-Malo", "Cesson-Sévigné")),
    City("Strasbourg", "67482", 48.58, 7.75, ("Schiltigheim",)),
    City("Grenoble", "38185", 45.19, 5.72, ("La Tronche", "Échirolles")),
    City("Rouen", "76540", 49.44, 1.10),
    City("Nancy", "54395", 48.69, 6.18),
    City("Niort", "79191", 46.32, -0.46),
    City("Caen", "14118", 49.18, -0.37),
    City("Le Havre", "76351", 49.49, 0.11),
    City("Tours", "37261", 47.39, 0.69),
    City("Orléans", "45234", 47.90, 1.91),
    City("Nice", "06088", 43.70, 7.27, ("Valbonne",)),
    City("Toulon", "83137", 43.12, 5.93),
    City("Saint-Étienne", "42218", 45.44, 4.39),
    City("Angers", "49007", 47.47, -0.55),
    City("Brest", "29019", 48.39, -4.49, ("Lannion",)),
    City("Quimper", "29232", 48.00, -4.10),
    City("Lorient", "56121", 47.75, -3.37),
    City("Vannes", "56260", 47.66, -2.76),
    City("Reims", "51454", 49.26, 4.03),
    City("Dijon", "21231", 47.32, 5.04),
    City("Besançon", "25056", 47.24, 6.02),
    City("Mulhouse", "68224", 47.75, 7.34),
    City("Metz", "57463", 49.12, 6.18),
    City("Clermont-Ferrand", "63113", 45.78, 3.08),
    City("Limoges", "87085", 45.83, 1.26),
    City("Poitiers", "86194", 46.58, 0.34),
    City("La Rochelle", "17300", 46.16, -1.15),
    City("Pau", "64445", 43.30, -0.37),
    City("Bayonne", "64102", 43.49, -1.47),
    City("Perpignan", "66136", 42.70, 2.90),
    City("Nîmes", "30189", 43.84, 4.36),
    City("Avignon", "84007", 43.95, 4.81),
    City("Annecy", "74010", 45.90, 6.13),
    City("Chambéry", "73065", 45.57, 5.92),
    City("Le Mans", "72181", 48.00, 0.20),
    City("Amiens", "80021", 49.89, 2.30),
    City("Ajaccio", "", 41.93, 8.74),
    City("Fort-de-France", "97209", 14.61, -61.07, (), "America/Martinique", territory="Martinique"),
    City("Pointe-à-Pitre", "", 16.24, -61.53, (), "America/Guadeloupe", territory="Guadeloupe"),
    City("Cayenne", "", 4.93, -52.33, (), "America/Cayenne", territory="Guyane"),
    City("Nouméa", "", -22.28, 166.46, (), "Pacific/Noumea", territory="Nouvelle-Calédonie"),
)  # fmt: skip
