"""The scores table of predicted age groups: accuracies, and precision and recall of each group.

Seeds are scored alone and averaged, as in `scores`; precision and recall are of the counts of all seeds together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from agerepro.evaluation.check import check_predictions, groups_only, people
from agerepro.evaluation.groups import Counts, confusion_matrix, groups_off, precision, recall
from agerepro.evaluation.intervals import RESAMPLES, Interval, bootstrap_people
from agerepro.evaluation.metrics import AGGREGATIONS, photo_weights
from agerepro.evaluation.scores import NAN, Score, bare, score_row
from agerepro.tables import SCORES, conform

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
        for fold, aggregation, metric, found in _scores_of_one(block, labels, seed, resamples):
            rows.append(score_row(str(experiment), str(profile), fold, aggregation, metric, found))
    return conform(pd.DataFrame(rows), SCORES)


def counts_of(frame: pd.DataFrame, labels: Sequence[str]) -> Counts:
    """The confusion matrix, (k, k), of all photos and seeds of one run's predictions."""
    return confusion_matrix(frame["group"], frame["predicted_group"], labels)


def _scores_of_one(block: pd.DataFrame, labels: Sequence[str], seed: int, resamples: int) -> Iterator[Score]:
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
            found = bootstrap_people(weights * right, weights, people(block), seed=seed, resamples=resamples)
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
