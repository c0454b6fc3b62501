"""The network of a finished fold, from the files in its run folder alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agerepro.config.loading import read_experiment
from agerepro.config.schema import Age, AgeGroups, Classification, Experiment
from agerepro.errors import UserError
from agerepro.io import MANIFEST, digest_of_file
from agerepro.models.build import Network, build_network
from agerepro.models.weights import load_arrays, load_strict
from agerepro.runs.layout import Run
from agerepro.training.folds import WEIGHTS, backbone_path, trained_part


@dataclass(frozen=True)
class RunModel:
    """A fold's trained network, built once and filled with one fold after the other.

    bins: (bins,) values that the classes stand for, years or, for age groups, their numbers; empty for a Value head.
    labels: names of the age groups, empty where ages are learnt.
    """

    run: Run
    experiment: Experiment
    network: Network
    bins: np.ndarray
    labels: tuple[str, ...]

    def load_fold(self, fold: int, *, seed: int) -> None:
        """Set the network's weights to those at the end of a fold. UserError when the fold kept none."""
        path = self.run.fold_folder(seed, fold, first_seed=self.experiment.seeds[0]) / WEIGHTS
        if not path.is_file():
            raise UserError(
                f"{path} is not there: fold {fold} is not finished, or was run with another keep_weights than `all`. Kept are: "
                f"{', '.join(str(number) for number in self.folds_with_weights(seed)) or 'none'}."
            )
        part = trained_part(self.network, self.experiment.stages[-1])
        load_strict(part, load_arrays(path), source=str(path))

    def folds_with_weights(self, seed: int) -> list[int]:
        """Folds whose weights are here."""
        first = self.experiment.seeds[0]
        finished = [fold for s, fold in self.run.done(self.experiment.seeds) if s == seed]
        return [fold for fold in finished if (self.run.fold_folder(seed, fold, first_seed=first) / WEIGHTS).is_file()]


def load_run_model(run: Run, *, seed: int | None = None) -> RunModel:
    """The run's network with the backbone of its last stage, ready for `load_fold`; seed None takes the first.

    Raises UserError when no fold of the run is finished, when a file of a finished one is damaged, or when the backbone of a frozen
    run is missing.
    """
    experiment = read_experiment(run.folder / "experiment.yaml")
    seed = experiment.seeds[0] if seed is None else seed
    finished = [fold for s, fold in run.done(experiment.seeds) if s == seed]
    for fold in sorted(set(run.folds()["fold"]) - set(finished)):
        if damaged := _damaged_file(run.fold_folder(seed, fold, first_seed=experiment.seeds[0])):
            raise UserError(f"{damaged} is damaged or gone: the same `agerepro run` command makes fold {fold} again.")
    if not finished:
        raise UserError(f"{run.folder}: no fold of seed {seed} is finished. Continue it with `agerepro run`.")
    stage = experiment.stages[-1]
    bins = load_arrays(run.fold_folder(seed, finished[0], first_seed=experiment.seeds[0]) / "posteriors.npz")["bins"]
    network = build_network(
        experiment.backbone,
        experiment.head if isinstance(stage.target, Age) else Classification(),
        outputs=max(len(bins), 1),
        size=experiment.augment.size,
        precision=experiment.machine.precision,
        seed=0,
    )
    if stage.train == "head":
        path = backbone_path(run.folder, seed)
        load_strict(network.backbone, load_arrays(path), source=str(path))
    return RunModel(run, experiment, network, bins, stage.target.labels if isinstance(stage.target, AgeGroups) else ())


def _damaged_file(folder: Path) -> Path | None:
    """The first file of a finished fold's folder that is not what its manifest says, or None; None, too, where none is finished."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return None
    lines = manifest.read_text(encoding="utf-8", errors="replace").splitlines()
    for digest, _, name in (line.partition("  ") for line in lines):
        if name and not ((folder / name).is_file() and digest_of_file(folder / name) == digest):
            return folder / name
    return None if lines and all("  " in line for line in lines) else manifest
