from django.apps import AppConfig


class FestivalSiteConfig(AppConfig):
    name = "festival"
    verbose_name = "Festival site"
