"""The scores table of predictions: every fold's error, and their summaries with intervals.

Several seeds: predictions are never averaged (that would be an ensemble, a better model than any of the runs). Every
number is computed for each seed alone, and the numbers are averaged. The intervals describe people, not seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from agerepro.evaluation.check import ages_only, check_predictions, people
from agerepro.evaluation.intervals import RESAMPLES, Interval, bootstrap_people, normal_interval
from agerepro.evaluation.metrics import Floats, absolute_errors, epsilon_errors, near_enough, photo_weights, r2, spearman
from agerepro.tables import SCORES, conform

NAN = float("nan")
Score = tuple[str, str, str, Interval]  # fold or "all", aggregation, metric, value with interval


def scores(
    predictions: pd.DataFrame, *, age_std: Mapping[str, float] | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """A SCORES table, one block an experiment and profile; `seed` and `resamples` steer the bootstrap only.

    age_std: photo -> years, how uncertain its age is; the epsilon error is scored where every tested photo has one above 0.

    fold    mae              the fold's mean absolute error, years; n photos
    macro   mae              mean over folds, with the thesis's normal interval over folds; n folds
            mae_bootstrap    the same value, with the bootstrap over people; n people
            median, upper_quartile, lower_quartile   of the folds' errors, years (linear between folds); n folds
            r2               mean over the folds that have two ages or more; n such folds
    pooled  mae, cs_5        over all photos, with the bootstrap over people; cs_5 is a share; n photos
            ca_3, ca_5, ca_7   shares of photos less than so many years off [liu2020, equation 6]; the same
            epsilon_error    0 best, 1 worst [pan2018; teh2018]; the same
            median, r2, spearman   over all photos; n photos

    Raises UserError as `check_predictions`, and for a run that predicts groups.
    """
    frame = ages_only(check_predictions(predictions))
    rows = []
    for (experiment, profile), block in frame.groupby(["experiment", "profile"], sort=True):
        for fold, aggregation, metric, found in _scores_of_one(block, age_std or {}, seed, resamples):
            rows.append(score_row(str(experiment), str(profile), fold, aggregation, metric, found))
    return conform(pd.DataFrame(rows), SCORES)


def score_row(experiment: str, profile: str, fold: str, aggregation: str, metric: str, found: Interval) -> dict[str, Any]:
    """One row of a SCORES table."""
    return {
        "experiment": experiment,
        "profile": profile,
        "fold": fold,
        "aggregation": aggregation,
        "metric": metric,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
    }


def fold_errors(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute error in years, one row a fold and one column a seed, of checked predictions."""
    errors = pd.Series(absolute_errors(frame["age"], frame["predicted"]), index=frame.index)
    return errors.groupby([frame["fold"], frame["seed"]]).mean().unstack("seed")


def _scores_of_one(block: pd.DataFrame, age_std: Mapping[str, float], seed: int, resamples: int) -> Iterator[Score]:
    by_fold = fold_errors(block)
    seeds = by_fold.shape[1]
    photos = block.groupby("fold").size() // seeds
    for fold, value, n in zip(by_fold.index, by_fold.mean(axis=1), photos):
        yield str(fold), "fold", "mae", bare(float(value), int(n))
    errors = absolute_errors(block["age"], block["predicted"])

    def over_people(values: np.ndarray, weights: np.ndarray) -> Interval:
        return bootstrap_people(weights * values, weights, people(block), seed=seed, resamples=resamples)

    yield "all", "macro", "mae", normal_interval(by_fold.mean(axis=1))
    yield "all", "macro", "mae_bootstrap", over_people(errors, photo_weights(block["fold"], "macro"))
    for metric, share in (("median", 0.5), ("upper_quartile", 0.75), ("lower_quartile", 0.25)):
        yield "all", "macro", metric, bare(float(by_fold.quantile(share).mean()), len(by_fold))
    yield "all", "macro", "r2", _r2_over_folds(block)
    everywhere = photo_weights(block["fold"], "pooled")
    total = len(block) // seeds
    for metric, values in _pooled(block, errors, age_std).items():
        found = over_people(values, everywhere)
        yield "all", "pooled", metric, Interval(found.value, found.low, found.high, total)
    yield "all", "pooled", "median", bare(float(pd.Series(errors, index=block.index).groupby(block["seed"]).median().mean()), total)
    for metric, measure in (("r2", r2), ("spearman", spearman)):
        by_seed = [measure(part["age"], part["predicted"]) for _, part in block.groupby("seed")]
        yield "all", "pooled", metric, bare(float(np.mean(by_seed)), total)


def _pooled(block: pd.DataFrame, errors: Floats, age_std: Mapping[str, float]) -> dict[str, Floats]:
    """What is averaged over all photos, (n,) each, by metric."""
    values = {"mae": errors, "cs_5": near_enough(errors, within=5, limit="included").astype("float64")}
    values |= {f"ca_{years}": near_enough(errors, within=years, limit="excluded").astype("float64") for years in (3, 5, 7)}
    spread = block["photo"].map(dict(age_std)).astype("float64")
    return values | ({"epsilon_error": epsilon_errors(block["age"], block["predicted"], spread)} if (spread > 0).all() else {})


def _r2_over_folds(block: pd.DataFrame) -> Interval:
    """Mean of the folds' R2; a fold with one age only has none and is left out, as `n` shows."""
    explained = [part for _, part in block.groupby(["fold", "seed"]) if part["age"].nunique() > 1]
    if not explained:
        return bare(NAN, 0)
    folds = len({int(part["fold"].iloc[0]) for part in explained})
    return bare(float(np.mean([r2(part["age"], part["predicted"]) for part in explained])), folds)


def bare(value: float, n: int) -> Interval:
    """A score without an interval."""
    return Interval(value, NAN, NAN, n)
