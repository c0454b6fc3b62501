"""Prints how long ridge regression of FG-NET's 82 folds takes, together and fold by fold: `python benchmarks/ridge.py`.

The numbers of photos are those of FG-NET's 82 people; the features are random, as wide as those of dlib's network: mean and maximum
over five stages (1,472) for the plain regression, and three input sizes with three statistics (6,624) where the best of 49 subsets is
chosen. Fold by fold, each fold chooses by itself: an estimate from a few. `cpu` is the time of all processors together.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

import agerepro.datasets
from agerepro.models.heads import FeatureBlock
from agerepro.training.ridge import RidgeFit, fit_ridge_folds

CHANNELS = (256, 256, 128, 64, 32)  # of the stages of dlib's network


def main() -> None:
    """Time both regressions of all folds, and some folds alone; print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=2, help="folds that are timed one by one, for all to be extrapolated (default: 2)")
    options = parser.parse_args()
    names = (Path(agerepro.datasets.__file__).parent / "cards" / "fgnet_filenames.txt").read_text(encoding="utf-8").split()
    people = np.array([name[:3] for name in names])
    training = [np.flatnonzero(people != person) for person in np.unique(people)]
    for sides, statistics, chosen in (((150,), ("mean", "max"), False), ((250, 224, 150), ("mean", "max", "std"), True)):
        blocks = [FeatureBlock(side, statistic, count) for side in sides for count in CHANNELS for statistic in statistics]
        features, ages, weights = _drawn(people, sum(block.count for block in blocks))
        chosen_among = blocks if chosen else ()
        began, began_cpu = time.perf_counter(), time.process_time()
        fits = fit_ridge_folds(features, ages, weights, people, training, blocks=chosen_among)
        together, cpu = time.perf_counter() - began, time.process_time() - began_cpu
        began = time.perf_counter()
        for rows in training[: options.folds]:
            fit_ridge_folds(features[rows], ages[rows], weights[rows], people[rows], [np.arange(len(rows))], blocks=chosen_among)
        apart = (time.perf_counter() - began) / options.folds * len(training)
        away = _furthest(features, ages, weights, training[: options.folds], fits)
        print(f"{len(features):,} photos, {features.shape[1]:,} features, {len(fits[0].candidates)} subsets, {len(training)} folds:")
        print(f"  together {together:.0f} s (cpu {cpu:.0f} s); fold by fold about {apart:.0f} s, {apart / together:.0f} times as long")
        print(f"  estimates by the final fits are scikit-learn's to {away:.0e} years")


def _drawn(people: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features that tell something of person and age, none below 0; ages like FG-NET's; weights of 0.5 to 1.5."""
    draws = np.random.default_rng(0)
    identities = draws.normal(size=(len(set(people)), 40))[np.unique(people, return_inverse=True)[1]]
    ages = draws.gamma(2, 8, len(people))
    causes = np.hstack([identities, draws.normal(size=(len(people), 40)), ages[:, None] / 5])
    noise = draws.normal(0, 2, (len(people), width))
    return np.abs(causes @ draws.normal(size=(causes.shape[1], width)) + noise), ages, draws.uniform(0.5, 1.5, len(people))


def _furthest(
    features: np.ndarray, ages: np.ndarray, weights: np.ndarray, training: Sequence[np.ndarray], fits: Sequence[RidgeFit]
) -> float:
    """How far estimates of any photo by these folds lie at most from those of scikit-learn's StandardScaler and Ridge, years."""
    furthest = 0.0
    for rows, fit in zip(training, fits, strict=False):
        used = np.flatnonzero(fit.kernel)
        scaler = StandardScaler().fit(features[rows][:, used], sample_weight=weights[rows])
        model = Ridge(alpha=fit.strength).fit(scaler.transform(features[rows][:, used]), ages[rows], sample_weight=weights[rows])
        estimates = model.predict(scaler.transform(features[:, used]))
        furthest = max(furthest, float(np.abs(estimates - features @ fit.kernel - fit.bias).max()))
    return furthest


if __name__ == "__main__":
    main()
