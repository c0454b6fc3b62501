"""Pictures that are the same, or look the same, on two sides."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agerepro.splits import near_duplicates
from agerepro.splits.audit import as_text
from agerepro.splits.leakage import audit_split
from agerepro.splits.near_duplicates import BLOCK, NearDuplicate, close_pairs, find_near_duplicates, hash_images


def picture(seed: int) -> Image.Image:
    """A soft random landscape of 128 x 96: eight by eight random greys, enlarged."""
    greys = np.random.default_rng(seed).integers(0, 256, size=(8, 8), dtype=np.uint8)
    return Image.fromarray(greys).resize((128, 96), Image.Resampling.BICUBIC).convert("RGB")


def jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ann1.jpg").write_bytes(jpeg(picture(1), 95))
    (tmp_path / "ann2.jpg").write_bytes(jpeg(picture(2), 95))
    (tmp_path / "same.jpg").write_bytes(jpeg(picture(1), 95))
    (tmp_path / "small.jpg").write_bytes(jpeg(picture(2).resize((64, 48)), 50))
    (tmp_path / "other.jpg").write_bytes(jpeg(picture(3), 95))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    return tmp_path


ROWS = pd.DataFrame(
    [
        ("ann1.jpg", "ann", "train"), ("ann2.jpg", "ann", "train"), ("same.jpg", "bob", "test"), ("small.jpg", "ann", "test"),
        ("other.jpg", "cid", "test"), ("broken.jpg", "cid", "test"), ("absent.jpg", "cid", "test"),
    ],
    columns=["photo", "subject", "part"],
).assign(fold="")  # fmt: skip


def test_same_bytes_and_copies_made_smaller(folder):
    pictures = hash_images(list(ROWS["photo"]), folder)
    assert pictures.unreadable == {"broken.jpg": "not a picture", "absent.jpg": "No such file or directory"}
    same, near = find_near_duplicates(ROWS, pictures, distance=2)
    assert same == NearDuplicate("", ("train", "test"), ("ann1.jpg", "same.jpg"), ("ann", "bob"), None)
    assert (near.photos, near.people) == (("ann2.jpg", "small.jpg"), ("ann", "ann")) and near.distance in (0, 2)


def test_only_pairs_across_parts_matter(folder):
    assert find_near_duplicates(ROWS.assign(part="train"), hash_images(list(ROWS["photo"]), folder), distance=64) == []


def test_every_fold_by_itself(folder):
    pictures = hash_images(["ann1.jpg", "same.jpg"], folder)
    two = ROWS[ROWS["photo"].isin(pictures.photos)]
    folds = pd.concat([two.assign(fold="0"), two.assign(fold="1", part="train"), two.assign(fold="2", part=["test", "train"])])
    assert [(pair.fold, pair.parts) for pair in find_near_duplicates(folds, pictures, distance=0)] == [
        ("0", ("train", "test")),
        ("2", ("train", "test")),
    ]


def test_close_pairs_against_a_loop(monkeypatch):
    monkeypatch.setattr(near_duplicates, "TILE", BLOCK + 50)
    draws = np.random.default_rng(0)
    n = 2 * BLOCK + 7  # two whole blocks and a short one, tiles that begin in one and end in the next
    hashes = draws.integers(0, 2**64, size=n, dtype=np.uint64)
    hashes[draws.integers(0, n, 60)] = hashes[draws.integers(0, n, 60)] ^ np.uint64(2**63 + 1)
    codes = draws.integers(0, 2, size=n)
    expected = {
        (i, j, distance)
        for i in range(n)
        for j in range(i + 1, n)
        if (distance := bin(int(hashes[i]) ^ int(hashes[j])).count("1")) <= 4 and codes[i] != codes[j]
    }
    assert expected and set(zip(*(column.tolist() for column in close_pairs(hashes, codes, 4)))) == expected


def test_no_pictures():
    assert [len(column) for column in close_pairs(np.array([], dtype=np.uint64), np.array([], dtype=int), 4)] == [0, 0, 0]


def test_the_text_names_what_was_compared_and_each_pair(folder):
    pictures = hash_images(list(ROWS["photo"]), folder)
    lines = as_text(audit_split(ROWS), pictures, find_near_duplicates(ROWS, pictures, distance=2)).splitlines()

    def naming(*facts: str) -> list[str]:
        return [line for line in lines if all(fact in line for fact in facts)]

    assert naming("5 pictures") and naming("1 picture", "not a picture", "broken.jpg") and naming("1 picture", "absent.jpg")
    assert naming("1 pair", "same file", "2 people", "ann, bob") and naming("ann1.jpg (train, ann)", "same.jpg (test, bob)")
    assert naming("1 pair", "alike", "1 person", ": ann") and naming("ann2.jpg (train, ann)", "small.jpg (test, ann)", "bits")
