"""What the checks of a run's maps come to: tables, and their summary with intervals over people; loads no Keras."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from agerepro.diagnosis.median_interval import median_over_people
from agerepro.diagnosis.regions import people_of
from agerepro.evaluation.intervals import Interval, bootstrap_people

ORDERS, MAPS = ("deletion", "insertion"), ("map", "random")  # of curves
SUMMARY = ("check", "value", "low", "high", "photos", "people", "unit")
CORRELATION, ABSOLUTE = "correlation with random weights, median", "correlation of absolute values, median"
MORE_THAN_RANDOM = "eyes and nose, trained less random weights"


@dataclass(frozen=True)
class Checks:
    """`random` [random_weights_check.COLUMNS], `curves` [curve_check.COLUMNS] and `summary` [SUMMARY], unit years, probability or ""."""

    random: pd.DataFrame
    curves: pd.DataFrame
    summary: pd.DataFrame


def check_summary(tested: pd.DataFrame, random: pd.DataFrame, found: np.ndarray, *, unit: str) -> pd.DataFrame:
    """SUMMARY: medians of each photo's mean correlation, its eyes and nose beside random weights, and the areas beside random maps.

    tested: photos in the order of `found` (orders, maps, n), the areas; all intervals 95 % over people, of the medians by
    percentiles, of the means BCa.
    """
    of_photo = random.groupby("photo")[["correlation", "absolute_correlation", "trained_relative", "random_relative"]].mean()
    of_photo = of_photo.reindex(tested["photo"])
    people = people_of(tested)
    rows = [
        _row(CORRELATION, median_over_people(of_photo["correlation"].to_numpy(), people), of_photo["correlation"].to_numpy(), ""),
        _row(
            ABSOLUTE,
            median_over_people(of_photo["absolute_correlation"].to_numpy(), people),
            of_photo["absolute_correlation"].to_numpy(),
            "",
        ),
    ]
    more = (of_photo["trained_relative"] - of_photo["random_relative"]).to_numpy()
    rows.append(_row(MORE_THAN_RANDOM, _mean(more, people), more, "times even"))
    for number, order in enumerate(ORDERS):
        for kind, values in zip(MAPS, found[number]):
            rows.append(_row(f"{order} area, {kind}", _mean(values, people), values, unit))
        less = found[number, 0] - found[number, 1]
        rows.append(_row(f"{order} area, map less random", _mean(less, people), less, unit))
    return pd.DataFrame(rows, columns=list(SUMMARY))


def of_check(summary: pd.DataFrame, check: str) -> Interval:
    """One line of a summary."""
    (row,) = summary.loc[summary["check"] == check].to_dict("records")
    return Interval(row["value"], row["low"], row["high"], row["people"])


def _mean(values: np.ndarray, people: np.ndarray) -> Interval:
    known = np.isfinite(values)
    if not known.any():
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    return bootstrap_people(values[known], np.ones(int(known.sum())), people[known])


def _row(name: str, found: Interval, values: np.ndarray, unit: str) -> tuple[object, ...]:
    return name, found.value, found.low, found.high, int(np.isfinite(values).sum()), found.n, unit
