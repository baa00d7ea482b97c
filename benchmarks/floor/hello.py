"""The festival's own settings with one more address: a view that says hello behind the same middleware."""

from festival.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.floor.hello_urls"
