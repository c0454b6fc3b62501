"""Features as plain files: what is written is read, and what is damaged, missing or of another shape is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agerepro.errors import CheckFailed, UserError
from agerepro.regression.exchange import FEATURES, PartialExchange, read_exchange, write_exchange

PHOTOS = pd.DataFrame({"photo": ["a", "b", "c"], "subject": ["001", "001", "002"], "age": [1.0, 2.5, 30.0], "path": "x"})
FOLDS = pd.DataFrame({"fold": [0, 0, 0], "photo": ["a", "b", "c"], "part": ["train", "train", "test"]})
VALUES = np.arange(12, dtype=np.float64).reshape(3, 4)


def written(folder: Path, values: np.ndarray = VALUES, made_by: str = "0123") -> Path:
    return write_exchange(folder / "features", values, PHOTOS, FOLDS, {"made_by": made_by, "layer": "conv5_3"})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    exchange = read_exchange(written(tmp_path))
    np.testing.assert_array_equal(exchange.features, VALUES.astype(np.float32))
    assert exchange.features.dtype == np.float32 and exchange.meta["layer"] == "conv5_3"
    assert exchange.photos["subject"].tolist() == ["001", "001", "002"]  # no number is made of it
    assert exchange.folds["part"].tolist() == ["train", "train", "test"]


def test_what_was_made_from_the_same_is_left_alone_and_from_other_weights_made_anew(tmp_path: Path) -> None:
    folder = written(tmp_path)
    before = (folder / FEATURES).stat().st_mtime_ns
    written(tmp_path, VALUES + 1)
    assert (folder / FEATURES).stat().st_mtime_ns == before
    written(tmp_path, VALUES + 1, made_by="4567")
    np.testing.assert_array_equal(read_exchange(folder).features, VALUES + 1)


def test_damage_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path)
    content = bytearray((folder / FEATURES).read_bytes())
    content[-2] ^= 1
    (folder / FEATURES).write_bytes(content)
    with pytest.raises(CheckFailed, match=r"features\.npy is damaged"):
        read_exchange(folder)
    np.save(folder / FEATURES, VALUES)
    with pytest.raises(UserError, match="float64"):
        read_exchange(folder)
    (folder / FEATURES).unlink()
    with pytest.raises(UserError, match=r"lacks .*features\.npy"):
        read_exchange(folder)


def test_what_came_block_by_block_is_what_was_written_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "blocks" / "features"
    part = PartialExchange(folder, 3, 4, "0123")
    part.write(0, VALUES[:2])
    part.save(2)
    part.close()  # as a kill leaves it
    assert not folder.exists()
    again = PartialExchange(folder, 3, 4, "0123")
    assert again.done == 2
    again.write(2, VALUES[2:])
    again.finish(PHOTOS, FOLDS, {"layer": "conv5_3"})
    whole = written(tmp_path)
    assert all((folder / name).read_bytes() == (whole / name).read_bytes() for name in (FEATURES, "photos.csv", "folds.csv", "meta.json"))
    assert sorted(path.name for path in (tmp_path / "blocks" / ".features").iterdir()) == []


@pytest.mark.parametrize(("rows", "columns", "made_by"), [(4, 4, "0123"), (3, 5, "0123"), (3, 4, "4567")])
def test_what_is_kept_of_something_else_is_not_taken_up(tmp_path: Path, rows: int, columns: int, made_by: str) -> None:
    part = PartialExchange(tmp_path / "features", 3, 4, "0123")
    part.write(0, VALUES)
    part.save(3)
    part.close()
    other = PartialExchange(tmp_path / "features", rows, columns, made_by)
    assert other.done == 0
    other.close()
