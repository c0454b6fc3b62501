"""Every kind of photo becomes upright RGB uint8, or says why not."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from agerepro.faces import decode as decode_module
from agerepro.faces.decode import PICTURE_ENDINGS, DecodeError, MissingDecoderError, decode

# Four quarters of different colours, not square: every turn and mirror looks different.
QUARTERS = np.zeros((16, 32, 3), np.uint8)
QUARTERS[:8, :16], QUARTERS[:8, 16:], QUARTERS[8:, :16], QUARTERS[8:, 16:] = (255, 0, 0), (0, 255, 0), (0, 0, 255), (250, 250, 250)


def test_rgb_png_comes_back_unchanged(encoded):
    assert np.array_equal(decode(encoded(QUARTERS)), QUARTERS)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_exif_orientation_agrees_with_pillows_own_transpose(encoded, orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(QUARTERS, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    oracle = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))
    assert np.array_equal(decode(content), oracle)
    assert decode(content).shape[:2] == ((16, 32) if orientation < 5 else (32, 16))


def test_sixteen_bits_are_scaled_not_cut_off(encoded):
    ramp = np.array([[0, 255, 256, 257 * 100, 65535]], np.uint16)
    assert decode(encoded(ramp))[0, :, 1].tolist() == [0, 1, 1, 100, 255]  # value / 257, rounded, by hand
    assert decode(encoded(ramp, "TIFF"))[0, :, 1].tolist() == [0, 1, 1, 100, 255]
    pgm = b"P5 2 1 65535\n" + struct.pack(">2H", 257 * 7, 65535)
    assert decode(pgm)[0, :, 0].tolist() == [7, 255]


def test_grey_palette_and_one_bit_become_three_channels(encoded):
    grey = np.array([[0, 90, 255]], np.uint8)
    assert decode(encoded(grey)).tolist() == [[[0] * 3, [90] * 3, [255] * 3]]
    assert np.array_equal(decode(encoded(Image.fromarray(QUARTERS).quantize(4))), QUARTERS)
    assert decode(encoded(Image.new("1", (2, 1), 1))).tolist() == [[[255] * 3, [255] * 3]]


def test_cmyk_becomes_rgb(encoded):
    white = decode(encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG"))
    black = decode(encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 255)), "JPEG"))
    assert white.min() == 255 and black.max() == 0


def test_transparency_is_laid_on_neutral_grey(encoded):
    pixels = np.array([[[200, 0, 0, 255], [200, 0, 0, 0]]], np.uint8)
    assert decode(encoded(pixels)).tolist() == [[[200, 0, 0], [128, 128, 128]]]
    palette = Image.new("P", (2, 1))
    palette.putpalette([200, 0, 0, 9, 9, 9])
    palette.putpixel((1, 0), 1)
    assert decode(encoded(palette, transparency=1)).tolist() == [[[200, 0, 0], [128, 128, 128]]]


def test_empty_text_and_truncated_files_say_so(encoded):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    with pytest.raises(DecodeError, match="empty file"):
        decode(b"")
    with pytest.raises(DecodeError, match="not a picture"):
        decode(b"This is text with the name of a photo.\n")
    for kind in ("JPEG", "PNG", "WEBP"):
        content = encoded(noise, kind)
        with pytest.raises(DecodeError, match="broken file"):
            decode(content[: len(content) // 2])


@pytest.mark.parametrize("side", [9_460, 20_000])
def test_huge_picture_is_refused_without_decoding(side, recwarn):
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)  # one-bit grey; the pixels are garbage and never looked at
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"garbage") + chunk(b"IEND", b"")
    with pytest.raises(DecodeError, match="too large"):
        decode(bomb)


def test_floating_point_pixels_are_refused(encoded):
    with pytest.raises(DecodeError, match="floating-point"):
        decode(encoded(np.full((4, 4), 0.5, np.float32), "TIFF"))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow remarks on damaged metadata
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_bytes_give_pixels_or_a_reason_and_nothing_else(heif_writer, encoded, data):
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "HEIF", "AVIF"]))
    content = bytearray(encoded(QUARTERS, kind))
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), min_size=1, max_size=6)):
        content[place] = value
    try:
        pixels = decode(bytes(content))
    except DecodeError as error:
        assert error.reason
    else:
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(pixels)
    image.info["exif"] = exif.tobytes()
    image.getexif()
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_heic_and_avif_are_turned_once(heif_writer, encoded, orientation, kind):
    """Both encoders write the orientation as the file's own rotation and mirroring, and in EXIF, as telephones do."""
    large = QUARTERS.repeat(4, axis=0).repeat(4, axis=1)  # at 16 x 32 their colours run into each other
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(large, kind, exif=exif.tobytes(), quality=100)
    assert (b"irot" in content or b"imir" in content) == (orientation > 1)
    pixels, expected = decode(content), turned(large, orientation)
    assert pixels.shape == expected.shape and pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - expected).mean() < 6  # of 255; another turn is 80 or more away


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_heic_and_avif_with_transparency_grey_and_huge(heif_writer, encoded, kind, monkeypatch):
    clear = np.zeros((64, 64, 4), np.uint8)
    assert np.abs(decode(encoded(clear, kind)).astype(int) - 128).max() <= 2
    assert np.abs(decode(encoded(np.full((64, 64), 90, np.uint8), kind)).astype(int) - 90).max() <= 2
    with pytest.raises(DecodeError, match="broken file"):
        decode(encoded(QUARTERS, kind)[:-60])
    monkeypatch.setattr(decode_module, "LARGEST_PIXELS", 64 * 63)
    with pytest.raises(DecodeError, match="too large"):
        decode(encoded(clear, kind))


def test_a_file_of_ten_bits_is_scaled(heif_writer):
    import pillow_heif

    pixels = np.full((64, 64, 3), 257 * 100, np.uint16)
    content = io.BytesIO()
    pillow_heif.encode("RGB;16", (64, 64), pixels.tobytes(), content, quality=-1)
    assert np.abs(decode(content.getvalue()).astype(int) - 100).max() <= 2


def test_a_missing_package_is_named(heif_writer, encoded, monkeypatch):
    content = {kind: encoded(QUARTERS, kind) for kind in ("HEIF", "AVIF")}
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingDecoderError, match="pillow-heif"):
        decode(content["HEIF"])
    monkeypatch.setattr("PIL.features.check", lambda feature: False)
    with pytest.raises(MissingDecoderError, match=r"AVIF.* pillow"):
        decode(content["AVIF"])


def test_other_films_in_the_same_container_are_no_pictures():
    with pytest.raises(DecodeError, match="not a picture"):
        decode(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0" * 100)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "HEIF", "AVIF"])
def test_the_usual_endings_of_every_kind_are_pictures(heif_writer, kind):
    endings = {ending for ending, name in Image.registered_extensions().items() if name == kind}
    assert endings & set(PICTURE_ENDINGS) and all(ending == ending.lower() for ending in PICTURE_ENDINGS)
