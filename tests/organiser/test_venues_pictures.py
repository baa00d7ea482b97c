"""Further pictures of a venue: drawn again, described, in order, taken away."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from events.models import VenuePicture
from events.refusals import Reason, Refused
from events.scheduling.venue_pictures import MOST_PICTURES, add_picture
from tests.factories import VenueFactory

from .test_venues import url

pytestmark = pytest.mark.once


def a_file(form="JPEG", size=(400, 300), **how):
    raw = io.BytesIO()
    Image.new("RGB", size, "red").save(raw, form, **how)
    return SimpleUploadedFile(f"x.{form.lower()}", raw.getvalue())


def send(desk, caption="La façade", **more):
    return desk.post(
        url("venue_pictures", "la-cantine"),
        {"image": a_file(), "caption_fr": caption, **more},
    )


def captions(venue):
    return list(venue.pictures.values_list("caption_fr", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_file_goes_with_its_picture(desk, place):
    send(desk)
    picture = VenuePicture.objects.get()
    storage, name = picture.image.storage, picture.image.name
    assert storage.exists(name)

    desk.post(url("venue_picture_drop", "la-cantine", picture.pk))

    assert not VenuePicture.objects.exists()
    assert not storage.exists(name)


def test_a_picture_is_added_and_shown(desk, place):
    send(desk, caption_en="The front", credit="Alix")

    page = desk.get("/lieux/la-cantine/").content.decode()
    assert 'alt="La façade"' in page
    assert "Photo\xa0: Alix" in page
    assert (
        'alt="The front"'
        in desk.get("/lieux/la-cantine/", headers={"accept-language": "en"}).content.decode()
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_it_is_drawn_again_without_its_metadata(desk, place, form):
    exif = Image.Exif()
    exif[0x010E] = "chez moi"
    send(desk, image=a_file(form, (2000, 1000), exif=exif))

    with Image.open(VenuePicture.objects.get().image) as kept:
        assert (kept.format, kept.size, len(kept.getexif())) == ("WEBP", (1600, 800), 0)


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ({"caption_fr": ""}, "caption_fr"),
        ({"caption_fr": "  "}, "caption_fr"),
        ({"caption_fr": "x" * 201}, "caption_fr"),
        ({"image": ""}, "image"),
        ({"image": SimpleUploadedFile("x.jpg", b"<svg onload=alert(1)>")}, "image"),
    ],
)
def test_what_is_wrong_is_said_and_the_words_are_kept(desk, place, typed, where):
    answer = send(desk, credit="Alix", **typed)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [where]
    assert 'value="Alix"' in answer.content.decode()
    assert not VenuePicture.objects.exists()


def test_gifs_are_no_pictures_of_ours(desk, place):
    assert list(send(desk, image=a_file("GIF")).context["form"].errors) == ["image"]


def test_there_is_an_end(desk, place):
    for number in range(MOST_PICTURES):
        VenuePicture.objects.create(venue=place.venue, image="venues/x.webp", caption_fr=f"{number}")

    answer = send(desk)

    assert answer.status_code == 409
    assert place.venue.pictures.count() == MOST_PICTURES
    with pytest.raises(Refused) as refused:
        add_picture(venue_id=place.venue.pk, image=a_file(), caption_fr="x")
    assert refused.value.reason == Reason.TOO_MANY_PICTURES


def test_pictures_change_places(desk, place):
    for caption in "abc":
        send(desk, caption)
    pks = dict(place.venue.pictures.values_list("caption_fr", "pk"))

    desk.post(url("venue_picture_order", "la-cantine", pks["c"]), {"sens": "haut"})
    assert captions(place.venue) == ["a", "c", "b"]

    desk.post(url("venue_picture_order", "la-cantine", pks["a"]), {"sens": "bas"})
    assert captions(place.venue) == ["c", "a", "b"]

    desk.post(url("venue_picture_order", "la-cantine", pks["c"]), {"sens": "haut"})
    desk.post(url("venue_picture_order", "la-cantine", pks["b"]), {"sens": "bas"})
    assert captions(place.venue) == ["c", "a", "b"]


def test_the_words_are_changed(desk, place):
    send(desk)
    pk = VenuePicture.objects.get().pk

    refused = desk.post(url("venue_picture", "la-cantine", pk), {"caption_fr": ""})
    assert refused.status_code == 422
    desk.post(url("venue_picture", "la-cantine", pk), {"caption_fr": "Le hall", "credit": "Sam"})

    assert list(VenuePicture.objects.values_list("caption_fr", "credit")) == [("Le hall", "Sam")]


def test_a_picture_of_another_venue_is_not_reached_through_this_one(desk, place):
    other = VenueFactory(territory=place.territory)
    picture = VenuePicture.objects.create(venue=other, image="venues/x.webp", caption_fr="Ailleurs")

    for name in ("venue_picture", "venue_picture_order", "venue_picture_drop"):
        assert desk.post(url(name, "la-cantine", picture.pk)).status_code == 404
    assert VenuePicture.objects.filter(pk=picture.pk).exists()


@pytest.mark.parametrize("address", ["/lieux/la-cantine/", "/organisation/toulouse/lieux/la-cantine/photos/"])
def test_three_pictures_ask_as_often_as_one(desk, place, address):
    def queries():
        with CaptureQueriesContext(connection) as caught:
            desk.get(address)
        return len(caught)

    VenuePicture.objects.create(venue=place.venue, image="venues/x.webp", caption_fr="a")
    one = queries()
    for caption in "bc":
        VenuePicture.objects.create(venue=place.venue, image="venues/x.webp", caption_fr=caption)
    assert queries() == one
