"""Pictures people send: only what was read and drawn again is kept."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from events.forms.pictures import MOST_BYTES, read_picture

pytestmark = pytest.mark.once


def picture(form: str, size: tuple[int, int] = (40, 20), mode: str = "RGB", **saved) -> io.BytesIO:
    file = io.BytesIO()
    Image.new(mode, size, "#b53a1a").save(file, form, **saved)
    file.seek(0)
    return file


def bomb(width: int, height: int) -> io.BytesIO:
    """A PNG of a few bytes whose header claims a giant."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return io.BytesIO(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_three_formats_come_out_as_webp_under_a_random_name(form):
    first, second = (read_picture(picture(form), longest=800) for _ in range(2))

    with Image.open(first) as drawn:
        assert (drawn.format, drawn.size) == ("WEBP", (40, 20))
    assert first.name.endswith(".webp")
    assert first.name != second.name


def test_it_is_made_small_enough_and_keeps_its_shape():
    with Image.open(read_picture(picture("PNG", (1600, 400)), longest=800)) as drawn:
        assert drawn.size == (800, 200)


def test_what_shines_through_still_does():
    glass = io.BytesIO()
    Image.new("RGBA", (4, 4), (181, 58, 26, 90)).save(glass, "PNG")
    glass.seek(0)

    with Image.open(read_picture(glass, longest=800)) as drawn:
        assert drawn.getchannel("A").getextrema() == (90, 90)


def test_metadata_go_and_the_picture_stands_upright():
    exif = Image.Exif()
    exif[274] = 6  # turned by 90°
    exif[270] = "chez Ada, 3 rue des Serres"
    sent = picture("JPEG", exif=exif.tobytes())
    assert b"rue des Serres" in sent.getvalue()

    kept = read_picture(sent, longest=800)

    with Image.open(kept) as drawn:
        assert (drawn.size, dict(drawn.getexif()), drawn.info.get("xmp")) == ((20, 40), {}, None)
    kept.seek(0)
    assert b"rue des Serres" not in kept.read()


@pytest.mark.parametrize(
    "source",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + b"\0" * 60,
        b"%PDF-1.7",
        b"",
    ],
    ids=["svg", "gif", "pdf", "empty"],
)
def test_anything_else_is_refused_whatever_its_name_says(source):
    with pytest.raises(ValidationError) as refused:
        read_picture(SimpleUploadedFile("logo.png", source, "image/png"), longest=800)

    assert refused.value.code == "unknown"


@pytest.mark.parametrize("form", ["GIF", "TIFF", "BMP", "ICO"])
def test_formats_that_pillow_knows_but_we_do_not_take_are_refused(form):
    with pytest.raises(ValidationError) as refused:
        read_picture(picture(form), longest=800)

    assert refused.value.code == "unknown"


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (6_000, 4_001)])
def test_a_giant_in_a_small_file_is_refused_before_it_unfolds(width, height):
    with pytest.raises(ValidationError) as refused:
        read_picture(bomb(width, height), longest=800)

    assert refused.value.code == "too_large"


def test_a_heavy_file_is_refused():
    with pytest.raises(ValidationError) as refused:
        read_picture(io.BytesIO(b"\xff" * (MOST_BYTES + 1)), longest=800)

    assert refused.value.code == "too_large"


def test_half_a_picture_is_refused():
    whole = picture("PNG", (200, 200)).getvalue()

    with pytest.raises(ValidationError) as refused:
        read_picture(io.BytesIO(whole[: len(whole) // 2]), longest=800)

    assert refused.value.code == "broken"
