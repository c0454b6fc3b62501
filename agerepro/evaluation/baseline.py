"""Scores of the predictor that says the mean age of the training photos, and ours as a share of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.check import ages_only, check_predictions, people
from agerepro.evaluation.intervals import RESAMPLES, bootstrap_people
from agerepro.evaluation.metrics import AGGREGATIONS, absolute_errors, photo_weights
from agerepro.evaluation.scores import score_row
from agerepro.tables import SCORES, conform


def mean_age_predictions(predictions: pd.DataFrame, training_means: Mapping[int, float]) -> pd.DataFrame:
    """The same photos with `predicted` set to the mean age, in years, of the fold's training part.

    Raises UserError when a fold has no finite mean, and for a run that predicts groups.
    """
    frame = ages_only(check_predictions(predictions))
    lacking = sorted({int(fold) for fold in frame["fold"] if not np.isfinite(training_means.get(int(fold), float("nan")))})
    if lacking:
        raise UserError(
            f"The mean age of the training photos is not known for fold {', '.join(map(str, lacking[:8]))}. "
            "Give training_means for every fold that is scored."
        )
    means = frame["fold"].map({fold: float(mean) for fold, mean in training_means.items()})
    unknown = {column: float("nan") for column in ("expectation", "rounded", "median", "argmax")}
    return frame.assign(predicted=means.astype("float64"), **unknown)


def baseline_scores(
    predictions: pd.DataFrame, training_means: Mapping[int, float], *, seed: int = 0, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """SCORES rows `mean_age_mae` (years) and `share_of_mean_age` (our MAE / its MAE, below 1 is better than guessing).

    Both macro and pooled, each with a bootstrap over people; `n` counts people.
    """
    frame = check_predictions(predictions)
    guesses = mean_age_predictions(frame, training_means)
    rows = []
    for (experiment, profile), ours in frame.groupby(["experiment", "profile"], sort=True):
        guessed = absolute_errors(ours["age"], guesses.loc[ours.index, "predicted"])
        errors = absolute_errors(ours["age"], ours["predicted"])
        if not guessed.any():
            raise UserError(f"Every age of {experiment} is the mean age of its training photos: nothing to be a share of.")
        for aggregation in AGGREGATIONS:
            weights = photo_weights(ours["fold"], aggregation)
            who = people(ours)
            ratios = {"mean_age_mae": (weights * guessed, weights), "share_of_mean_age": (weights * errors, weights * guessed)}
            for metric, (above, below) in ratios.items():
                found = bootstrap_people(above, below, who, seed=seed, resamples=resamples)
                rows.append(score_row(str(experiment), str(profile), "all", aggregation, metric, found))
    return conform(pd.DataFrame(rows), SCORES)
