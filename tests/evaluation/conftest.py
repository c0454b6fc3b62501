"""Small predictions with known errors, for tests of scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.tables import PREDICTIONS, conform


@pytest.fixture
def make_predictions():
    """A PREDICTIONS table from columns; fold also names the person unless `subject` is given."""

    def make(fold, age, predicted, *, subject=None, seed=0, experiment="row", profile="demo"):
        n = len(age)
        return conform(
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
