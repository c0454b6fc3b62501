"""The digest follows the picture, not the metadata."""

from __future__ import annotations

import hashlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from agerepro.datasets.jpeg_digest import jpeg_digest

KINDS = {
    "baseline": {}, "progressive": {"progressive": True}, "restarts": {"restart_marker_blocks": 1}, "comment": {"comment": b"hello"},
}  # fmt: skip


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def pixels(content):
    return np.asarray(Image.open(BytesIO(content)))


def test_the_kinds_are_what_they_say(jpeg):
    contents = {kind: jpeg(0, **options) for kind, options in KINDS.items()}
    assert contents["progressive"].count(b"\xff\xda") > contents["baseline"].count(b"\xff\xda")
    assert b"\xff\xd0" in contents["restarts"] and b"\xff\xd0" not in contents["baseline"]
    assert b"\xff\xfe\x00\x07hello" in contents["comment"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("marker", [0xE0, 0xE1, 0xE2, 0xEF, 0xFE])
def test_metadata_does_not_count(jpeg, kind, marker):
    plain = jpeg(1, **KINDS[kind])
    marked = plain[:2] + segment(marker, b"Exif\0\0 \xff\xd9\xff\xda anything") + plain[2:] + b"trailing bytes"
    assert jpeg_digest(marked) == jpeg_digest(plain)


@pytest.mark.parametrize("kind", KINDS)
def test_cutting_all_metadata_out_does_not_count(jpeg, kind):
    """The portraits' metadata was cut out of the files; the same cut by a second, plain parser."""
    whole = jpeg(2, exif=Image.Exif().tobytes() + b"x" * 50, **{"comment": b"c"} | KINDS[kind])
    kept, at = whole[:2], 2
    while whole[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big")
        kept += b"" if whole[at + 1] in (0xE1, 0xFE) else whole[at:end]
        at = end
    bare = kept + whole[at:]
    assert len(bare) < len(whole)
    assert jpeg_digest(bare) == jpeg_digest(whole)


def test_what_is_digested_by_hand(jpeg):
    """Of a baseline file without restarts: all between the APP0 segment and the end marker."""
    content = jpeg(3)
    assert content[2:4] == b"\xff\xe0"
    start = 4 + int.from_bytes(content[4:6], "big")
    assert jpeg_digest(content) == hashlib.sha256(content[start:-2]).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
@given(seeds=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)))
def test_another_picture_has_another_digest(jpeg, kind, seeds):
    first, second = (jpeg(seed, **KINDS[kind]) for seed in seeds)
    assert jpeg_digest(first) != jpeg_digest(second) or np.array_equal(pixels(first), pixels(second))


@given(where=st.tuples(st.integers(0, 15), st.integers(0, 23), st.integers(0, 2)), change=st.integers(-255, 255))
def test_one_changed_pixel_changes_the_digest(jpeg, where, change):
    before = pixels(jpeg(5, quality=100, subsampling=0))
    after = before.copy()
    after[where] = np.clip(int(after[where]) + change, 0, 255)
    files = [BytesIO(), BytesIO()]
    for file, picture in zip(files, (before, after), strict=True):
        Image.fromarray(picture).save(file, "JPEG", quality=100, subsampling=0)
    first, second = (file.getvalue() for file in files)
    # A change of one grey level may not survive the encoder.
    assert jpeg_digest(first) != jpeg_digest(second) or np.array_equal(pixels(first), pixels(second))


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_of_the_picture_is_seen(jpeg, kind):
    content = jpeg(6, **KINDS[kind])
    at = content.rindex(b"\xff\xda") + 30
    flipped = content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :]
    assert flipped[at] != 0xFF and jpeg_digest(flipped) != jpeg_digest(content)


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_is_refused(jpeg, kind):
    content = jpeg(7, **KINDS[kind])
    for length in range(len(content)):
        with pytest.raises(ValueError, match=r"JPEG"):
            jpeg_digest(content[:length])


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n", b"\xff\xd8text", b"\xff\xd8\xff\xe0\x00\x00\xff\xd9"])
def test_other_files_are_refused(content):
    with pytest.raises(ValueError, match=r"JPEG"):
        jpeg_digest(content)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_digest_or_a_refusal(content):
    try:
        assert len(jpeg_digest(b"\xff\xd8" + content)) == 64
    except ValueError as refusal:
        assert "JPEG" in str(refusal)
