"""The stages before one of an experiment's stages, each trained once or found on disk, and that stage ready to begin."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from agerepro.experiment.schema import Experiment, Stage
from agerepro.inputs.prepare import Prepared
from agerepro.training.plan import Task, plan_stage
from agerepro.training.reporting import Reporter
from agerepro.training.start import Artefact, Start, start_of


def trained_up_to(
    wanted: Stage,
    experiment: Experiment,
    sets: Mapping[str, Prepared],
    *,
    seed: int,
    runs: Path,
    weights_folder: Path | None,
    reporter: Reporter,
) -> tuple[Task, Start]:
    """The task and start of `wanted`, one of the experiment's stages; only those that it builds on are trained."""
    from agerepro.training.shared_stage import trained  # Keras, which a finished run does not need

    by_name = {stage.name: stage for stage in experiment.stages}
    needed = [wanted]
    while (earlier := needed[0].start_from) in by_name:
        needed.insert(0, by_name[earlier])
    artefacts: dict[str, Artefact] = {}
    for stage in needed[:-1]:
        start = start_of(stage.start_from, experiment.backbone, artefacts=artefacts, weights_folder=weights_folder)
        task = plan_stage(experiment, stage, sets[stage.data], seed=seed, start=start.name)
        artefacts[stage.name] = trained(
            experiment,
            task,
            start,
            runs=runs,
            threads=loading_threads(),
            on_epoch=partial(reporter.epoch, stage.name, fold=None, folds_done=0, folds=0),
        )
    start = start_of(wanted.start_from, experiment.backbone, artefacts=artefacts, weights_folder=weights_folder)
    return plan_stage(experiment, wanted, sets[wanted.data], seed=seed, start=start.name), start


def loading_threads() -> int:
    """Threads that load pictures ahead of their use."""
    return max(1, min(8, os.cpu_count() or 1))
