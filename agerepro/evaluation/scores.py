"""Scores of a run by fold and over all, for ages and age groups, beside predictors that know no face."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import RESAMPLES, Interval, cluster_bootstrap, t_interval
from agerepro.evaluation.metrics import (
    AGGREGATIONS,
    Counts,
    Floats,
    absolute_errors,
    confusion_matrix,
    epsilon_errors,
    groups_off,
    photo_weights,
    precision,
    r2,
    recall,
    spearman,
    within_tolerance,
)
from agerepro.evaluation.predictions import ages_only, check_predictions, groups_only
from agerepro.splits.protocols import people_of
from agerepro.tables import SCORES, coerce

NAN = float("nan")
GROUPS_OFF = {"accuracy": 0, "one_off_accuracy": 1}  # metric -> how many groups off a photo may be
GROUP_METRICS: dict[str, Callable[[ArrayLike, ArrayLike, Sequence[str]], Floats]] = {"precision": precision, "recall": recall}
Score = tuple[str, str, str, Interval]  # fold or "all", aggregation, metric, value with interval


def scores(
    predictions: pd.DataFrame, *, age_std: Mapping[str, float] | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """A SCORES table, one block an experiment and profile; `seed` and `resamples` steer the bootstrap only.

    age_std: photo -> years, how uncertain its age is; the epsilon error is scored where every tested photo has one and they are not all 0.

    fold    mae              the fold's mean absolute error, years; n photos
    macro   mae              mean over folds, with the t interval over folds; n folds
            mae_bootstrap    the same value, with the bootstrap over people (none below ten); n people
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
        for fold, aggregation, metric, interval in _age_scores(block, age_std or {}, seed, resamples):
            rows.append(score_row(str(experiment), str(profile), fold, aggregation, metric, interval))
    return coerce(pd.DataFrame(rows), SCORES)


def score_row(experiment: str, profile: str, fold: str, aggregation: str, metric: str, interval: Interval) -> dict[str, Any]:
    """A row of a SCORES table."""
    return {
        "experiment": experiment,
        "profile": profile,
        "fold": fold,
        "aggregation": aggregation,
        "metric": metric,
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
    }


