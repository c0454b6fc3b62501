"""What is learnt of a photo: which column, less which prediction, as which class; and what a run is judged by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.config.learning import Age, AgeGroups, AgeRange, Classification, Identity, Regression
from agerepro.errors import UserError
from agerepro.tasks.labels import judged, label_values, names_of, numbers_of, prediction_column

AS_IT_IS = Regression()
DEX = Classification(ages=AgeRange(first=1, last=100), label="nearest")
RESIDUAL = Classification(ages=AgeRange(first=-50, last=50), label="nearest")


def photos(**columns: list[float]) -> pd.DataFrame:
    """Three photos of two people, with years, votes and scores."""
    table = {
        "photo": ["a", "b", "c"],
        "subject": ["1", "1", "2"],
        "age": [30.0, 4.0, 71.0],
        "age_std": [0.0, 1.0, 2.0],
        "apparent_age": [33.25, 4.5, 60.0],
        "apparent_std": [3.0, 0.5, 6.0],
        "score": [0.25, 0.7, 0.95],
        "group": ["25-32", "4-6", "60-100"],
    }
    return pd.DataFrame({**table, **columns})


def nearest(label: float, centres: np.ndarray) -> float:
    """agustsson2017, equation 1, word for word: the centre y_j whose distance to the age is the least."""
    return min(centres, key=lambda centre: abs(label - centre))


@pytest.mark.parametrize("column", ["age", "apparent_age", "score"])
def test_the_label_is_the_column_that_the_target_names(column: str) -> None:
    labels = label_values(Age(column=column), AS_IT_IS, photos())
    assert labels.dtype == np.float32
    np.testing.assert_array_equal(labels, photos()[column].to_numpy(np.float32))


@pytest.mark.parametrize("column", ["age", "apparent_age", "score"])
@pytest.mark.parametrize("head", [AS_IT_IS, DEX, Classification()])
def test_photos_without_the_label_are_counted_and_the_first_is_named(column: str, head: object) -> None:
    table = photos(**{column: [0.5, np.nan, np.nan]})
    with pytest.raises(UserError, match=rf"2 of 3 photos have no {column} \(first: b\)"):
        label_values(Age(column=column), head, table)
    with pytest.raises(UserError, match="first: b"):  # also where something is subtracted from it
        label_values(Age(column=column, residual_of="real"), head, table.assign(**{prediction_column("real"): 1.0}))


def test_numbers_of_a_column_are_all_there_or_refused() -> None:
    np.testing.assert_array_equal(numbers_of(photos(), "apparent_age"), [33.25, 4.5, 60.0])
    with pytest.raises(UserError, match=r"1 of 3 photos have no apparent_age \(first: c\)"):
        numbers_of(photos(apparent_age=[1.0, 2.0, np.nan]), "apparent_age")


def test_a_residual_is_the_label_less_the_prediction_of_that_stage() -> None:
    table = photos(**{prediction_column("real"): [28.5, 10.25, 70.9], prediction_column("other"): [0.0, 0.0, 0.0]})
    residuals = label_values(Age(residual_of="real"), AS_IT_IS, table)
    assert residuals.dtype == np.float32
    np.testing.assert_allclose(residuals, [30 - 28.5, 4 - 10.25, 71 - 70.9], rtol=1e-5)
    np.testing.assert_allclose(label_values(Age("apparent_age", residual_of="real"), AS_IT_IS, table), [4.75, -5.75, -10.9], rtol=1e-5)
    np.testing.assert_array_equal(label_values(Age(residual_of="real"), RESIDUAL, table), [2, -6, 0])  # 1.5 is as near to 1: the older


def test_a_residual_is_taken_before_it_is_rounded_to_single_precision() -> None:
    table = photos(age=[30.0, 4.0, 71.0], **{prediction_column("real"): [30.0 - 1e-9, 4.0 + 1e-9, 71.0]})
    np.testing.assert_allclose(label_values(Age(residual_of="real"), AS_IT_IS, table), [1e-9, -1e-9, 0], rtol=1e-5)


@given(st.floats(0, 110, width=32))
def test_the_nearest_class_of_dex_is_the_least_distance(age: float) -> None:
    centres = np.arange(1, 101, dtype=np.float64)
    mine = float(label_values(Age(), DEX, photos(age=[age, 1.0, 1.0]))[0])
    assert mine in centres and abs(age - mine) == abs(age - nearest(age, centres))


@pytest.mark.parametrize(("age", "centre"), [(0.0, 1), (0.4, 1), (1.4, 1), (1.6, 2), (99.6, 100), (100.0, 100), (100.7, 100), (120.0, 100)])
def test_ages_beyond_the_ends_belong_to_the_last_classes(age: float, centre: float) -> None:
    assert nearest(age, np.arange(1, 101)) == centre
    np.testing.assert_array_equal(label_values(Age(), DEX, photos(age=[age] * 3)), [centre] * 3)


@given(st.floats(-120, 120, width=32))
def test_the_nearest_class_of_a_residual_is_the_least_distance_and_the_ends_hold_what_is_beyond(residual: float) -> None:
    table = photos(age=[residual] * 3, **{prediction_column("real"): [0.0] * 3})
    centres = np.arange(-50, 51, dtype=np.float64)
    mine = float(label_values(Age(residual_of="real"), RESIDUAL, table)[0])
    assert mine in centres and abs(residual - mine) == abs(residual - nearest(residual, centres))
    if abs(residual) > 50:
        assert mine == np.sign(residual) * 50


@given(st.floats(0, 1, width=32))
def test_scores_fall_on_the_nearest_of_steps(score: float) -> None:
    head = Classification(ages=AgeRange(first=0, last=1, step=0.05), label="nearest")
    centres = np.array([0.05 * step for step in range(21)])
    (mine, *_) = label_values(Age(column="score"), head, photos(score=[score, 0.0, 1.0]))
    assert mine in centres.astype(np.float32)
    assert abs(score - float(mine)) == pytest.approx(abs(score - nearest(score, centres)), abs=1e-6)


def test_halves_go_to_the_older_class_below_zero_too() -> None:
    table = photos(age=[2.5, -2.5, -0.5], **{prediction_column("real"): [0.0] * 3})
    np.testing.assert_array_equal(label_values(Age(residual_of="real"), RESIDUAL, table), [3, -2, 0])
    np.testing.assert_array_equal(label_values(Age(), Classification(label="nearest"), photos(age=[2.5, 3.49, 0.5])), [3, 3, 1])


def test_an_exact_head_leaves_decimals_as_they_are() -> None:
    np.testing.assert_array_equal(label_values(Age(column="apparent_age"), Classification(), photos()), [33.25, 4.5, 60])


def test_a_run_is_judged_by_what_it_learns() -> None:
    table = photos()
    pd.testing.assert_frame_equal(judged(table, Age()), table)
    votes = judged(table, Age(column="apparent_age", residual_of="real"))
    assert votes["age"].tolist() == [33.25, 4.5, 60.0] and votes["age_std"].tolist() == [3.0, 0.5, 6.0]
    scores = judged(table, Age(column="score"))
    assert scores["age"].tolist() == [0.25, 0.7, 0.95] and scores["age_std"].isna().all()
    assert table["age"].tolist() == [30.0, 4.0, 71.0]  # what is given is not changed
    for target in (Identity(), AgeGroups(labels=("0-20", "21-100"))):
        pd.testing.assert_frame_equal(judged(table, target), table)


def test_names_are_people_or_groups() -> None:
    assert names_of(Identity(), photos()).tolist() == ["1", "1", "2"]
    assert names_of(AgeGroups(labels=("0-20", "21-100")), photos()).tolist() == ["21-100", "0-20", "21-100"]
    with pytest.raises(UserError, match="first: c"):
        names_of(Identity(), photos().assign(subject=["1", "1", ""]))
