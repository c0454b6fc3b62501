"""Runs with made-up predictions, and the comparison that the golden tables print."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.evaluation.compare import COLUMNS
from agerepro.experiment.schema import Reproduces
from agerepro.report.results import RunResult
from agerepro.tables import PREDICTIONS, conform


@pytest.fixture
def make_run():
    """A RunResult of `people` leave-one-person-out folds; every call with the same arguments gives the same run."""

    def make(
        experiment="vgg16-faces2",
        *,
        error=4.0,
        profile="demo",
        banner="demo: synthetic faces",
        done=12,
        total=12,
        row="VGG-16-Faces2",
        people=12,
        seeds=1,
    ):
        generator = np.random.default_rng(6)
        fold = np.repeat(np.arange(people), generator.integers(1, 9, people))
        age = generator.integers(0, 70, len(fold)).astype(float)
        of_seeds = [
            pd.DataFrame(
                {
                    "experiment": experiment,
                    "profile": profile,
                    "fold": fold,
                    "seed": seed,
                    "photo": [f"set/{i}.jpg" for i in range(len(fold))],
                    "subject": [f"person {number}" for number in fold],
                    "age": age,
                    "predicted": age + np.random.default_rng([seed, int(10 * error)]).normal(0, error, len(fold)),
                }
            )
            for seed in range(seeds)
        ]
        frame = conform(pd.concat(of_seeds), PREDICTIONS)
        return RunResult(
            experiment,
            profile,
            banner,
            "leave one person out",
            done,
            total,
            Reproduces(paper="koenig2019", table="table4", row=row) if row else None,
            frame[frame["fold"] < done],
            {number: float(age[fold != number].mean()) for number in range(people)},
        )

    return make


@pytest.fixture
def comparison():
    """Two runs' comparison by hand, with every kind of cell; no random draw, so that no library's change renews the goldens."""
    nan, source = float("nan"), "koenig2019 table4 VGG-16-IMDB-AgeDB"
    partial = ("paper", "61 of 82 folds", "partial: 61 of 82 folds")
    full = ("paper", "82 folds", "")
    rows = [
        ("vgg16_imdb", "MAE (macro)", "years", 2.77, 2.9, nan, 2.5, 3.3, "normal over folds", *partial, "koenig2019 table4 VGG-16-IMDB"),
        ("vgg16_imdb", "MAE (pooled)", "years", nan, 3.001, nan, 2.6, 3.4, "bootstrap over people", *partial, ""),
        ("vgg16-imdb-agedb", "MAE (macro)", "years", 2.68, 2.5049, -0.1751, 2.2, 2.8, "normal over folds", *full, source),
        ("vgg16-imdb-agedb", "MedianAE (over folds)", "years", 2.24, 2.244, 0.004, nan, nan, "", *full, source),
        ("vgg16-imdb-agedb", "CS(5) (pooled)", "share", nan, 0.8961, nan, 0.871, 0.92, "bootstrap over people", *full, ""),
        ("vgg16-imdb-agedb", "R2 (mean over folds)", "", -1.43, -1.4, 0.03, nan, nan, "", *full, source),
        ("vgg16-imdb-agedb", "MAE as share of mean-age predictor", "share", nan, 0.251, nan, 0.2, 0.3, "bootstrap over people", *full, ""),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
