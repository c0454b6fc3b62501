"""Engines of this environment: against scikit-learn's own, people kept apart inside, features that are no numbers."""

from __future__ import annotations

import json
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR as SupportVectors

from agerepro.config.schema import SVR, Flaml
from agerepro.errors import UserError
from agerepro.regression.engines import fit_engine

RNG = np.random.default_rng(0)
PEOPLE = np.repeat([f"{number:02d}" for number in range(12)], 8)
FEATURES = RNG.normal(size=(96, 10)).astype(np.float32)
AGES = 30 + 8 * FEATURES[:, 0] - 5 * FEATURES[:, 1] ** 2 + RNG.normal(size=96)


def test_support_vectors_are_scikit_learns_on_standardised_features_at_the_chosen_cost() -> None:
    fit = fit_engine(SVR(costs=(0.5, 20.0)), FEATURES, AGES, PEOPLE, seed=0)
    scaler = StandardScaler().fit(FEATURES)
    by_hand = SupportVectors(C=float(fit.facts["chosen"].removeprefix("C=")), epsilon=1.0).fit(scaler.transform(FEATURES), AGES)
    np.testing.assert_allclose(fit.predict(FEATURES), by_hand.predict(scaler.transform(FEATURES)), rtol=1e-9)
    assert fit.facts["chosen"] == "C=20" and set(fit.facts["inner_errors"]) == {"C=0.5", "C=20"}


def test_the_cost_is_judged_on_people_that_did_not_fit() -> None:
    """Each person's ages are random and the features say who it is: only photos of the same person would help."""
    ages = np.repeat(RNG.uniform(0, 80, 12), 8)
    features = np.eye(12, dtype=np.float32)[np.repeat(np.arange(12), 8)] + 1e-3 * RNG.normal(size=(96, 12)).astype(np.float32)
    fit = fit_engine(SVR(), features, ages, PEOPLE, seed=0)
    assert min(fit.facts["inner_errors"].values()) > 10 > np.abs(fit.predict(features) - ages).mean()


def test_flaml_learns_and_is_the_same_again_by_trials() -> None:
    fits = [fit_engine(Flaml(trials=6), FEATURES[:64], AGES[:64], PEOPLE[:64], seed=3) for _ in range(2)]
    first, second = (fit.predict(FEATURES[64:]) for fit in fits)
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - AGES[64:]).mean() < np.abs(np.median(AGES[:64]) - AGES[64:]).mean()
    assert fits[0].facts["chosen"] and fits[0].facts["trials"] >= 1


def test_what_was_fitted_is_kept_with_its_versions_and_a_warning(tmp_path: Path) -> None:
    fit = fit_engine(SVR(), FEATURES, AGES, PEOPLE, seed=0)
    fit.save(tmp_path, True)
    facts = json.loads((tmp_path / "fit.json").read_text())
    assert facts["engine"] == "svr" and "scikit-learn" in facts["versions"] and "executes code" in facts["warning"]
    np.testing.assert_array_equal(joblib.load(tmp_path / "model.joblib").predict(FEATURES), fit.predict(FEATURES))
    (tmp_path / "model.joblib").unlink()
    fit.save(tmp_path, False)
    assert not (tmp_path / "model.joblib").exists()


def test_features_that_are_no_numbers_and_a_single_person_are_refused() -> None:
    broken = FEATURES.copy()
    broken[3, 2] = np.inf
    with pytest.raises(UserError, match="1 of 96 photos"):
        fit_engine(SVR(), broken, AGES, PEOPLE, seed=0)
    with pytest.raises(UserError, match="two people"):
        fit_engine(SVR(), FEATURES, AGES, np.repeat("00", 96), seed=0)
