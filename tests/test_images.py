"""Which pictures are read, and what is said of the others."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from autoflow.images import FORMATS, ImageLimits, UnreadableImage, read_image

LIMITS = ImageLimits(max_pixels=10_000, max_side=1_000)


def encoded(size: tuple[int, int] = (8, 6), file_format: str = "PNG", mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else None).save(buffer, file_format)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that claims to be huge, and is."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(min(width * height, 1_000_000)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("file_format", FORMATS)
def test_each_format_is_read_as_rgb(file_format: str) -> None:
    image = read_image(encoded(file_format=file_format), LIMITS)
    assert (image.size, image.mode) == ((8, 6), "RGB")
    red = image.getpixel((0, 0))
    assert isinstance(red, tuple)
    assert red[0] > 240 > 20 > red[1]


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "I;16"])
def test_other_modes_become_rgb(mode: str) -> None:
    assert read_image(encoded(mode=mode), LIMITS).mode == "RGB"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cannot be read as PNG, JPEG, WEBP, BMP or GIF"),
        (b"not a picture", "cannot be read as"),
        (encoded(file_format="TIFF"), "cannot be read as"),
        (encoded((64, 64))[:-60], "damaged or cut off"),
        (encoded((200, 100)), "200 x 100 pixels, but at most 10000"),
        (encoded((2_000, 1)), "1000 on a side"),
        (encoded((900, 2)), "more than 32 times"),
        (bomb(9_000, 9_000), "9000 x 9000 pixels"),
        (bomb(60_000, 60_000), "at most 10000 pixels"),
    ],
)
def test_what_is_not_read_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        read_image(data, LIMITS)


@given(st.sampled_from(FORMATS), st.data())
def test_damage_of_any_kind_is_an_unreadable_picture_or_a_picture(
    file_format: str, data: st.DataObject
) -> None:
    original = encoded((16, 16), file_format)
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = read_image(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]), LIMITS)
    except UnreadableImage:
        return
    assert image.mode == "RGB"
