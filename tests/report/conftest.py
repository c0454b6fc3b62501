"""Runs with made-up predictions, and the comparison that the golden tables print."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from agerepro.config.schema import Reproduces
from agerepro.evaluation.compare import COLUMNS
from agerepro.evaluation.epochs import FoldEpochs
from agerepro.evaluation.predictions import photo_errors
from agerepro.report.run_result import RunEpochs, RunResult
from agerepro.tables import PREDICTIONS, coerce
from tests.report.run_folders import add_maps as add_maps
from tests.report.run_folders import make_folder as make_folder
from tests.report.run_folders import make_folder_in as make_folder_in


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
        frame = coerce(pd.concat(of_seeds), PREDICTIONS)
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
            {number: float(np.median(age[fold != number])) for number in range(people)},
        )

    return make


@pytest.fixture
def comparison():
    """Two runs' comparison by hand, with every kind of cell; no random draw, so that no library's change renews the goldens."""
    nan, source, other = float("nan"), "koenig2019 table4 VGG-16-IMDB-AgeDB", "koenig2019 table4 VGG-16-IMDB"
    partial = ("paper", "61 of 82 folds", "partial: 61 of 82 folds")
    full = ("paper", "82 folds", "")
    rows = [
        ("vgg16_imdb", "MAE (macro)", "years", 2.77, nan, 2.9, nan, nan, 2.5, 3.3, "t over folds", *partial, other),
        ("vgg16_imdb", "MAE (pooled)", "years", nan, nan, 3.001, nan, nan, 2.6, 3.4, "bootstrap over people", *partial, ""),
        ("vgg16-imdb-agedb", "MAE (macro)", "years", 2.68, nan, 2.5049, nan, -0.1751, 2.2, 2.8, "t over folds", *full, source),
        ("vgg16-imdb-agedb", "MedianAE (over folds)", "years", 2.24, nan, 2.244, nan, 0.004, nan, nan, "", *full, source),
        ("vgg16-imdb-agedb", "CS(5) (pooled)", "share", nan, nan, 0.8961, nan, nan, 0.871, 0.92, "bootstrap over people", *full, ""),
        ("vgg16-imdb-agedb", "R2 (mean over folds)", "", -1.43, nan, -1.4, nan, 0.03, nan, nan, "", *full, source),
        (
            *("vgg16-imdb-agedb", "MAE as share of mean-age predictor", "share", nan, nan, 0.251, nan, nan, 0.2, 0.3),
            *("bootstrap over people", *full, ""),
        ),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


@pytest.fixture
def make_group_run():
    """A RunResult of five folds of ten people, three photos each, that tells three groups apart; `right` of them rightly."""

    def make(experiment="adience", *, right=0.7, banner="demo: synthetic faces", profile="demo", row="VGG-16-IMDB-AgeDB"):
        generator, labels = np.random.default_rng(4), np.array(["0-12", "15-20", "25-100"])
        true, guess = generator.integers(0, 3, 150), generator.integers(0, 3, 150)
        said = np.where(generator.random(150) < right, true, guess)
        frame = pd.DataFrame({"fold": np.arange(150) // 30, "group": labels[true], "predicted_group": labels[said]})
        frame = frame.assign(experiment=experiment, profile=profile, seed=0, subject=[f"person {i // 3}" for i in range(150)])
        frame["photo"] = [f"adience/{i}.jpg" for i in range(150)]
        return RunResult(
            experiment,
            profile,
            banner,
            "the authors' folds, people apart",
            5,
            5,
            Reproduces(paper="koenig2019", table="adience", row=row) if row else None,
            coerce(frame, PREDICTIONS),
            training_means={},
            training_medians={},
            groups=tuple(labels),
            training_groups=dict.fromkeys(range(5), "25-100"),
        )

    return make


@pytest.fixture
def with_epochs():
    """The run with three epochs of its folds: the last one errs as its predictions do, those before by 1 and 2 years more."""

    def make(run, *, losses=(1.0, 0.5, 2.0), tta="none"):
        folds = []
        for (seed, fold), part in run.predictions.groupby(["seed", "fold"]):
            errors = photo_errors(part)
            folds.append(FoldEpochs(fold, seed, tuple(part["photo"]), np.stack([errors + 2, errors + 1, errors]), np.array(losses)))
        return replace(run, epochs=RunEpochs(tuple(folds), "last", tta))

    return make
