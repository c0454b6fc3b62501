"""Scores of the predictor that says the most frequent age group of the training photos for everyone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.check import check_predictions, groups_only
from agerepro.evaluation.group_scores import ALLOWED, group_scores
from agerepro.evaluation.intervals import RESAMPLES


def majority_predictions(predictions: pd.DataFrame, training_groups: Mapping[int, str]) -> pd.DataFrame:
    """The same photos with `predicted_group` set to the most frequent group of the fold's training part.

    Raises UserError when a fold has none, and for a run that predicts ages.
    """
    frame = groups_only(check_predictions(predictions))
    lacking = sorted({int(fold) for fold in frame["fold"] if not training_groups.get(int(fold), "")})
    if lacking:
        raise UserError(
            f"The most frequent group of the training photos is not known for fold {', '.join(map(str, lacking[:8]))}. "
            "Give training_groups for every fold that is scored."
        )
    return frame.assign(predicted_group=frame["fold"].map(dict(training_groups)))


def majority_scores(
    predictions: pd.DataFrame, training_groups: Mapping[int, str], labels: Sequence[str], *, seed: int = 0, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """SCORES rows `majority_accuracy`, `majority_one_off_accuracy` and their `_std`: macro and pooled, as in `group_scores`."""
    found = group_scores(majority_predictions(predictions, training_groups), labels, seed=seed, resamples=resamples)
    kept = {metric for name in ALLOWED for metric in (name, f"{name}_std")}
    rows = found[found["metric"].isin(kept) & (found["fold"] == "all")]
    return rows.assign(metric="majority_" + rows["metric"]).reset_index(drop=True)


def most_frequent(groups: pd.Series, labels: Sequence[str]) -> str:
    """The label of most photos, the youngest of equals; (n,) labels. UserError where there are none."""
    if groups.empty:
        raise UserError("No training photo has a group: there is no most frequent one.")
    counts = groups.value_counts().reindex(list(labels), fill_value=0)
    return str(counts.idxmax())
