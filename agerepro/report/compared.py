"""Figures of several runs together that need more than their predictions: single photos, each with its face."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.datasets import catalog
from agerepro.evaluation.predictions import photo_errors
from agerepro.faces.images import decode_crop
from agerepro.report.figures.examples import plot_compared_examples
from agerepro.report.loading import LoadedRun
from agerepro.report.page.contents import FacesChoice, decide_faces
from agerepro.report.results import caption_of
from agerepro.report.run_figures import plot_ages_known
from agerepro.report.run_result import disambiguate, label_of
from agerepro.runs.data import find_run_crops

EXAMPLES = 12
_TRUTHS = {"age": "real age", "apparent_age": "apparent age"}


def plot_compared(runs: Sequence[LoadedRun], folder: Path, *, faces: FacesChoice = "as licensed") -> list[Path]:
    """Plot into `folder` what several runs have together: real and apparent ages of each data set that has both, and examples compared.

    Returns the paths written. UserError for a damaged file, with its path.
    """
    written: list[Path] = []
    for run in {run.dataset: run for run in runs if run.both_ages() is not None}.values():
        written += plot_ages_known(run, folder)
    return written + plot_examples(runs, folder, faces=faces)


def plot_examples(runs: Sequence[LoadedRun], folder: Path, *, faces: FacesChoice) -> list[Path]:
    """EXAMPLES photos in equal steps of rank by the error of the last run of ages, with the predictions of every run of the same photos.

    Nothing where no other run tested the very same photos. Faces are shown as `decide_faces` says, else named.
    """
    results = disambiguate([run.result for run in runs])
    labels = {id(run): label_of(result, results) for run, result in zip(runs, results)}
    same = runs_of_same_photos(runs)
    if len(same) < 2:
        return []
    last = labels[id(same[-1])]
    examples, truths = compared_examples({labels[id(run)]: run for run in same})
    pictures = _pictures(same[-1], list(examples["photo"]), choice=faces)
    chosen = f"Photos in rising order of the error of {last}, in equal steps of rank from the least to the greatest. Ages in years"
    names = [labels[id(run)] for run in same]
    return plot_compared_examples(
        examples, pictures, caption_of([run.result for run in same]), folder, truths=truths, runs=names, chosen=chosen
    )


def runs_of_same_photos(runs: Sequence[LoadedRun]) -> list[LoadedRun]:
    """Of the runs that predict ages, those that tested the very photos that the last of them tested, itself among them."""
    of_ages = [run for run in runs if not run.result.groups]
    tested = [set(run.result.predictions["photo"]) for run in of_ages]
    return [run for run, photos in zip(of_ages, tested) if photos == tested[-1]]


def compared_examples(runs: dict[str, LoadedRun]) -> tuple[pd.DataFrame, list[str]]:
    """Of runs of the same photos, by label: a row a chosen photo, and the names of the truths among its columns.

    Columns: `photo`; each truth that a run is judged by, and both ages where they are known, years; the prediction of each run, mean
    over its seeds; `error`, that of the last run, by which the photos are chosen and sorted; of equal ones the first by name.
    """
    ages = next((known for run in runs.values() if (known := run.both_ages()) is not None), None)
    truths: dict[str, pd.Series] = {} if ages is None else {word: ages[column] for column, word in _TRUTHS.items()}
    predicted, errors = {}, pd.Series(dtype=float)
    for label, run in runs.items():
        frame = run.result.predictions
        column = run.experiment.stages[-1].target.column
        word = _TRUTHS[column] if ages is not None and column in _TRUTHS else "true age" if column == "age" else column.replace("_", " ")
        truths.setdefault(word, frame.groupby("photo")["age"].first())
        predicted[label] = frame.groupby("photo")["predicted"].mean()
        errors = pd.Series(photo_errors(frame), index=frame["photo"]).groupby(level=0).mean()
    ranked = errors.sort_index().sort_values(kind="stable").index
    photos = ranked[np.unique(np.linspace(0, len(ranked) - 1, EXAMPLES).round().astype(int))]
    columns = {name: values.reindex(photos).to_numpy() for name, values in {**truths, **predicted, "error": errors}.items()}
    return pd.DataFrame({"photo": photos, **columns}), list(truths)


def _pictures(run: LoadedRun, photos: list[str], *, choice: FacesChoice) -> dict[str, np.ndarray]:
    """The stored crops of these photos; none where they may not be shown, or are gone."""
    shown = decide_faces(catalog.card(run.dataset), drawn=run.synthetic, choice=choice).shown
    crops = find_run_crops(run.run.folder, run.dataset) if shown else None
    if crops is None:
        return {}
    keys, store = dict(zip(crops.photos["photo"], crops.photos["image"])), crops.store()
    return {photo: decode_crop(store.read(keys[photo])) for photo in photos if keys.get(photo, "") in store}