def fold_errors(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute error in years, one row a fold and one column a seed, of checked predictions."""
    errors = pd.Series(absolute_errors(frame["age"], frame["predicted"]), index=frame.index)
    return errors.groupby([frame["fold"], frame["seed"]]).mean().unstack("seed")


def group_scores(predictions: pd.DataFrame, labels: Sequence[str], *, seed: int = 0, resamples: int = RESAMPLES) -> pd.DataFrame:
    """A SCORES table of shares, one block an experiment and profile; `labels` are all groups of the network in rising order.

    fold    accuracy, one_off_accuracy      right, and right or a neighbour [koenig2019, section 5]; n photos
            precision_25-32, recall_25-32   of each group; n photos given to it, and in it
    macro   accuracy, one_off_accuracy      mean over folds, with the bootstrap over people; n people
            accuracy_std, one_off_accuracy_std   standard deviation over folds, with n - 1; NaN for one fold; n folds
    pooled  accuracy, one_off_accuracy      over all photos, with the bootstrap over people; n photos
            precision_25-32, recall_25-32   as for a fold

    Raises UserError as `check_predictions`, for a run that predicts ages, and for a group that is none of the labels.
    """
    frame = groups_only(check_predictions(predictions))
    rows = []
    for (experiment, profile), block in frame.groupby(["experiment", "profile"], sort=True):
        for fold, aggregation, metric, interval in _group_scores_of_run(block, labels, seed, resamples):
            rows.append(score_row(str(experiment), str(profile), fold, aggregation, metric, interval))
    return coerce(pd.DataFrame(rows), SCORES)


def counts_of(frame: pd.DataFrame, labels: Sequence[str]) -> Counts:
    """The confusion matrix, (k, k), of all photos and seeds of one run's predictions."""
    return confusion_matrix(frame["group"], frame["predicted_group"], labels)


def mean_age_predictions(predictions: pd.DataFrame, training_means: Mapping[int, float]) -> pd.DataFrame:
    """The same photos with `predicted` set to the mean age, in years, of the fold's training part.

    Raises UserError when a fold has no finite mean, and for a run that predicts groups.
    """
    return _constant_predictions(predictions, training_means, "mean")


def median_age_predictions(predictions: pd.DataFrame, training_medians: Mapping[int, float]) -> pd.DataFrame:
    """The same photos with `predicted` set to the median age, in years, of the fold's training part; as `mean_age_predictions`.

    Of all constants this one has the least mean absolute error on the photos that it is the median of.
    """
    return _constant_predictions(predictions, training_medians, "median")


def baseline_scores(
    predictions: pd.DataFrame,
    training_means: Mapping[int, float],
    training_medians: Mapping[int, float],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """SCORES rows `mean_age_mae` and `median_age_mae` (years), and `share_of_mean_age` (our MAE / its MAE; 1 is guessing, 0 is best).

    Both macro and pooled, each with a bootstrap over people; `n` counts people. Raises UserError as the two predictors, and where
    every age is the mean.
    """
    frame = check_predictions(predictions)
    means, medians = mean_age_predictions(frame, training_means), median_age_predictions(frame, training_medians)
    rows = []
    for (experiment, profile), block in frame.groupby(["experiment", "profile"], sort=True):
        errors, mean_errors, median_errors = (
            absolute_errors(block["age"], guesses.loc[block.index, "predicted"]) for guesses in (frame, means, medians)
        )
        if not mean_errors.any():
            raise UserError(f"Every age of {experiment} is the mean age of its training photos: nothing to be a share of.")
        for aggregation in AGGREGATIONS:
            weights = photo_weights(block["fold"], aggregation)
            ratios = {
                "mean_age_mae": (weights * mean_errors, weights),
                "median_age_mae": (weights * median_errors, weights),
                "share_of_mean_age": (weights * errors, weights * mean_errors),
            }
            for metric, (above, below) in ratios.items():
                interval = cluster_bootstrap(above, below, people_of(block), seed=seed, resamples=resamples)
                rows.append(score_row(str(experiment), str(profile), "all", aggregation, metric, interval))
    return coerce(pd.DataFrame(rows), SCORES)


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
    table = group_scores(majority_predictions(predictions, training_groups), labels, seed=seed, resamples=resamples)
    metrics = {metric for name in GROUPS_OFF for metric in (name, f"{name}_std")}
    rows = table[table["metric"].isin(metrics) & (table["fold"] == "all")]
    return rows.assign(metric="majority_" + rows["metric"]).reset_index(drop=True)


def most_frequent(groups: pd.Series, labels: Sequence[str]) -> str:
    """The label of most photos, the youngest of equals; (n,) labels. UserError where there are none."""
    if groups.empty:
        raise UserError("No training photo has a group: there is no most frequent one.")
    counts = groups.value_counts().reindex(list(labels), fill_value=0)
    return str(counts.idxmax())


def _no_interval(value: float, n: int) -> Interval:
    """A score without an interval."""
    return Interval(value, NAN, NAN, n)


def _age_scores(block: pd.DataFrame, age_std: Mapping[str, float], seed: int, resamples: int) -> Iterator[Score]:
    by_fold = fold_errors(block)
    seeds = by_fold.shape[1]
    photos = block.groupby("fold").size() // seeds
    for fold, value, n in zip(by_fold.index, by_fold.mean(axis=1), photos):
        yield str(fold), "fold", "mae", _no_interval(float(value), int(n))
    errors = absolute_errors(block["age"], block["predicted"])

    def over_people(values: np.ndarray, weights: np.ndarray) -> Interval:
        return cluster_bootstrap(weights * values, weights, people_of(block), seed=seed, resamples=resamples)

    yield "all", "macro", "mae", t_interval(by_fold.mean(axis=1))
    yield "all", "macro", "mae_bootstrap", over_people(errors, photo_weights(block["fold"], "macro"))
    for metric, share in (("median", 0.5), ("upper_quartile", 0.75), ("lower_quartile", 0.25)):
        yield "all", "macro", metric, _no_interval(float(by_fold.quantile(share).mean()), len(by_fold))
    yield "all", "macro", "r2", _r2_over_folds(block)
    everywhere = photo_weights(block["fold"], "pooled")
    total = len(block) // seeds
    for metric, values in _pooled(block, errors, age_std).items():
        yield "all", "pooled", metric, replace(over_people(values, everywhere), n=total)
    yield "all", "pooled", "median", _no_interval(float(pd.Series(errors, index=block.index).groupby(block["seed"]).median().mean()), total)
    for metric, measure in (("r2", r2), ("spearman", spearman)):
        by_seed = [measure(part["age"], part["predicted"]) for _, part in block.groupby("seed")]
        yield "all", "pooled", metric, _no_interval(float(np.mean(by_seed)), total)


def _pooled(block: pd.DataFrame, errors: Floats, age_std: Mapping[str, float]) -> dict[str, Floats]:
    """What is averaged over all photos, (n,) each, by metric."""
    values = {"mae": errors, "cs_5": within_tolerance(errors, within=5, limit="included").astype("float64")}
    values |= {f"ca_{years}": within_tolerance(errors, within=years, limit="excluded").astype("float64") for years in (3, 5, 7)}
    spread = block["photo"].map(dict(age_std)).astype("float64")
    if not ((spread >= 0).all() and (spread > 0).any()):
        return values
    return values | {"epsilon_error": epsilon_errors(block["age"], block["predicted"], spread)}


def _r2_over_folds(block: pd.DataFrame) -> Interval:
    """Mean of the folds' R2; a fold with one age only has none and is left out, as `n` shows."""
    explained = [part for _, part in block.groupby(["fold", "seed"]) if part["age"].nunique() > 1]
    if not explained:
        return _no_interval(NAN, 0)
    folds = len({int(part["fold"].iloc[0]) for part in explained})
    return _no_interval(float(np.mean([r2(part["age"], part["predicted"]) for part in explained])), folds)


def _group_scores_of_run(block: pd.DataFrame, labels: Sequence[str], seed: int, resamples: int) -> Iterator[Score]:
    seeds = block["seed"].nunique()
    off = groups_off(block["group"], block["predicted_group"], labels)
    for metric, allowed in GROUPS_OFF.items():
        right = pd.Series((off <= allowed).astype("float64"), index=block.index)
        by_fold = right.groupby([block["fold"], block["seed"]]).mean().unstack("seed")
        photos = block.groupby("fold").size() // seeds
        for fold, value, n in zip(by_fold.index, by_fold.mean(axis=1), photos):
            yield str(fold), "fold", metric, _no_interval(float(value), int(n))
        for aggregation in AGGREGATIONS:
            weights = photo_weights(block["fold"], aggregation)
            interval = cluster_bootstrap(weights * right, weights, people_of(block), seed=seed, resamples=resamples)
            yield "all", aggregation, metric, interval if aggregation == "macro" else replace(interval, n=len(block) // seeds)
        spread = float(by_fold.std(ddof=1).mean()) if len(by_fold) > 1 else NAN
        yield "all", "macro", f"{metric}_std", _no_interval(spread, len(by_fold))
    for fold, part in block.groupby("fold"):
        yield from _scores_by_group(str(fold), "fold", part, labels, seeds)
    yield from _scores_by_group("all", "pooled", block, labels, seeds)


def _scores_by_group(fold: str, aggregation: str, part: pd.DataFrame, labels: Sequence[str], seeds: int) -> Iterator[Score]:
    counts = counts_of(part, labels)
    for (metric, measure), photos in zip(GROUP_METRICS.items(), (counts.sum(axis=0), counts.sum(axis=1))):
        for label, value, n in zip(labels, measure(part["group"], part["predicted_group"], labels), photos):
            yield fold, aggregation, f"{metric}_{label}", _no_interval(float(value), int(n) // seeds)


def _constant_predictions(predictions: pd.DataFrame, ages: Mapping[int, float], name: str) -> pd.DataFrame:
    frame = ages_only(check_predictions(predictions))
    lacking = sorted({int(fold) for fold in frame["fold"] if not np.isfinite(ages.get(int(fold), NAN))})
    if lacking:
        raise UserError(
            f"The {name} age of the training photos is not known for fold {', '.join(map(str, lacking[:8]))}. "
            f"Give training_{name}s for every fold that is scored."
        )
    constants = frame["fold"].map({fold: float(age) for fold, age in ages.items()})
    return frame.assign(predicted=constants.astype("float64"), **dict.fromkeys(("expectation", "rounded", "median", "argmax"), NAN))
