"""Under which licence the programme goes out, in the words of every format that has a place for it."""

from __future__ import annotations

NAME = "Licence Ouverte / Open Licence 2.0 (Etalab)"
URL = "https://www.etalab.gouv.fr/licence-ouverte-open-licence"
"""A link that a reader may follow; nothing is fetched from there."""
SPDX = "etalab-2.0"

AS_JSON = {"name": NAME, "id": SPDX, "url": URL}
