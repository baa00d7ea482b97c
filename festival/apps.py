from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig as DjangoStaticFilesConfig


class FestivalSiteConfig(AppConfig):
    name = "festival"
    verbose_name = "Festival site"
    default = True


class StaticFilesConfig(DjangoStaticFilesConfig):
    """Django's, leaving out what no page of ours asks for: start-up and disk are paid for each file."""

    ignore_patterns = [
        *DjangoStaticFilesConfig.ignore_patterns,
        "*.map",
        "*.md",
        "django_htmx/ext",
        "django_htmx/htm*-4*",
        "leaflet-src*",
        "scss",
        "*-latin-ext-*",
        "*-vietnamese-*",
        "*-wdth-*",
        "*-standard-*",
    ]
