"""Pictures that are the same, or look the same, on two sides of a split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.faces.decode import DecodeError, decode
from agerepro.io import digest_of_bytes
from agerepro.splits.leakage import part_order

BLOCK, TILE = 256, 4096  # pictures compared with each other at once; their 8 MB stay in a cache


@dataclass(frozen=True)
class ImageHashes:
    """Photos that could be read, in order, with a digest of their bytes and a 64-bit perceptual hash; and the others, with why."""

    photos: tuple[str, ...]
    digests: tuple[str, ...]
    hashes: np.ndarray  # (n,) uint64
    unreadable: dict[str, str]


@dataclass(frozen=True)
class NearDuplicate:
    """Two photos in different parts of one fold: `distance` is the number of bits that differ, and None where the bytes are the same."""

    fold: str
    parts: tuple[str, str]
    photos: tuple[str, str]
    people: tuple[str, str]
    distance: int | None


def hash_images(photos: list[str], folder: Path, *, on_progress: Callable[[int, int], object] = lambda count, total: None) -> ImageHashes:
    """Digest and perceptual hash (pHash, 8 x 8 of a cosine transform, by ImageHash) of every picture `folder / photo`."""
    import imagehash
    from PIL import Image

    hashed: list[tuple[str, str, int]] = []
    unreadable: dict[str, str] = {}
    for count, photo in enumerate(photos, start=1):
        try:
            content = (folder / photo).read_bytes()
            bits = imagehash.phash(Image.fromarray(decode(content))).hash
            hashed.append((photo, digest_of_bytes(content), int(np.packbits(bits).view(">u8")[0])))
        except OSError as error:
            unreadable[photo] = error.strerror or "cannot be read"
        except DecodeError as error:
            unreadable[photo] = error.reason
        on_progress(count, len(photos))
    names, digests, hashes = zip(*hashed) if hashed else ((), (), ())
    return ImageHashes(tuple(names), tuple(digests), np.array(hashes, dtype=np.uint64), unreadable)


def find_near_duplicates(rows: pd.DataFrame, pictures: ImageHashes, *, distance: int) -> list[NearDuplicate]:
    """Pairs of photos in different parts of a fold whose bytes are the same or whose hashes differ in at most `distance` bits.

    rows: photo, subject, part and fold, as `leakage.read_split` gives them. In the order of folds, then same bytes, then distance.
    """
    rows = rows[rows["part"] != ""].drop_duplicates(["fold", "photo", "part"])
    where: dict[str, list[tuple[str, str]]] = {photo: [] for photo in pictures.photos}
    for photo, fold, part in zip(rows["photo"], rows["fold"], rows["part"]):
        if photo in where:
            where[photo].append((fold, part))
    # Photos that are in the same parts of every fold are never on two sides: one number for each such set.
    kinds = {kind: code for code, kind in enumerate({tuple(sorted(kind)) for kind in where.values()})}
    codes = np.array([kinds[tuple(sorted(kind))] for kind in where.values()], dtype=np.int64)
    first, second, differing = close_pairs(pictures.hashes, codes, distance)
    digest = dict(zip(pictures.photos, pictures.digests))
    people = rows.drop_duplicates("photo").set_index("photo")["subject"]
    pairs = [
        NearDuplicate(fold, (part, other), (a, b), (people[a], people[b]), None if digest[a] == digest[b] else int(bits))
        for i, j, bits in zip(first.tolist(), second.tolist(), differing.tolist())
        for a, b in permutations((pictures.photos[i], pictures.photos[j]))
        for fold, part in where[a]
        for same_fold, other in where[b]
        if fold == same_fold and part_order(part) < part_order(other)
    ]
    return sorted(pairs, key=lambda pair: (pair.fold, -1 if pair.distance is None else pair.distance, pair.photos))


def close_pairs(hashes: np.ndarray, codes: np.ndarray, distance: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices i < j, and the bits that differ, of (n,) uint64 hashes at most `distance` apart and of unlike codes.

    Every pair is compared, tile by tile, so none is missed; the time grows with n squared, some nanoseconds a pair.
    """
    empty = np.array([], dtype=np.int64)
    tiles = [(empty, empty, empty.astype(np.uint8))]
    for row in range(0, len(hashes), BLOCK):
        for column in range(row, len(hashes), TILE):
            bits = np.bitwise_count(hashes[row : row + BLOCK, None] ^ hashes[None, column : column + TILE])
            if bits.min() > distance:
                continue
            i, j = np.nonzero(bits <= distance)
            keep = (row + i < column + j) & (codes[row + i] != codes[column + j])
            tiles.append((row + i[keep], column + j[keep], bits[i[keep], j[keep]]))
    first, second, bits = (np.concatenate(columns) for columns in zip(*tiles))
    return first, second, bits
