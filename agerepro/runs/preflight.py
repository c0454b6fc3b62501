"""What can be known before anything is computed: settings, labels, weight files and places to write, all of it in one error."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from agerepro.config.loading import read_experiment
from agerepro.config.schema import Experiment
from agerepro.datasets import catalog
from agerepro.errors import UserError
from agerepro.io import check_writable
from agerepro.models.pretrained import find_weights
from agerepro.models.weights import check_weight_file
from agerepro.runs.layout import parse_folds


def check_before_start(
    experiments: Sequence[Path],
    *,
    profile: str,
    settings: Sequence[str],
    data: Path | None,
    runs: Path,
    weights: Path | None,
    folds: str | None = None,
) -> list[Experiment]:
    """Read every experiment, the labels of every data set and every weight file that they need; the experiments, in order.

    Raises one UserError that lists everything that is wrong with any of them, before anything is drawn, aligned or trained, and
    OSError where `runs` cannot be written.
    """
    problems: list[str] = []
    read: list[Experiment] = []
    for path in experiments:
        try:
            read.append(read_experiment(path, profile=profile, settings=settings))
        except UserError as error:
            problems.append(str(error))
    if folds is not None:
        parse_folds(folds, None)
    if len({experiment.machine for experiment in read}) > 1:
        problems.append("These experiments compute in different ways (`machine:`), which one process cannot: run them one after the other.")
    for experiment in read:
        problems += data_problems(experiment, data) + weight_problems(experiment, weights)
    if problems:
        raise UserError(
            "Nothing was started; this has to be mended first:\n" + "\n".join(f"  - {text}" for text in dict.fromkeys(problems))
        )
    check_writable(runs)
    return read


def data_problems(experiment: Experiment, data: Path | None) -> list[str]:
    """A sentence for each data set of the experiment that is not there, or whose labels cannot be read."""
    names = list(dict.fromkeys(stage.data for stage in experiment.stages))
    if data is None:
        undrawn = [name for name in names if name not in experiment.synthetic]
        return [
            f"Say where {name} is: --data DIR with one folder a data set (make: DATA=DIR), each in its native layout. `agerepro data "
            "list` tells how to get each; `--profile demo` draws synthetic faces where it exists."
            for name in undrawn
        ]
    return [problem for name in names if (problem := data_problem(name, data, group_labels=experiment.group_labels))]


def data_problem(name: str, data: Path, *, group_labels: str = "exact") -> str:
    """What is wrong with a data set in the folder of data sets: a sentence, "" when its labels can be read and are not empty."""
    try:
        photos = catalog.read(name, data, group_labels=group_labels)
    except UserError as error:
        return f"{name}: {error}"
    if photos.table.empty:
        verify = shlex.join(["agerepro", "data", "verify", name, "--root", str(data)])
        return f"{name}: {catalog.folder_of(name, data)} holds no usable photo. See `{verify}`."
    return ""


def weight_problems(experiment: Experiment, weights: Path | None) -> list[str]:
    """A sentence where the published weights that the experiment starts from are missing or no such file; may fetch them."""
    if all(stage.start_from != "weights" for stage in experiment.stages):
        return []
    try:
        check_weight_file(find_weights(experiment.backbone.weights, experiment.backbone.name, folder=weights))
    except UserError as error:
        return [str(error)]
    return []
