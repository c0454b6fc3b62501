"""What is refused before anything is scored."""

from __future__ import annotations

import pandas as pd
import pytest

from agerepro.errors import UserError
from agerepro.evaluation.predictions import ages_only, check_one_run, check_predictions, groups_only, predicts_age_groups
from agerepro.splits.protocols import people_of


def test_rows_come_in_one_order(predictions):
    shuffled = predictions.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(check_predictions(shuffled), check_predictions(predictions))


@pytest.mark.parametrize("column", ["age", "predicted"])
def test_a_missing_number_names_its_photo_and_fold(predictions, column):
    predictions.loc[3, column] = float("nan")
    with pytest.raises(UserError, match=r"1 of 6 predictions .* first set/0003.jpg in fold 1, seed 0"):
        check_predictions(predictions)


def test_a_photo_twice_in_a_fold_is_refused(predictions):
    with pytest.raises(UserError, match=r"1 predictions occur twice, first set/0003\.jpg"):
        check_predictions(pd.concat([predictions, predictions.iloc[[3]]]))


def test_seeds_must_hold_the_same_photos(predictions):
    second = predictions[predictions["fold"] != 2].assign(seed=1)
    with pytest.raises(UserError, match="Seeds 0 and 1 of row hold different photos in fold 2"):
        check_predictions(pd.concat([predictions, second]))


def test_no_predictions_are_refused(predictions):
    with pytest.raises(UserError, match="no predictions"):
        check_predictions(predictions.iloc[:0])


def test_two_runs_where_one_belongs_are_named(predictions):
    with pytest.raises(UserError, match=r"row \(demo\), other \(demo\)|other \(demo\), row \(demo\)"):
        check_one_run(pd.concat([predictions, predictions.assign(experiment="other")]))


def test_a_photo_of_nobody_known_is_a_person_of_its_own(predictions):
    assert people_of(predictions.assign(subject=["a", "a", "", "", "b", "b"])).nunique() == 4


def test_groups_must_be_told_for_every_photo(grouped):
    grouped.loc[4, "group"] = ""
    with pytest.raises(UserError, match=r"1 of 6 predictions have no group or predicted group, first set/0004.jpg in fold 1"):
        check_predictions(grouped)


def test_runs_of_ages_and_of_groups_are_told_apart(predictions, grouped):
    assert predicts_age_groups(grouped) and not predicts_age_groups(predictions)
    two_runs = check_predictions(pd.concat([predictions, grouped.assign(experiment="grouped")]))
    with pytest.raises(UserError, match="grouped tells age groups apart and predicts no ages"):
        ages_only(two_runs)
    with pytest.raises(UserError, match="row predicts ages and tells no age groups apart"):
        groups_only(two_runs)
    assert ages_only(predictions) is predictions and groups_only(grouped) is grouped
