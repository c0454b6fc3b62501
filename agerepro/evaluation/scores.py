"""Scores of a run by fold and over all, for ages and age groups, beside predictors that know no face."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import RESAMPLES, Interval, cluster_bootstrap, normal_interval
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
from agerepro.evaluation.predictions import ages_only, check_predictions, groups_only, people
from agerepro.tables import SCORES, coerce

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
        for fold, aggregation, metric, found in _age_scores(block, age_std or {}, seed, resamples):
            rows.append(score_row(str(experiment), str(profile), fold, aggregation, metric, found))
    return coerce(pd.DataFrame(rows), SCORES)


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


def _age_scores(block: pd.DataFrame, age_std: Mapping[str, float], seed: int, resamples: int) -> Iterator[Score]:
    by_fold = fold_errors(block)
    seeds = by_fold.shape[1]
    photos = block.groupby("fold").size() // seeds
    for fold, value, n in zip(by_fold.index, by_fold.mean(axis=1), photos):
        yield str(fold), "fold", "mae", bare(float(value), int(n))
    errors = absolute_errors(block["age"], block["predicted"])

    def over_people(values: np.ndarray, weights: np.ndarray) -> Interval:
        return cluster_bootstrap(weights * values, weights, people(block), seed=seed, resamples=resamples)

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
    values = {"mae": errors, "cs_5": within_tolerance(errors, within=5, limit="included").astype("float64")}
    values |= {f"ca_{years}": within_tolerance(errors, within=years, limit="excluded").astype("float64") for years in (3, 5, 7)}
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


# Metric -> how many groups off a photo may be.
ALLOWED = {"accuracy": 0, "one_off_accuracy": 1}
EACH_GROUP: dict[str, Callable[[Counts], np.ndarray]] = {"precision": precision, "recall": recall}


def group_scores(predictions: pd.DataFrame, labels: Sequence[str], *, seed: int = 0, resamples: int = RESAMPLES) -> pd.DataFrame:
    """A SCORES table of shares, one block an experiment and profile; `labels` are all groups of the network in rising order.

    fold    accuracy, one_off_accuracy      right, and right or a neighbour [koenig2019, section 5]; n photos
            precision_25-32, recall_25-32   of each group; n photos said to be in it, and in it
    macro   accuracy, one_off_accuracy      mean over folds, with the bootstrap over people; n people
            accuracy_std, one_off_accuracy_std   standard deviation over folds, with n - 1; NaN for one fold; n folds
    pooled  accuracy, one_off_accuracy      over all photos, with the bootstrap over people; n photos
            precision_25-32, recall_25-32   as for a fold

    Raises UserError as `check_predictions`, for a run that predicts ages, and for a group that is none of the labels.
    """
    frame = groups_only(check_predictions(predictions))
    rows = []
    for (experiment, profile), block in frame.groupby(["experiment", "profile"], sort=True):
        for fold, aggregation, metric, found in _group_scores_of_run(block, labels, seed, resamples):
            rows.append(score_row(str(experiment), str(profile), fold, aggregation, metric, found))
    return coerce(pd.DataFrame(rows), SCORES)


def counts_of(frame: pd.DataFrame, labels: Sequence[str]) -> Counts:
    """The confusion matrix, (k, k), of all photos and seeds of one run's predictions."""
    return confusion_matrix(frame["group"], frame["predicted_group"], labels)


def _group_scores_of_run(block: pd.DataFrame, labels: Sequence[str], seed: int, resamples: int) -> Iterator[Score]:
    seeds = block["seed"].nunique()
    off = groups_off(block["group"], block["predicted_group"], labels)
    for metric, allowed in ALLOWED.items():
        right = pd.Series((off <= allowed).astype("float64"), index=block.index)
        by_fold = right.groupby([block["fold"], block["seed"]]).mean().unstack("seed")
        photos = block.groupby("fold").size() // seeds
        for fold, value, n in zip(by_fold.index, by_fold.mean(axis=1), photos):
            yield str(fold), "fold", metric, bare(float(value), int(n))
        for aggregation in AGGREGATIONS:
            weights = photo_weights(block["fold"], aggregation)
            found = cluster_bootstrap(weights * right, weights, people(block), seed=seed, resamples=resamples)
            yield "all", aggregation, metric, found if aggregation == "macro" else _of_photos(found, len(block) // seeds)
        spread = float(by_fold.std(ddof=1).mean()) if len(by_fold) > 1 else NAN
        yield "all", "macro", f"{metric}_std", bare(spread, len(by_fold))
    for fold, part in block.groupby("fold"):
        yield from _each_group(str(fold), "fold", counts_of(part, labels), labels, seeds)
    yield from _each_group("all", "pooled", counts_of(block, labels), labels, seeds)


def _each_group(fold: str, aggregation: str, counts: Counts, labels: Sequence[str], seeds: int) -> Iterator[Score]:
    for (metric, share), axis in zip(EACH_GROUP.items(), (0, 1)):
        for label, value, n in zip(labels, share(counts), counts.sum(axis=axis)):
            yield fold, aggregation, f"{metric}_{label}", bare(float(value), int(n) // seeds)


def _of_photos(found: Interval, photos: int) -> Interval:
    return Interval(found.value, found.low, found.high, photos)


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
                found = cluster_bootstrap(above, below, who, seed=seed, resamples=resamples)
                rows.append(score_row(str(experiment), str(profile), "all", aggregation, metric, found))
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
