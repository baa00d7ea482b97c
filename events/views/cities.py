"""Where the larger communes are, to a hundredth of a degree: enough for a dot on a map of France.

Used where a territory has no venue whose position is known. General geography, of nobody's data base.
"""

from __future__ import annotations

from events.folding import fold
from events.wording import Position

COMMUNES: dict[str, Position] = {
    "aix en provence": (43.53, 5.45),
    "ajaccio": (41.93, 8.74),
    "amiens": (49.89, 2.3),
    "angers": (47.47, -0.55),
    "annecy": (45.9, 6.13),
    "avignon": (43.95, 4.81),
    "bayonne": (43.49, -1.47),
    "besancon": (47.24, 6.02),
    "bordeaux": (44.84, -0.58),
    "brest": (48.39, -4.49),
    "caen": (49.18, -0.37),
    "cannes": (43.55, 7.02),
    "cayenne": (4.94, -52.33),
    "chambery": (45.57, 5.92),
    "clermont ferrand": (45.78, 3.08),
    "dijon": (47.32, 5.04),
    "dunkerque": (51.03, 2.38),
    "fort de france": (14.61, -61.07),
    "grenoble": (45.19, 5.72),
    "la rochelle": (46.16, -1.15),
    "laval": (48.07, -0.77),
    "le havre": (49.49, 0.11),
    "le mans": (48.0, 0.2),
    "lens": (50.43, 2.83),
    "lille": (50.63, 3.06),
    "limoges": (45.83, 1.26),
    "lorient": (47.75, -3.37),
    "lyon": (45.76, 4.84),
    "marseille": (43.3, 5.37),
    "metz": (49.12, 6.18),
    "montpellier": (43.61, 3.88),
    "mulhouse": (47.75, 7.34),
    "nancy": (48.69, 6.18),
    "nantes": (47.22, -1.55),
    "nice": (43.7, 7.27),
    "nimes": (43.84, 4.36),
    "niort": (46.32, -0.46),
    "noumea": (-22.27, 166.44),
    "orleans": (47.9, 1.91),
    "papeete": (-17.54, -149.57),
    "paris": (48.86, 2.35),
    "pau": (43.3, -0.37),
    "perpignan": (42.7, 2.9),
    "pointe a pitre": (16.24, -61.53),
    "poitiers": (46.58, 0.34),
    "quimper": (48.0, -4.1),
    "reims": (49.26, 4.03),
    "rennes": (48.11, -1.68),
    "rouen": (49.44, 1.1),
    "saint brieuc": (48.51, -2.76),
    "saint denis": (-20.88, 55.45),
    "saint etienne": (45.44, 4.39),
    "saint malo": (48.65, -2.01),
    "saint nazaire": (47.27, -2.21),
    "saint pierre": (-21.34, 55.48),
    "sophia antipolis": (43.62, 7.05),
    "strasbourg": (48.58, 7.75),
    "toulon": (43.12, 5.93),
    "toulouse": (43.6, 1.44),
    "tours": (47.39, 0.69),
    "troyes": (48.3, 4.07),
    "valence": (44.93, 4.89),
    "vannes": (47.66, -2.76),
}


SOUTHMOST_OF_EUROPE = 41.0


def where_is(*names: str, zone: str) -> Position | None:
    """The position of the first of these names that is known, a territory's or a commune's.

    ``zone``: the IANA name of its clock, which tells Saint-Denis near Paris from that of La Réunion.
    """
    for name in names:
        folded = fold(name)
        for known in (folded, folded.split(" et ")[0]):
            at = COMMUNES.get(known)
            if at and (at[0] > SOUTHMOST_OF_EUROPE) == (zone == "Europe/Paris"):
                return at
    return None
