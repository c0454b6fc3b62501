"""The network of a finished fold, from the files in its run folder alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agerepro.config.loading import read_experiment
from agerepro.config.schema import SVR, AsItIs, AutoSklearn, BaseStage, Experiment, Flaml, RegressionStage, Ridge
from agerepro.errors import UserError
from agerepro.io import finished_by, verified
from agerepro.models.build import Network, build_network
from agerepro.models.weights import load_arrays, load_strict
from agerepro.regression.automl import FIT
from agerepro.runs.layout import Run
from agerepro.tasks.task import Task, restore_task
from agerepro.training.augment import InputView
from agerepro.training.folds import LINEAR, WEIGHTS, backbone_path, trained_part
from agerepro.training.naming import StageCheckpoint
from agerepro.training.stages import predict_years, trained_network

# What a fold of a regression keeps, where it keeps weights.
MODEL_FILES: dict[type, str] = {AutoSklearn: "model.pkl", Flaml: "model.joblib", SVR: "model.joblib", Ridge: LINEAR}


@dataclass(frozen=True)
class StageModel:
    """The network of a trained shared stage, to whose prediction another is added; base: what its own is added to."""

    network: Network
    task: Task
    base: StageModel | None

    def predict(self, experiment: Experiment, faces: InputView, count: int) -> np.ndarray:
        """(n,) float64 years of the first `count` faces."""
        offset = self.base.predict(experiment, faces, count) if self.base else 0.0
        return predict_years(experiment, self.network, self.task, faces, count, offset=offset)


@dataclass(frozen=True)
class RunModel:
    """A fold's trained network, built once and filled with one fold after the other.

    task: what its head has learnt; base: where that is a residual, the network of what it is a residual of.
    """

    run: Run
    experiment: Experiment
    network: Network
    task: Task
    base: StageModel | None = None

    @property
    def bins(self) -> np.ndarray:
        """(bins,) values that the classes stand for, years or, for age groups, their numbers; empty for a regression head."""
        return self.task.bins

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the age groups, empty where ages are learnt."""
        return self.task.labels

    def load_fold(self, fold: int, *, seed: int) -> None:
        """Set the network's weights to those at the end of a fold. UserError when the fold kept none."""
        path = self.run.fold_folder(seed, fold) / WEIGHTS
        if not path.is_file():
            raise UserError(
                f"{path} is not there: fold {fold} is not finished, or was run with another keep_weights than `all`. Kept are: "
                f"{', '.join(str(number) for number in self.folds_with_weights(seed)) or 'none'}."
            )
        part = trained_part(self.network, self.experiment.stages[-1])
        load_strict(part, load_arrays(verified(path)), source=str(path))

    def folds_with_weights(self, seed: int) -> list[int]:
        """Folds whose weights are here."""
        finished = [fold for s, fold in self.run.done(self.experiment.seeds) if s == seed]
        return [fold for fold in finished if (self.run.fold_folder(seed, fold) / WEIGHTS).is_file()]


def load_run_model(run: Run, *, seed: int | None = None) -> RunModel:
    """The run's network with the backbone of its last stage, ready for `load_fold`; seed None takes the first.

    Raises UserError when no fold of the run is finished, when its folds keep no network, when a file of a finished one
    is damaged, or when the backbone of a frozen run is missing.
    """
    experiment = read_experiment(run.folder / "experiment.yaml")
    seed = experiment.seeds[0] if seed is None else seed
    finished = [fold for s, fold in run.done(experiment.seeds) if s == seed]
    if not finished:
        raise UserError(f"{run.folder}: no fold of seed {seed} is finished. Continue it with `agerepro run`.")
    stage = experiment.stages[-1]
    if isinstance(stage, RegressionStage) and isinstance(stage.regressor, AsItIs):
        raise UserError(
            f"{run.folder} takes one number a photo as it is and has no network: it cannot predict, be explained or be exported. Name a "
            "run whose folds train one."
        )
    if isinstance(stage, RegressionStage) and (run.fold_folder(seed, finished[0]) / FIT).is_file():
        raise UserError(
            f"{run.folder} is a regression on features: a fold keeps a fitted model ({MODEL_FILES[type(stage.regressor)]}), not a network, "
            "so that it cannot predict, be explained or be exported as one. Name a run whose folds train a network, or one that was "
            "run with `regressor: ridge`, which keeps a linear layer. docs/regression.md says how the fitted models are loaded."
        )
    seen = experiment.as_of(stage)
    bins = load_arrays(verified(run.fold_folder(seed, finished[0]) / "posteriors.npz"))["bins"]
    task = restore_task(experiment, stage, bins)
    network = build_network(
        seen.backbone,
        seen.head,
        outputs=task.outputs,
        size=experiment.augment.size,
        precision=experiment.machine.precision,
        seed=0,
    )
    if stage.keeps_backbone():
        path = backbone_path(run.folder, seed)
        load_strict(network.backbone, load_arrays(verified(path)), source=str(path))
    return RunModel(run, experiment, network, task, _base_of(run, experiment, stage, seed))


def _base_of(run: Run, experiment: Experiment, stage: BaseStage, seed: int) -> StageModel | None:
    """The network whose prediction a stage's is added to, from the folder of shared stages beside the run."""
    if not (name := stage.target.residual_of):
        return None
    named = experiment.stage(name)
    folder = run.folder.resolve().parents[2] / "stages" / str(run.provenance()["stages"][str(seed)][name])
    made_by = finished_by(folder)
    if made_by is None:
        raise UserError(f"{folder} is not there: this run adds to what stage {name!r} predicts. The same `agerepro run` command trains it.")
    network, task = trained_network(experiment, named, StageCheckpoint(folder, made_by, named.target))
    return StageModel(network, task, _base_of(run, experiment, named, seed))
