from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.evaluation.by_gender import error_by_gender


def genders(frame, of):
    return {photo: of[index % len(of)] for index, photo in enumerate(sorted(set(frame["photo"])))}


def test_by_hand(predictions):
    # Errors 0 1 2 | 5 | 6 12.
    table = error_by_gender(predictions, genders(predictions, ["m", "f", "m"]))
    assert table["gender"].tolist() == ["f", "m"]
    assert table["photos"].tolist() == [2, 4]
    assert table["error"].tolist() == [(1 + 6) / 2, (0 + 2 + 5 + 12) / 4]
    assert table["people"].tolist() == [2, 3]


def test_unknown_comes_last_and_photos_weigh_the_pooled_mean(lopo):
    known = genders(lopo, ["m", "", "f"])
    known.pop(lopo["photo"].iloc[0])  # a photo of which nothing is told
    table = error_by_gender(lopo, known)
    assert table["gender"].tolist() == ["f", "m", ""]
    assert table["photos"].tolist() == [list(known.values()).count(gender) + (gender == "") for gender in ("f", "m", "")]
    assert np.average(table["error"], weights=table["photos"]) == pytest.approx(np.abs(lopo["predicted"] - lopo["age"]).mean())
    assert (table["low"] <= table["error"]).all()


def test_of_groups_it_is_the_share_of_wrong_photos(grouped):
    table = error_by_gender(grouped, genders(grouped, ["f", "f", "m"]))
    assert table.set_index("gender")["error"].to_dict() == {"f": 2 / 4, "m": 1 / 2}


def test_seeds_count_photos_once(predictions):
    known = genders(predictions, ["m", "f"])
    both = error_by_gender(pd.concat([predictions, predictions.assign(seed=1)]), known)
    pd.testing.assert_frame_equal(both, error_by_gender(predictions, known))
