"""Engines that fit one fold in this environment: support vectors, and FLAML's search."""

from __future__ import annotations

import importlib.metadata
import io
import logging
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR as SupportVectors

from agerepro.config.schema import SVR, Flaml
from agerepro.errors import UserError
from agerepro.io import write_json
from agerepro.machine import loading_threads
from agerepro.regression.automl import FIT

MODEL = "model.joblib"  # in a fold's folder
PICKLE = "Loading model.joblib executes code: load files that you made, or got from somebody you trust."
INNER_FOLDS = 5
FLAML_ESTIMATORS = ["lgbm", "rf", "extra_tree", "sgd"]


class FitFailed(UserError):
    """A search that found no regressor for a fold: a failed fold, whose reason is noted; the others go on."""


@dataclass(frozen=True)
class Fit:
    """A fitted regressor with scikit-learn's `predict`, and the facts of its search: what was chosen, among what, in what time."""

    model: Any
    facts: dict[str, Any]

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(n,) float64 years for (n, d) features. UserError where the regressor gives no finite number."""
        years = np.asarray(self.model.predict(features), float).reshape(-1)
        if not np.isfinite(years).all():
            raise FitFailed(f"The regressor {self.facts['engine']} predicts no finite age for {int((~np.isfinite(years)).sum())} photos.")
        return years

    def save(self, folder: Path, keep: bool) -> None:
        """fit.json with the facts and the versions that made it; the model itself, if it is to be kept, as model.joblib."""
        versions = {name: importlib.metadata.version(name) for name in ("scikit-learn", "numpy", "flaml", "lightgbm", "joblib")}
        write_json(folder / FIT, {**self.facts, "versions": versions, "warning": PICKLE})
        if keep:
            joblib.dump(self.model, folder / MODEL)


def fit_engine(settings: SVR | Flaml, features: np.ndarray, ages: np.ndarray, people: np.ndarray, *, seed: int) -> Fit:
    """Fit one fold: features (n, d), ages (n,) years, people (n,) names, all of the training part.

    Raises UserError for features that are not finite and for fewer than two people, since nobody is left to choose by.
    """
    if not np.isfinite(features).all():
        raise UserError(f"{int((~np.isfinite(features)).any(axis=1).sum())} of {len(features)} photos have features that are no numbers.")
    if len(set(people)) < 2:
        raise UserError("A regression needs at least two people to choose its settings by.")
    began = time.monotonic()
    fit = _fit_svr(settings, features, ages, people) if isinstance(settings, SVR) else _fit_flaml(settings, features, ages, people, seed)
    return Fit(fit.model, {**fit.facts, "seconds": round(time.monotonic() - began, 1), "photos": len(ages), "features": features.shape[1]})


def _fit_svr(settings: SVR, features: np.ndarray, ages: np.ndarray, people: np.ndarray) -> Fit:
    pipeline: Pipeline = make_pipeline(StandardScaler(), SupportVectors(epsilon=settings.epsilon))
    search = GridSearchCV(
        pipeline,
        {"svr__C": list(settings.costs)},
        scoring="neg_mean_absolute_error",
        cv=GroupKFold(min(INNER_FOLDS, len(set(people)))),
        n_jobs=1,  # folds share the machine
    )
    search.fit(features, ages, groups=people)
    errors = {f"C={cost:g}": round(-float(score), 4) for cost, score in zip(settings.costs, search.cv_results_["mean_test_score"])}
    return Fit(search.best_estimator_, {"engine": "svr", "chosen": f"C={search.best_params_['svr__C']:g}", "inner_errors": errors})


def _fit_flaml(settings: Flaml, features: np.ndarray, ages: np.ndarray, people: np.ndarray, seed: int) -> Fit:
    import flaml  # it takes seconds

    logging.getLogger("flaml").setLevel(logging.ERROR)
    automl = flaml.AutoML()
    groups = people if settings.inner_split == "subjects" else None
    with redirect_stdout(io.StringIO()):
        automl.fit(
            X_train=features,
            y_train=ages,
            task="regression",
            metric="mae",
            time_budget=-1 if settings.trials else settings.seconds,
            max_iter=settings.trials or None,
            estimator_list=FLAML_ESTIMATORS,
            eval_method="cv",
            n_splits=min(INNER_FOLDS, len(set(people))),
            **({"split_type": "group", "groups": _numbered(groups)} if groups is not None else {}),
            n_jobs=1 if settings.trials else loading_threads(),  # sums on several threads differ in their last bits
            seed=seed + 1,  # 0 stands for none
            verbose=0,
        )
    if automl.best_estimator is None or automl.model is None:
        raise FitFailed(f"FLAML found no regressor within {settings.seconds} s: allow more time (regressor.flaml.seconds).")
    facts = {
        "engine": "flaml",
        "chosen": automl.best_estimator,
        "settings": {name: _plain(value) for name, value in (automl.best_config or {}).items()},
        "inner_error": round(float(automl.best_loss), 4),
        "trials": len(automl.config_history or {}),
        "version": importlib.metadata.version("flaml"),
    }
    return Fit(automl, facts)


def _numbered(people: np.ndarray) -> np.ndarray:
    return np.unique(people, return_inverse=True)[1]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
