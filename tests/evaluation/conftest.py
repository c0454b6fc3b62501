"""Small predictions with known errors, for tests of scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.tables import PREDICTIONS, coerce


@pytest.fixture
def make_predictions():
    """A PREDICTIONS table from columns; fold also names the person unless `subject` is given."""

    def make(fold, age, predicted, *, subject=None, seed=0, experiment="row", profile="demo"):
        n = len(age)
        return coerce(
            pd.DataFrame(
                {
                    "experiment": experiment,
                    "profile": profile,
                    "fold": fold,
                    "seed": seed,
                    "photo": [f"set/{index:04d}.jpg" for index in range(n)],
                    "subject": [f"person {number}" for number in fold] if subject is None else subject,
                    "age": np.asarray(age, dtype=float),
                    "predicted": np.asarray(predicted, dtype=float),
                }
            ),
            PREDICTIONS,
        )

    return make


@pytest.fixture
def predictions(make_predictions):
    """Three folds by hand: errors 0 1 2 (mean 1), 5 (5), 6 12 (9); macro 5, pooled 26 / 6."""
    return make_predictions([0, 0, 0, 1, 2, 2], [10, 11, 12, 20, 30, 40], [10, 12, 10, 25, 24, 52])


@pytest.fixture
def lopo(make_predictions):
    """Forty people with 1 to 9 photos each, made-up errors that people share."""
    generator = np.random.default_rng(7)
    fold = np.repeat(np.arange(40), generator.integers(1, 10, 40))
    age = generator.integers(0, 70, len(fold)).astype(float)
    return make_predictions(fold, age, age + generator.normal(0, 3, 40)[fold] + generator.normal(0, 4, len(fold)))


LABELS = ("0-2", "4-6", "8-12", "15-20")


@pytest.fixture
def make_groups():
    """PREDICTIONS of age groups from columns; fold also names the person unless `subject` is given."""

    def make(fold, group, predicted, *, subject=None, seed=0, experiment="row", profile="demo"):
        frame = pd.DataFrame({"fold": fold, "group": group, "predicted_group": predicted}).assign(
            experiment=experiment, profile=profile, seed=seed
        )
        frame["photo"] = [f"set/{index:04d}.jpg" for index in range(len(frame))]
        frame["subject"] = [f"person {number}" for number in fold] if subject is None else subject
        return coerce(frame, PREDICTIONS)

    return make


@pytest.fixture
def grouped(make_groups):
    """Two folds by hand: fold 0 has 2 of 4 right and 3 at most one group off, fold 1 has 1 of 2 and 2."""
    return make_groups(
        [0, 0, 0, 0, 1, 1],
        ["0-2", "4-6", "8-12", "15-20", "0-2", "8-12"],
        ["0-2", "4-6", "4-6", "0-2", "4-6", "8-12"],
        subject=["a", "a", "b", "c", "d", "e"],
    )


@pytest.fixture
def crowd_of_groups(make_groups):
    """Five folds of 120 photos of 24 people each, more right than wrong."""
    generator = np.random.default_rng(3)
    true = generator.integers(0, 4, 600)
    predicted_numbers = np.where(generator.random(600) < 0.6, true, generator.integers(0, 4, 600))
    fold = np.repeat(np.arange(5), 120)
    names = np.array(LABELS)
    return make_groups(fold, names[true], names[predicted_numbers], subject=[f"p{number}" for number in np.arange(600) // 5])
