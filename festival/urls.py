"""Every route of the site. Paths are French, names English."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.static import serve

from festival import health

# The admin's own sign-in page knows neither limits nor second factors: sign in at /compte/.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("events.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("langue/", include("django.conf.urls.i18n")),
    path("compte/", include("accounts.urls")),
    path("compte/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    re_path(r"^media/(?P<path>.+)$", serve, {"document_root": settings.MEDIA_ROOT}, name="media"),
]

handler400 = "events.views.errors.bad_request"
handler403 = "events.views.errors.forbidden"
handler404 = "events.views.errors.not_found"
handler500 = "events.views.errors.server_error"
