"""A run folder on disk -> its RunResult; tables and figures written beside it and printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from agerepro.errors import FoundWanting
from agerepro.experiment.read import PAPER, read_experiment
from agerepro.experiment.schema import Experiment, KFold, LeaveOnePersonOut
from agerepro.files import digest_of
from agerepro.protocols.divide import TRAIN
from agerepro.report.results import RunResult, write_results
from agerepro.report.tables import ENDINGS
from agerepro.runs.folder import Run
from agerepro.tables import PHOTOS, read_table

FORMATS = {"text": "txt", **{ending: ending for ending in ENDINGS.values()}}


def load_result(folder: Path, *, partial: bool) -> RunResult:
    """Read a run back. FoundWanting when folds are missing, unless `partial`; then every table says how many."""
    run = Run(folder)
    experiment = read_experiment(folder / "experiment.yaml")
    folds = run.folds()
    total = int(folds["fold"].nunique())
    done = sorted(set.intersection(*({fold for s, fold in run.done(experiment.seeds) if s == seed} for seed in experiment.seeds)))
    if len(done) < total and not partial:
        raise FoundWanting(f"{folder}: {len(done)} of {total} folds are done. Continue it with the same `agerepro run` command, or "
                           "add --partial for a table that says so.")
    photos = read_table(folder / "photos.csv", PHOTOS)
    train = folds.loc[folds["part"] == TRAIN].merge(photos[["photo", "age"]], on="photo", validate="many_to_one")
    predictions = run.predictions(experiment.seeds)
    means = train.groupby("fold")["age"].mean()
    return RunResult(run.experiment, run.profile, _banner(folder), protocol_in_words(experiment), len(done), total, experiment.reproduces,
                     predictions.loc[predictions["fold"].isin(done)], {int(str(fold)): float(mean) for fold, mean in means.items()})


def results_of(folders: Sequence[Path], *, partial: bool, out: Callable[[str], object], style: str = "text") -> Path:
    """Write scores, tables and figures of the runs, print the table in `style`, and return the folder they are in.

    One run's results lie in it; several runs' lie beside them, in results-<profile>-<digest of the runs>.
    """
    results = [load_result(folder, partial=partial) for folder in folders]
    if len(folders) == 1:
        place = folders[0] / "results"
    else:
        profiles = "-".join(dict.fromkeys(result.profile for result in results))
        place = folders[0].parents[1] / f"results-{profiles}-{digest_of([folder.name for folder in folders])[:8]}"
    write_results(results, place)
    out((place / f"table.{FORMATS[style]}").read_text(encoding="utf-8").rstrip("\n"))
    if style == "text":
        out(f"\nTables and figures: {place}")
    return place


def protocol_in_words(experiment: Experiment) -> str:
    """For captions: how the target was divided, and how many people choose the learning rate in a fold."""
    protocol = experiment.stages[-1].protocol
    if isinstance(protocol, LeaveOnePersonOut):
        words = "leave-one-person-out"
    elif isinstance(protocol, KFold):
        words = f"{protocol.folds}-fold, people apart"
    else:
        raise ValueError(f"No words for {protocol}.")
    inner = f", {protocol.validation_people:.0%} of the others validate" if protocol.validation_people else ""
    return words + inner


def _banner(folder: Path) -> str:
    about = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    profile = Run(folder).profile
    if about["synthetic"]:
        return f"{profile}: synthetic faces"
    return "" if profile == PAPER else f"{profile} settings, not the paper's"
