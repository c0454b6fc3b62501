"""Errors by age and by gender, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.evaluation.subgroups import error_by_age, error_by_gender


def test_errors_by_age_by_hand(predictions):
    table = error_by_age(predictions)
    assert table["first"].tolist() == [10, 20, 30, 40]
    assert table["before"].tolist() == [20, 30, 40, 50]
    assert table["photos"].tolist() == [3, 1, 1, 1]
    assert table["mae"].tolist() == [1, 5, 6, 12]
    assert np.isnan(table["low"]).all()  # one person a bin


def test_people_are_those_who_are_known_and_the_interval_takes_every_other_photo_for_one(make_predictions):
    """Twenty-four photos: of six people; of two people and twelve times of nobody known; of nobody known."""
    names = ([f"{place // 4}" for place in range(24)], ["a", "", "b", ""] * 6, [""] * 24)
    tables = [error_by_age(make_predictions([0] * 24, [10.0] * 24, [11.0, 13.0] * 12, subject=subject)) for subject in names]
    assert [int(table["people"][0]) for table in tables] == [6, 2, 0]
    assert [bool(table["low"].notna()[0]) for table in tables] == [False, True, True]  # an interval takes ten


def test_a_bin_of_fewer_than_ten_people_has_no_interval(make_predictions):
    ages = [5.0] * 9 + [15.0] * 10
    table = error_by_age(make_predictions(range(19), ages, np.array(ages) + np.arange(19)))
    assert table["people"].tolist() == [9, 10]
    assert np.isfinite(table["low"]).tolist() == np.isfinite(table["high"]).tolist() == [False, True]


def test_an_age_on_the_edge_belongs_to_the_bin_it_opens(make_predictions):
    assert error_by_age(make_predictions([0, 1], [19.99, 20], [0, 0]), edges=(0, 20, 40))["photos"].tolist() == [1, 1]


def test_fgnet_bins_of_its_published_names(make_predictions, fgnet_names):
    """FG-NET: 710, 223, 61 and 8 photos of ages 0-19, 20-39, 40-59, 60-69 (fidelity notes; counted from the file names)."""
    names = [name for name in fgnet_names if name[:3].isdigit()]
    ages = [int(name[4:6]) for name in names]
    table = error_by_age(make_predictions([int(name[:3]) for name in names], ages, ages), edges=(0, 20, 40, 60, 80))
    assert table["photos"].tolist() == [710, 223, 61, 8]


def test_bins_weighted_by_photos_give_the_pooled_mean(lopo):
    table = error_by_age(lopo)
    assert np.average(table["mae"], weights=table["photos"]) == pytest.approx(np.abs(lopo["predicted"] - lopo["age"]).mean())
    assert (table["low"].isna() | (table["low"] <= table["mae"])).all()


def test_seeds_count_photos_once(predictions):
    two_seeds = error_by_age(pd.concat([predictions, predictions.assign(seed=1)]))
    pd.testing.assert_frame_equal(two_seeds, error_by_age(predictions))


def test_ages_outside_and_wrong_edges_are_refused(predictions):
    with pytest.raises(UserError, match="from 10 to 40"):
        error_by_age(predictions, edges=(0, 40))
    with pytest.raises(UserError, match="growing"):
        error_by_age(predictions, edges=(0, 40, 20))


def test_groups_have_no_ages_to_bin(grouped):
    with pytest.raises(UserError, match="row tells age groups apart"):
        error_by_age(grouped)


def genders(frame, of):
    return {photo: of[index % len(of)] for index, photo in enumerate(sorted(set(frame["photo"])))}


def test_errors_by_gender_by_hand(predictions):
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


def test_seeds_count_the_photos_of_a_gender_once(predictions):
    known = genders(predictions, ["m", "f"])
    two_seeds = error_by_gender(pd.concat([predictions, predictions.assign(seed=1)]), known)
    pd.testing.assert_frame_equal(two_seeds, error_by_gender(predictions, known))
