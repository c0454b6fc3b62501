"""Tables come back from disk as they were, and a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.pandas import column, data_frames, range_indexes

from agerepro.errors import UserError
from agerepro.tables import PHOTOS, PREDICTIONS, coerce, read_table, write_table

words = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=8)


@given(
    frame=data_frames(
        [
            column("photo", elements=words, dtype=object),
            column("subject", elements=st.sampled_from(["001", "NA", "nan", ""]), dtype=object),
            column("age", elements=st.floats(allow_infinity=False, width=64)),
        ],
        index=range_indexes(min_size=1),
    )
)
def test_text_and_floats_survive_exactly(tmp_path_factory: pytest.TempPathFactory, frame: pd.DataFrame) -> None:
    path = tmp_path_factory.mktemp("table") / "photos.csv"
    pd.testing.assert_frame_equal(read_table(write_table(path, frame, PHOTOS), PHOTOS), coerce(frame, PHOTOS))


def test_unknown_missing_and_mistyped_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column agee"):
        coerce(pd.DataFrame({"agee": [1.0]}), PHOTOS)
    with pytest.raises(UserError, match="needs the column fold"):
        coerce(pd.DataFrame({"photo": ["a"]}), PREDICTIONS)
    with pytest.raises(UserError, match=r"photos.age holds a value that is not a number"):
        coerce(pd.DataFrame({"age": ["old"]}), PHOTOS)
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"wrong\.csv is not a photos table: it lacks photo"):
        read_table(tmp_path / "wrong.csv", PHOTOS)
    with pytest.raises(UserError, match=r"none.csv does not exist"):
        read_table(tmp_path / "none.csv", PHOTOS)


def test_missing_numbers_are_nan_and_missing_text_is_empty() -> None:
    frame = coerce(pd.DataFrame({"photo": ["a", None]}), PHOTOS)
    assert list(frame["photo"]) == ["a", ""] and np.isnan(frame["age"]).all() and list(frame["gender"]) == ["", ""]


def test_a_table_from_before_a_column_came_is_read_without_it(tmp_path: Path) -> None:
    path = write_table(tmp_path / "photos.csv", pd.DataFrame({"photo": ["a"], "age": [3.0], "score": [0.5]}), PHOTOS)
    older = pd.read_csv(path).drop(columns="score")
    older.to_csv(path, index=False)
    assert np.isnan(read_table(path, PHOTOS)["score"]).all() and list(read_table(path, PHOTOS)["age"]) == [3.0]
