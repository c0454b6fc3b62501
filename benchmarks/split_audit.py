"""Prints how long the audit of a split takes: 55,000 rows, some thousand pictures, and all pairs of 55,000 hashes."""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from agerepro.splits.leakage import Columns, audit_split, read_split
from agerepro.splits.near_duplicates import close_pairs, hash_images


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Make a random 80:20 split of images, some pictures, and hashes, and print what each part of the audit takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=55_000)
    parser.add_argument("--pictures", type=int, default=5_000)
    parser.add_argument("--size", type=int, default=256, help="side of a picture, pixels (default: 256)")
    options = parser.parse_args()
    draws = np.random.default_rng(0)
    part = np.where(draws.random(options.rows) < 0.8, "train", "test")
    photos = [f"{number:06d}.jpg" for number in range(options.rows)]
    people = draws.integers(0, options.rows // 4, options.rows)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "split.csv"
        pd.DataFrame({"photo": photos, "subject": people, "split": part}).to_csv(file, index=False)
        took = seconds(lambda: audit_split(read_split(file, Columns())))
        print(f"{options.rows:,} rows read and audited: {took:.2f} s")
        pictures = photos[: options.pictures]
        for name in pictures:
            greys = Image.fromarray(draws.integers(0, 256, (16, 16, 3), dtype=np.uint8)).resize((options.size, options.size))
            content = io.BytesIO()
            greys.save(content, "JPEG", quality=90)
            (Path(folder) / name).write_bytes(content.getvalue())
        took = seconds(lambda: hash_images(pictures, Path(folder)))
    hashes = draws.integers(0, 2**64, options.rows, dtype=np.uint64)
    print(f"{len(pictures):,} pictures of {options.size} px read and hashed: {took:.1f} s, "
          f"{1000 * took / len(pictures):.1f} ms each; {options.rows:,}: {took / len(pictures) * options.rows:.0f} s")  # fmt: skip
    took = seconds(lambda: close_pairs(hashes, np.unique(part, return_inverse=True)[1], 2))
    print(f"all pairs of {options.rows:,} hashes compared: {took:.1f} s")


if __name__ == "__main__":
    main()
