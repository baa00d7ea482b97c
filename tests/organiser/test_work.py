"""Long work at the organisers' desk: listed, watched, stopped."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events.models import Job
from tests.factories import NOW, TerritoryFactory


def url(name: str, *arguments: object) -> str:
    return reverse(f"events:organiser_{name}", args=["toulouse", *arguments])


def a_job(place, **fields) -> Job:
    fields = {"kind": Job.Kind.TIMETABLE, "territory": place.territory, "asked_at": NOW, **fields}
    return Job.objects.create(asked_by=place.organiser, **fields)


def under_way(place, **fields) -> Job:
    lease = {"lease_token": "1b4e28ba-2fa1-11d2-883f-0016d3cca427", "lease_until": NOW}
    return a_job(place, state="running", **{"total": 120, "done": 40, "step": "Un robot", **lease, **fields})


def ended(place, **fields) -> Job:
    return a_job(place, **{"state": "done", "total": 3, "done": 3, "finished_at": NOW, **fields})


def test_the_list_has_the_territory_s_work_the_newest_first(desk, place):
    old, new = ended(place), under_way(place, asked_at=NOW + dt.timedelta(minutes=1))
    Job.objects.create(kind="bulk", territory=TerritoryFactory(), asked_at=NOW)

    page = desk.get(url("jobs"))

    assert [job.pk for job, *_words in page.context["rows"]] == [new.pk, old.pk]
    assert "40 sur 120" in page.content.decode()


def test_a_bulk_change_says_what_was_asked_while_it_is_under_way(desk, place):
    job = under_way(place, kind="bulk", params={"action": "shift", "label": "La Cantine", "lines": []})

    assert "Décaler dans le temps · La Cantine" in desk.get(url("jobs")).content.decode()
    assert "Décaler dans le temps · La Cantine" in desk.get(url("job", job.pk)).content.decode()


def test_the_list_asks_as_much_for_three_as_for_one(desk, place):
    ended(place)
    desk.get(url("jobs"))
    with CaptureQueriesContext(connection) as one:
        desk.get(url("jobs"))
    for _more in range(2):
        under_way(place)
    with CaptureQueriesContext(connection) as three:
        desk.get(url("jobs"))

    assert len(three) == len(one)


def test_work_under_way_says_how_far_it_is_and_asks_again_by_itself(desk, place):
    job = under_way(place)

    page = desk.get(url("job", job.pk)).content.decode()

    assert '<progress value="40" max="120"' in page
    assert "40 sur 120 · Un robot" in page
    assert 'hx-trigger="every 2s"' in page
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    assert 'role="status" aria-live="polite" id="dit">En cours, 30 %<' in page.replace("\u202f", " ").replace(
        "\xa0", " "
    )


def test_work_that_is_over_asks_no_more(desk, place):
    page = desk.get(url("job", ended(place).pk)).content.decode()

    assert "hx-trigger" not in page
    assert "http-equiv" not in page
    assert url("job_stop", Job.objects.get().pk) not in page


def part(desk, page_context, job, **said):
    said = {"vu": page_context["seen"], "dit": page_context["said_mark"], **said}
    return desk.get(url("job", job.pk), said, headers={"HX-Request": "true"})


def test_a_page_that_knows_it_all_gets_nothing(desk, place):
    job = under_way(place)
    page = desk.get(url("job", job.pk))

    answer = part(desk, page.context, job)

    assert (answer.status_code, answer.content) == (204, b"")


def test_a_step_draws_the_bar_anew_and_is_not_read_aloud(desk, place):
    job = under_way(place)
    page = desk.get(url("job", job.pk))
    Job.objects.update(done=41)

    said = part(desk, page.context, job).content.decode()

    assert '<progress value="41" max="120"' in said
    assert "hx-swap-oob" not in said
    assert "<html" not in said


def test_a_tenth_of_the_way_is_read_aloud(desk, place):
    job = under_way(place)
    page = desk.get(url("job", job.pk))
    Job.objects.update(done=60)

    said = part(desk, page.context, job).content.decode().replace("\u202f", " ").replace("\xa0", " ")

    assert '<p hx-swap-oob="innerHTML:#dit">En cours, 50 %</p>' in said


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("nothing_to_release", "Le brouillon ne change rien."),
        ("error", "Une erreur de notre côté."),
        ("deaths", "La machine s’est arrêtée plusieurs fois à la même étape."),
    ],
)
def test_a_failure_says_why_in_words(desk, place, why, words):
    job = ended(place, state="failed", done=1, report={"why": why})

    page = desk.get(url("job", job.pk)).content.decode()

    assert words in page
    assert "Traceback" not in page


def test_what_waits_is_stopped_at_once(desk, place):
    job = a_job(place)

    answer = desk.post(url("job_stop", job.pk), follow=True)

    job.refresh_from_db()
    assert job.state == "stopped"
    assert answer.redirect_chain == [(url("job", job.pk), 302)]
    assert "Travail arrêté avant son début." in answer.content.decode()


def test_what_is_under_way_is_asked_to_stop(desk, place):
    job = under_way(place)

    page = desk.post(url("job_stop", job.pk), follow=True).content.decode()

    job.refresh_from_db()
    assert (job.state, job.stop_asked_at) == ("running", NOW)
    assert "Arrêt demandé" in page
    assert url("job_stop", job.pk) not in page


def test_what_is_over_stays_as_it_ended(desk, place):
    job = ended(place)

    answer = desk.post(url("job_stop", job.pk), follow=True)

    job.refresh_from_db()
    assert job.state == "done"
    assert "C’était déjà terminé." in answer.content.decode()


def test_looking_changes_nothing(desk, place):
    job = a_job(place)

    assert desk.get(url("job_stop", job.pk)).status_code == 405

    job.refresh_from_db()
    assert job.state == "waiting"


def test_another_territory_s_work_does_not_exist(desk, place):
    other = Job.objects.create(kind="bulk", territory=TerritoryFactory(), asked_at=NOW)

    assert desk.get(url("job", other.pk)).status_code == 404
    assert desk.post(url("job_stop", other.pk)).status_code == 404
    other.refresh_from_db()
    assert other.state == "waiting"
