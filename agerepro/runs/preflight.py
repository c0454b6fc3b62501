"""What can be known before anything is computed: settings, labels, weight files and places to write, all of it in one error."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from agerepro.config.divisions import Protocol
from agerepro.config.loading import read_experiment
from agerepro.config.schema import AutoSklearn, Experiment, OwnData, RegressionStage
from agerepro.datasets import catalog
from agerepro.errors import UserError
from agerepro.io import check_writable
from agerepro.models.pretrained import check_dense, check_side, find_weights
from agerepro.regression.automl import find_interpreter
from agerepro.runs.layout import parse_folds
from agerepro.runs.plan import Plan, RunOptions, make_plan
from agerepro.splits.protocols import make_folds


def check_before_start(options: Sequence[RunOptions]) -> list[Plan]:
    """The plans of the experiments, in order, once their settings, the labels of their data sets and their weight files are in order.

    All options but `experiment` and `settings` are those of the first. Labels of faces that are prepared, and whose originals have not
    changed, are not read again. Raises one UserError that lists everything that is wrong with any of them, before anything is drawn,
    aligned or trained, and OSError where `runs` cannot be written.
    """
    problems: list[str] = []
    plans: list[Plan] = []
    for option in options:
        try:
            experiment = read_experiment(option.experiment, profile=option.profile, settings=option.settings)
        except UserError as error:
            problems.append(str(error))
            continue
        undrawn = undrawn_problems(experiment, option.data)
        problems += undrawn + weight_problems(experiment, option.weights) + engine_problems(experiment)
        if not undrawn:
            plans.append(make_plan(option, experiment))
    first = options[0]
    if first.folds is not None:
        parse_folds(first.folds, None)
    if len({plan.experiment.machine for plan in plans}) > 1:
        problems.append("These experiments compute in different ways (`machine:`), which one process cannot: run them one after the other.")
    if first.data is not None:
        problems += label_problems(plans)
    if problems:
        raise UserError(
            "Nothing was started; this has to be mended first:\n" + "\n".join(f"  - {text}" for text in dict.fromkeys(problems))
        )
    check_writable(first.runs)
    return [make_plan(plan.options, plan.experiment) if plan.published is None else plan for plan in plans]  # a file fetched since


def undrawn_problems(experiment: Experiment, data: Path | None) -> list[str]:
    """A sentence for each data set that is neither given nor drawn."""
    if data is not None:
        return []
    undrawn = [name for name in dict.fromkeys(stage.data for stage in experiment.stages) if name not in experiment.synthetic]
    published = (
        "Say where {name} is: --data DIR with one folder a data set (make: DATA=DIR), each in its native layout. `agerepro data list` "
        "tells how to get each; `--profile demo` draws synthetic faces where it exists."
    )
    own = (
        "Say where your photos are: --data FILE.csv with a row a photo (--columns where its headings are unusual), or --data DIR with "
        "--pattern where their names say the ages; `--profile demo` draws some where it exists (docs/own-data.md)."
    )
    return [(own if name == catalog.OWN else published).format(name=name) for name in undrawn]


def verify_command(name: str, data: Path) -> str:
    """The command that says what is wrong with a data set, to be pasted into a shell."""
    words = [name, "--root", str(data)] if name != catalog.OWN else [str(data)]
    return shlex.join(["agerepro", "data", "verify", *words])


def label_problems(plans: Sequence[Plan]) -> list[str]:
    """A sentence for each data set that is not there, or whose labels cannot be read; each is looked at once."""
    looked_at: dict[Path, str] = {}
    for plan in plans:
        for name, faces in plan.prepared.items():
            if faces.place not in looked_at:
                current = faces.is_current()
                protocol = plan.target.protocol if name == plan.target.data else None
                looked_at[faces.place] = (
                    ""
                    if current
                    else data_problem(
                        name, faces.data, group_labels=faces.group_labels, own=faces.own, reading=faces.reading, protocol=protocol
                    )
                )
    return [problem for problem in looked_at.values() if problem]


def data_problem(
    name: str,
    data: Path,
    *,
    group_labels: str = "exact",
    own: OwnData | None = None,
    reading: Mapping[str, str] | None = None,
    protocol: Protocol | None = None,
) -> str:
    """What is wrong with a data set in the folder of data sets: a sentence, "" when its labels can be read and are not empty.

    reading: options of its reader. protocol: how it is to be divided, where it is; what its labels lack for that is a problem, too.
    """
    try:
        photos = catalog.read(name, data, group_labels=group_labels, own=own, reading=reading)
    except UserError as error:
        return f"{name}: {error}"
    if photos.table.empty:
        return f"{name}: {catalog.folder_of(name, data)} holds no usable photo. See `{verify_command(name, data)}`."
    if protocol is not None:
        try:
            make_folds(photos.table, protocol)
        except UserError as error:
            return f"{name}: {error}"
    return ""


def engine_problems(experiment: Experiment) -> list[str]:
    """A sentence where the last stage's regressor needs an environment that is not here."""
    stage = experiment.stages[-1]
    if not isinstance(stage, RegressionStage) or not isinstance(stage.regressor, AutoSklearn):
        return []
    try:
        find_interpreter()
    except UserError as error:
        return [str(error)]
    return []


def weight_problems(experiment: Experiment, weights: Path | None) -> list[str]:
    """A sentence where the published weights that the experiment starts from are missing, no such file or do not fit; may fetch them."""
    if all(stage.start_from != "weights" for stage in experiment.stages):
        return []
    from agerepro.training.device import suppress_stderr

    with suppress_stderr():
        from agerepro.models.weights import check_weight_file  # it loads Keras

    backbone = experiment.backbone
    try:
        check_side(backbone.weights, backbone.name, experiment.augment.size)
        if backbone.dense_weights == "published":
            check_dense(backbone.weights, backbone.name, backbone.dense, experiment.augment.size)
        file = find_weights(backbone.weights, backbone.name, folder=weights, dense_weights=backbone.dense_weights)
        check_weight_file(file, dense_weights=backbone.dense_weights)
    except UserError as error:
        return [str(error)]
    return []
