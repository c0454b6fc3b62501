"""The folds of a protocol by one traced model: locked, trained, tested, completed; finished ones are never done again."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agerepro.config.schema import AgeGroups, Experiment, Regression, Stage
from agerepro.errors import CheckFailed
from agerepro.io import (
    NOW,
    WHEN_FREE,
    atomic_write,
    config_hash,
    finished_by,
    is_complete,
    lock_folder,
    work_folder,
    write_folder,
    write_json,
    write_text,
)
from agerepro.models.build import Network
from agerepro.models.heads import AGE, FeatureBlock
from agerepro.models.weights import save_arrays, weights_as_arrays
from agerepro.provenance import provenance, utc_now
from agerepro.splits.protocols import TEST, TRAIN, VALIDATION
from agerepro.stopping import check_stop
from agerepro.tables import PREDICTIONS, write_table
from agerepro.tasks.decode import decode, posterior
from agerepro.training.augment import MIRRORED, PLAIN, AugmentedFaces, InputView, View
from agerepro.training.checkpoint import TrainState, save_history
from agerepro.training.device import device_facts
from agerepro.training.features import FeatureCache
from agerepro.training.loop import Diverged, Trainer
from agerepro.training.naming import FAILED, feature_settings
from agerepro.training.reporting import EpochLog
from agerepro.training.ridge import fit_ridge, fit_ridge_best_subset
from agerepro.training.stages import CHECKPOINT, Init, TrainingTask, build_and_init, num_workers

WEIGHTS = "weights.npz"  # of a fold: the part that the fold trained
RANKED = "ridge-candidates.csv"  # where a ridge regression chose what it sees: every candidate with its inner error


def trained_part(network: Network, stage: Stage) -> keras.Model:
    """What a fold trains, and therefore keeps: the head alone over a frozen backbone, else the whole."""
    return network.head if stage.train == "head" else network.full


def save_backbone(run_folder: Path, task: TrainingTask, network: Network) -> None:
    """Keep the frozen backbone that all folds share, once a run and seed."""
    folder = backbone_path(run_folder, task.seed).parent
    if not is_complete(folder):
        write_folder(folder, lambda place: save_arrays(place / WEIGHTS, weights_as_arrays(network.backbone)), made_by=task.digest)


def backbone_path(run_folder: Path, seed: int) -> Path:
    """Where the weights of a frozen backbone lie, once a run and seed."""
    return run_folder / f"backbone-seed{seed}" / WEIGHTS


@dataclass(frozen=True)
class FoldRunner:
    """What all folds of a process share: the traced model set back before each, and the faces or frozen features."""

    experiment: Experiment
    task: TrainingTask
    folder_of: Callable[[int], Path]  # where a fold's files go
    labels: Mapping[str, str]  # columns of the predictions that say whose they are
    folds: pd.DataFrame
    network: Network
    trainer: Trainer
    source: InputView
    ridge_features: FeatureCache | None  # of the first weights, where a ridge regression on them starts the head
    blocks: tuple[FeatureBlock, ...] = ()  # where the regression chooses among these features

    def run_all(
        self,
        numbers: list[int],
        *,
        on_epoch: Callable[[int, EpochLog], None],
        on_fold: Callable[[int, str], None],
        wait: float = WHEN_FREE,
    ) -> None:
        """Do every fold of `numbers` that nobody has done: first those that are free, then, unless `wait` is NOW, those another held.

        on_epoch(fold, ...) after each epoch; on_fold(fold, "done" | "failed") when a fold is settled. A fold whose training diverges is
        a failed fold: its reason is noted in its work folder, the others go on. Raises Interrupted where a stop is asked for, and
        CheckFailed for a fold that other settings made.
        """
        left = list(numbers)
        for patience in dict.fromkeys((NOW, wait)):
            for fold in list(left):
                with lock_folder(self.folder_of(fold), wait=patience) as held:
                    if not held:
                        continue
                    settled = self._settle(fold, partial(on_epoch, fold))
                left.remove(fold)
                on_fold(fold, "done" if settled else "failed")

    def _settle(self, fold: int, on_epoch: Callable[[EpochLog], None]) -> bool:
        """Do a fold that is not done; whether it is done then."""
        folder = self.folder_of(fold)
        made_by = finished_by(folder)
        if made_by is not None:
            check_same_settings(folder, made_by, self.task.digest)
            return True
        check_stop(f"stage {self.task.stage.name}, before fold {fold}")
        try:
            self._train_and_test(fold, folder, on_epoch)
        except Diverged as error:
            write_json(work_folder(folder) / FAILED, {"reason": str(error), "host": platform.node(), "at": utc_now()})
            return False
        (work_folder(folder) / FAILED).unlink(missing_ok=True)
        return True

    def _keeps_weights(self, fold: int) -> bool:
        return self.experiment.keep_weights == "all" or (self.experiment.keep_weights == "first" and fold == int(self.folds["fold"].min()))

    def _train_and_test(self, fold: int, folder: Path, on_epoch: Callable[[EpochLog], None]) -> None:
        photos = self.folds.loc[self.folds["fold"] == fold].groupby("part")["photo"].agg(set)
        rows = {part: self.task.data.rows(photos.get(part, set())) for part in (TRAIN, VALIDATION, TEST)}
        checkpoint = work_folder(folder) / CHECKPOINT
        began = time.monotonic()
        initial_state, ranked = self._initial_state(rows[TRAIN])
        result = self.trainer.fit(
            self.task.examples(self.source, rows[TRAIN]),
            self.task.examples(self.source, rows[VALIDATION]),
            rng_key=(self.task.seed, self.task.stage.name, fold),
            checkpoint=checkpoint,
            on_epoch=on_epoch,
            initial_state=initial_state,
            eval_outputs=lambda: {"test": self.trainer.outputs(self.source, rows[TEST])},
        )
        outputs = self._test(rows[TEST])

        def write(place: Path) -> None:
            save_history(place / "history.csv", result.history)
            _save_arrays(place / "by_epoch.npz", {"outputs": result.eval_outputs.get("test", np.zeros(0)), "bins": self.task.bins})
            _save_arrays(place / "posteriors.npz", {"posteriors": outputs.astype(np.float32), "bins": self.task.bins})
            if ranked is not None:
                write_text(place / RANKED, ranked.to_csv(index=False))
            if self._keeps_weights(fold):
                save_arrays(place / WEIGHTS, weights_as_arrays(trained_part(self.network, self.task.stage)))
            write_table(place / "predictions.csv", self._predictions(fold, rows[TEST], outputs), PREDICTIONS)
            about = provenance(device=device_facts(), settings=self.task.settings, seconds=round(time.monotonic() - began, 1))
            write_json(place / "provenance.json", about)

        write_folder(folder, write, made_by=self.task.digest)
        checkpoint.unlink(missing_ok=True)

    def _initial_state(self, train: np.ndarray) -> tuple[TrainState, pd.DataFrame | None]:
        """The fold's first weights, the same for all but for a head that ridge regression fits to the fold's training photos; and what
        that regression chose among, if it did."""
        if self.ridge_features is None:
            return self.trainer.initial_state, None
        self.trainer.initial_state.assign_to(self.trainer.model)
        features = np.mean([self.ridge_features.batch(train, view) for view in self._views()], axis=0).reshape(len(train), -1)
        people = self.task.data.photos["subject"].to_numpy()[train]
        ages_weights_people = self.task.targets[train], self.task.weights[train], people
        candidates = None
        if self.blocks:
            kernel, bias, ranked = fit_ridge_best_subset(features, self.blocks, *ages_weights_people)
            candidates = pd.DataFrame([asdict(candidate) for candidate in ranked])
        else:
            kernel, bias, _ = fit_ridge(features, *ages_weights_people)
        years = self.trainer.model.get_layer(AGE)
        years.kernel.assign(kernel)
        years.bias.assign(bias)
        return TrainState.of(self.trainer.model), candidates

    def _views(self) -> list[View]:
        return [PLAIN, MIRRORED] if self.experiment.tta == "flip_average" else [PLAIN]

    def _test(self, rows: np.ndarray) -> np.ndarray:
        """(n, bins) posteriors, or (n, 1) years, averaged over the picture and its mirror image where the experiment says so."""
        outputs = [self.trainer.outputs(self.source, rows, view=view) for view in self._views()]
        return np.mean([posterior(logits) for logits in outputs] if len(self.task.bins) else outputs, axis=0)

    def _predictions(self, fold: int, rows: np.ndarray, outputs: np.ndarray) -> pd.DataFrame:
        photos = self.task.data.photos.iloc[rows]
        columns: dict[str, Any] = decode(outputs, self.task.bins, self.experiment.decode)
        if isinstance(self.task.stage.target, AgeGroups):
            labels = np.array(self.task.stage.target.labels)
            columns = {"group": labels[self.task.targets[rows].astype(int)], "predicted_group": labels[columns["argmax"].astype(int)]}
        return pd.DataFrame(
            {
                **self.labels,
                "fold": fold,
                "seed": self.task.seed,
                "photo": photos["photo"].to_numpy(),
                "subject": photos["subject"].to_numpy(),
                "age": photos["age"].to_numpy(),
                **columns,
            }
        )


def fold_runner(
    experiment: Experiment,
    task: TrainingTask,
    init: Init,
    folds: pd.DataFrame,
    *,
    run_folder: Path,
    folder_of: Callable[[int], Path],
    labels: Mapping[str, str],
    runs: Path,
) -> FoldRunner:
    """Build, load and trace once; with a frozen backbone, compute its features for all folds ahead."""
    network, _ = build_and_init(task, init, experiment.backbone, experiment.augment, experiment.machine)
    photos = task.data.photos
    rng_key = (task.seed, task.stage.name)
    faces = AugmentedFaces(task.data.pixels(), list(photos["photo"]), experiment.augment, rng_key)
    head_only = task.stage.train == "head"
    # What normalises by the batch depends on the batch: its features cannot be computed ahead.
    ahead = head_only and experiment.backbone.frozen_batch_norm == "inference"
    by_ridge = isinstance(task.head, Regression) and task.head.init != "he_normal"
    features = (
        FeatureCache(network.backbone, faces, len(photos), runs / "features" / config_hash(feature_settings(task.settings)))
        if ahead or by_ridge
        else None
    )
    if features is not None:
        features.precompute(task.stage.epochs if ahead else 0, mirrored=experiment.tta == "flip_average")
    trainer = Trainer(network.head if ahead else network.full, task.stage, task.loss, task.bins, experiment.machine, threads=num_workers())
    source: InputView = features if ahead and features is not None else faces
    blocks = network.blocks if isinstance(task.head, Regression) and task.head.init == "ridge_best_subset" else ()
    if head_only:
        save_backbone(run_folder, task, network)
    return FoldRunner(experiment, task, folder_of, labels, folds, network, trainer, source, features if by_ridge else None, blocks)


def check_same_settings(folder: Path, made_by: str, expected: str) -> None:
    """CheckFailed where a finished fold was made by other settings, data or start than its run's: such folds are never mixed."""
    if made_by != expected:
        raise CheckFailed(
            f"{folder} was made by other settings, data or start than this run's ({made_by} in place of {expected}): folds are not mixed. "
            "Remove that folder; the same `agerepro run` command does the fold as the others."
        )


def _save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    atomic_write(path, lambda temporary: np.savez_compressed(temporary, allow_pickle=False, **arrays))
