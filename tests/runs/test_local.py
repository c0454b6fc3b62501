"""What a run writes down about its data sets before anything trains."""

from __future__ import annotations

import numpy as np
import pandas as pd

from agerepro.faces.prepare import FaceDataset
from agerepro.faces.store import FaceStore
from agerepro.runs.local import _count_ages
from agerepro.tables import AGES, coerce


def test_ages_are_counted_by_data_set_and_unknown_ones_left_out(tmp_path) -> None:
    def prepared(name: str, ages: list[float]) -> FaceDataset:
        return FaceDataset(name, pd.DataFrame({"age": ages}), FaceStore(tmp_path / name), 64, "0", {})

    sets = {"people": prepared("people", [np.nan, np.nan]), "imdb": prepared("imdb", [30.0, 4.0, 30.0]), "fgnet": prepared("fgnet", [4.0])}
    counted = coerce(_count_ages(sets), AGES)
    assert counted.to_numpy().tolist() == [["imdb", 4.0, 1], ["imdb", 30.0, 2], ["fgnet", 4.0, 1]]
    nothing = coerce(_count_ages({"people": sets["people"]}), AGES)
    assert nothing.empty
