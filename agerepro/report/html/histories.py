"""What training logged after each epoch: of every fold of a run, and of the shared stages before it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from agerepro.report.html.loaded import Loaded


@dataclass(frozen=True)
class History:
    """One stage: rows `epoch`, `loss`, `validation_loss` (NaN without validation) of each of its trainings."""

    stage: str
    trainings: tuple[pd.DataFrame, ...]


def histories(run: Loaded) -> list[History]:
    """Stages in the order of training, the folds last; a shared stage that is no longer on disk is left out."""
    shared = _shared(run)
    last, first = run.experiment.stages[-1], run.first_seed
    if not last.epochs:  # what is tested as it started leaves an empty file
        return shared
    done = [run.run.fold_folder(first, int(fold), first_seed=first) for fold in sorted(set(run.result.predictions["fold"]))]
    return [*shared, History(f"{last.name}, {len(done)} folds", tuple(pd.read_csv(folder / "history.csv") for folder in done))]


def _shared(run: Loaded) -> list[History]:
    """From the artefact that the folds start from, back to the first."""
    found: list[History] = []
    digest = str(run.provenance["starts"].get(str(run.first_seed), ""))
    while True:
        folders = [folder for folder in sorted((run.runs / "stages").glob("*")) if folder.name.endswith(f"-{digest}")] if digest else []
        if not folders:
            return found[::-1]
        settings = json.loads((folders[0] / "settings.json").read_text(encoding="utf-8"))
        found.append(History(f"{settings['stage']['name']}, shared", (pd.read_csv(folders[0] / "history.csv"),)))
        digest = str(settings["start"])
