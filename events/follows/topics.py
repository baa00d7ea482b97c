"""What one may follow, said in an address and kept as a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from events.folding import fold
from events.models import Activity, Commune, Host, Territory, Theme, Topic

NAMES = ("hote", "ville", "thematique", "visite")


def read_topic(query: Mapping[str, Any]) -> Topic | None:
    """From ``hote visite ville thematique``, as a row that may not be saved yet; None for nothing there is.

    A commune stands for its territory.
    """
    said = {name: str(query.get(name, ""))[:120] for name in NAMES}
    if said["hote"]:
        host = Host.objects.filter(slug=said["hote"]).first()
        return _row(f"host:{host.pk}", host=host) if host else None
    if said["visite"]:
        activity = Activity.objects.published().filter(slug=said["visite"]).first()
        return _row(f"activity:{activity.pk}", activity=activity) if activity else None
    territory = _territory(said["ville"]) if said["ville"] else None
    theme = said["thematique"]
    if (said["ville"] and territory is None) or (theme and theme not in Theme.values):
        return None
    parts = {"theme": theme} if theme else {}
    if territory is None:
        return _row(f"theme:{theme}", **parts) if theme else None
    key = f"theme:{theme}:{territory.pk}" if theme else f"territory:{territory.pk}"
    return _row(key, territory=territory, **parts)


def keep(topic: Topic) -> Topic:
    """Its row, made when it is the first to be followed. Safe beside itself."""
    said = {name: getattr(topic, name) for name in ("host", "territory", "theme", "activity")}
    return Topic.objects.get_or_create(key=topic.key, defaults=said)[0]


def query_of(topic: Topic) -> dict[str, str]:
    """The parameters that name it."""
    said = {
        "hote": topic.host.slug if topic.host else "",
        "visite": topic.activity.slug if topic.activity else "",
        "ville": topic.territory.slug if topic.territory else "",
        "thematique": topic.theme,
    }
    return {name: value for name, value in said.items() if value}


def keys_about(activities: Iterable[tuple[int, int, int, str]]) -> set[str]:
    """Every topic that these activities are news of: given as activity, host, territory, theme."""
    keys = set()
    for activity, host, territory, theme in activities:
        keys |= {f"activity:{activity}", f"host:{host}", f"territory:{territory}"}
        if theme:
            keys |= {f"theme:{theme}", f"theme:{theme}:{territory}"}
    return keys


def _territory(name: str) -> Territory | None:
    found = Territory.objects.filter(slug=name).first()
    if found is None:
        folded = " ".join(fold(name).replace("-", " ").split())
        commune = Commune.objects.filter(folded_name=folded).select_related("territory").first()
        found = commune.territory if commune else None
    return found


def _row(key: str, **parts: Any) -> Topic:
    return Topic.objects.filter(key=key).select_related(*JOINED).first() or Topic(key=key, **parts)


JOINED = ("host", "territory", "activity")
