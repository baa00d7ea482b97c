"""Following: the one field, the yes behind the link in the mail, all that one follows, the one click out."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from events.follows.asking import ask_to_follow, confirm_follow, resume_follows, stop_follows
from events.follows.topics import NAMES, query_of, read_topic
from events.forms.follows import FollowForm
from events.limits import allow, seconds_left
from events.links import follower_of_token, follows_token, read_follow_token, read_follows_off_token
from events.mail.follow_facts import name_of, page_of, say_words
from events.models import Follow, Follower, Topic
from events.models.follow import FollowQuerySet
from events.views.tickets import secret_page

ASKS, PER = 20, dt.timedelta(minutes=10)
FORM = ["GET", "HEAD", "POST"]
JOINED = ("follower", "topic__host", "topic__territory", "topic__activity")


@csrf_exempt
@require_http_methods(FORM)
@secret_page
def follow(request: HttpRequest) -> HttpResponse:
    """What one is about to follow, and the field. The answer is the same whether the address is known or not.

    No CSRF check, so that the field may stand on pages many get alike: it acts in nobody's name, only its
    owner's yes makes an address follow anything.
    """
    topic = read_topic(request.GET)
    if topic is None and not any(request.GET.get(name) for name in NAMES):
        return redirect("events:territories")
    if topic is None:
        raise Http404
    if request.method != "POST":
        return _follow_page(request, topic, FollowForm(initial={"page": request.path}))
    form, now = FollowForm(request.POST), timezone.now()
    if not form.is_valid():
        return _follow_page(request, topic, form, status=422)
    if not allow(action="follow", peer=request.META["REMOTE_ADDR"], limit=ASKS, per=PER, now=now):
        wait = seconds_left(per=PER, now=now)
        response = _follow_page(request, topic, form, status=429, retry_after=wait)
        response.headers["Retry-After"] = str(wait)
        return response
    ask_to_follow(
        topic=topic,
        email=form.cleaned_data["email"],
        locale=get_language() or "fr",
        page=form.cleaned_data["page"],
        now=now,
    )
    return redirect(f"{reverse('events:follow')}?{urlencode({**query_of(topic), 'envoi': 1})}")


def _follow_page(
    request: HttpRequest, topic: Topic, form: FollowForm, *, status: int = 200, retry_after: int = 0
) -> HttpResponse:
    context = {
        "form": form,
        "what": name_of(topic),
        "page": page_of(topic),
        "here": f"{reverse('events:follow')}?{urlencode(query_of(topic))}",
        "words": say_words(),
        "is_sent": "envoi" in request.GET and request.method != "POST",
        "retry_after": retry_after,
        "kept_on_site": settings.KEEP_MAILS_ON_SITE,
    }
    return render(request, "events/visitor/follow.html", context, status=status)


@require_http_methods(FORM)
@secret_page
def follow_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what it is about, POST says yes (scanners follow links)."""
    try:
        key = read_follow_token(token)
    except (signing.BadSignature, ValueError):
        return _gone(request)
    known = Follow.objects.select_related(*JOINED).filter(pk=key).first()
    if known is not None and request.method == "POST":
        known = confirm_follow(follow_id=key, locale=get_language() or "fr", now=timezone.now())
    if known is None:
        return _gone(request)
    context = {
        "what": name_of(known.topic),
        "page": page_of(known.topic),
        "is_followed": known.is_active,
        "words": say_words(),
        "email": known.follower.email,
        "all": reverse("events:my_follows", args=[follows_token(known.follower_id)]),
    }
    return render(request, "events/visitor/follow_confirm.html", context)


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "events/visitor/follow_gone.html", status=404)


@require_http_methods(FORM)
@secret_page
def my_follows(request: HttpRequest, token: str) -> HttpResponse:
    """Everything an address follows. POST ends one of them, or takes it up again."""
    follower = Follower.objects.filter(pk=follower_of_token(token) or 0).first()
    if follower is None:
        return _gone(request)
    if request.method == "POST":
        _change(request, follower.pk, request.POST.getlist("follow"))
        return redirect("events:my_follows", token)
    follows = _confirmed(follower.pk)
    context = {
        "token": token,
        "email": follower.email,
        "follows": [(one, name_of(one.topic), page_of(one.topic)) for one in follows if one.is_active],
        "stopped": [(one, name_of(one.topic), page_of(one.topic)) for one in follows if not one.is_active],
        "words": say_words(),
    }
    return render(request, "events/visitor/my_follows.html", context)


def _confirmed(follower_id: int) -> FollowQuerySet:
    mine = Follow.objects.filter(follower=follower_id, confirmed_at__isnull=False)
    return mine.select_related(*JOINED).order_by("confirmed_at", "pk")


def _change(request: HttpRequest, follower_id: int, asked: list[str]) -> None:
    keys = [int(key) for key in asked if key.isdecimal() and len(key) < 19]
    if "again" in request.POST:
        resume_follows(follower_id=follower_id, follow_ids=keys)
    else:
        stop_follows(follower_id=follower_id, follow_ids=keys, now=timezone.now())


@csrf_exempt
@require_http_methods(FORM)
@secret_page
def follows_off(request: HttpRequest, token: str) -> HttpResponse:
    """One click in the mail program posts here without cookies (RFC 8058); a person sees a button first.

    No CSRF check: the signed token is the right to do this one thing, and another site does not have it.
    """
    said = read_follows_off_token(token)
    if said is None:
        raise Http404
    follower_id, keys = said
    if request.method == "POST":
        _change(request, follower_id, [str(key) for key in keys])
    follows = [one for one in _confirmed(follower_id) if one.pk in keys]
    context = {
        "names": [name_of(one.topic) for one in follows],
        "is_off": not any(one.is_active for one in follows),
        "is_gone": not follows,
        "is_done": request.method == "POST",
        "all": reverse("events:my_follows", args=[follows_token(follower_id)]),
    }
    return render(request, "events/visitor/follows_off.html", context)
