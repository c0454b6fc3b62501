"""What names a trained stage, a run and features on disk: all that their numbers depend on, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agerepro.config.learning import Target
from agerepro.config.loading import settings_that_name
from agerepro.config.schema import BaseStage, Experiment
from agerepro.errors import CheckFailed
from agerepro.io import config_hash, verified
from agerepro.training.device import numeric_environment

CHECKPOINT = "checkpoint.npz"  # in the work folder of what is being trained
FINAL = "final.weights.npz"  # of a shared stage: the full network's
TRAINING = 1  # raise it when the same settings, data and start train to other weights than before
AUGMENTATION = 1  # raise it when the same draws give other pixels, or other draws are made


def stage_settings(
    experiment: Experiment, stage: BaseStage, *, data: str, start: str, seed: int | None, predictions: str = ""
) -> dict[str, Any]:
    """All that shapes the training of one stage, and the outputs that a fold keeps.

    data: the digest of its faces; start: the name of the weights it begins with, a digest of a stage or of a weight file; predictions:
    names those that it needs of an earlier stage, "" for none; seed: None where what is named holds the results of every seed.
    How outputs become years, which weights are kept, and what the result is compared with are not among them: they train nothing.
    """
    experiment = experiment.as_of(stage)
    settings = {
        "algorithm": {"training": TRAINING, "augmentation": AUGMENTATION},
        # A regression on the backbone's own features was named before there could be others.
        "stage": {
            key: value for key, value in settings_that_name(stage).items() if key != "start_from" and (key, value) != ("features", None)
        },
        "backbone": settings_that_name(experiment.backbone),
        "augment": settings_that_name(experiment.augment),
        "head": settings_that_name(experiment.head),
        "loss": settings_that_name(experiment.loss),
        "sample_weights": experiment.sample_weights,
        "machine": _machine_settings(experiment, stage),
        "tta": experiment.tta if stage.protocol else "",
        "data": data,
        "start": start,
        "environment": numeric_environment(os.environ),
    }
    if predictions:
        settings["predictions"] = predictions
    return settings if seed is None else {**settings, "seed": seed}


def _machine_settings(experiment: Experiment, stage: BaseStage) -> dict[str, Any]:
    # One device changes no name: folds have one each, and stages were named before there could be several.
    several = stage.protocol is None and experiment.machine.devices != 1
    return {key: value for key, value in settings_that_name(experiment.machine).items() if key != "devices" or several}


def feature_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the features of a frozen backbone depend on, of a stage's settings: no rate, no batch size, no head's loss."""
    keys = ("algorithm", "backbone", "augment", "machine", "data", "start", "environment", "seed")
    head = settings["head"].get("regression", {})  # further input sizes and statistics change what comes out of the backbone
    return {key: settings[key] for key in keys} | {
        "stage": settings["stage"]["name"],
        "head": {key: head[key] for key in ("features", "statistics", "input_sizes") if key in head},
    }


def run_digest(experiment: Experiment, *, data: Mapping[str, str], published: str) -> str:
    """Names a run: the settings of all its stages, whatever the seed, and the digests of their data.

    data: digest of the faces by data set; published: the name of the published weights that it begins with, "" without any.
    """
    return config_hash(
        [
            stage_settings(
                experiment, stage, data=data[stage.data], start=published if stage.start_from == "weights" else stage.start_from, seed=None
            )
            for stage in experiment.stages
        ]
    )


def check_same_settings(folder: Path, made_by: str, expected: str) -> None:
    """CheckFailed where a finished fold was made by other settings, data or start than its run's: such folds are never mixed."""
    if made_by != expected:
        raise CheckFailed(
            f"{folder} was made by other settings, data or start than this run's ({made_by} in place of {expected}): folds are not mixed. "
            "Remove that folder; the same `agerepro run` command does the fold as the others."
        )


def stage_folder(runs: Path, *, stage: str, backbone: str, digest: str) -> Path:
    """Where a trained stage lies, shared by all runs that need the same one."""
    return runs / "stages" / f"{stage}-{backbone}-{digest}"


@dataclass(frozen=True)
class StageCheckpoint:
    """A trained stage on disk, or the place for it: final weights, what its classes stand for, what it learnt."""

    folder: Path
    digest: str
    target: Target

    @property
    def weights(self) -> Path:
        """The final weights of the full network, compared with their checksum. CheckFailed where they are damaged."""
        return verified(self.folder / FINAL)

    def bins(self) -> np.ndarray:
        """(bins,) what the classes stand for."""
        bins: np.ndarray = np.load(verified(self.folder / "bins.npy"), allow_pickle=False)
        return bins
