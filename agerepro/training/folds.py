"""The folds of a protocol, trained or fitted in closed form: locked, tested, written whole; a finished one is never done again."""

from __future__ import annotations

import dataclasses
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from agerepro.config.schema import SVR, AsItIs, AutoSklearn, BaseStage, ColumnFeature, Experiment, Flaml, RegressionStage, Ridge, Stage
from agerepro.errors import Interrupted, UserError
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
from agerepro.models.heads import YEARS, FeatureBlock
from agerepro.models.weights import save_arrays, weights_as_arrays
from agerepro.provenance import provenance
from agerepro.regression.automl import FIT, find_interpreter, fit_fold
from agerepro.regression.engines import FitFailed, fit_engine
from agerepro.rng import derive_seed
from agerepro.running import Note, noting
from agerepro.splits.protocols import TEST, TRAIN, VALIDATION, people_of
from agerepro.stopping import check_stop
from agerepro.tables import PREDICTIONS, write_table
from agerepro.tasks.labels import numbers_of, prediction_column
from agerepro.training.augment import AugmentedFaces, InputView, View, views_of
from agerepro.training.checkpoint import TrainState, save_history
from agerepro.training.device import device_facts
from agerepro.training.exported import ComputedFeatures, FoldFeatures, mean_features
from agerepro.training.features import FeatureCache
from agerepro.training.loop import Diverged, Trainer
from agerepro.training.naming import CHECKPOINT, check_same_settings, feature_settings
from agerepro.training.reporting import EpochLog
from agerepro.training.ridge import Candidate, Combine, RidgeFit, fit_ridge_folds
from agerepro.training.stages import Init, TrainingTask, build_and_init, num_workers

WEIGHTS = "weights.npz"  # of a fold: the part that the fold trained
LINEAR = "linear.npz"  # of a ridge regression on exported features: kernel (d,) and bias, years
RANKED = "ridge-candidates.csv"  # where a ridge regression chose what it sees: every candidate with its inner error


def trained_part(network: Network, stage: BaseStage) -> keras.Model:
    """What a fold trains, and therefore keeps: the head alone over a frozen backbone, else the whole."""
    return network.head if stage.keeps_backbone() else network.full


def save_trained(network: Network, stage: BaseStage, place: Path, keep: bool) -> None:
    """What a fold trained, if it is to be kept, as weights.npz."""
    if keep:
        save_arrays(place / WEIGHTS, weights_as_arrays(trained_part(network, stage)))


def save_backbone(run_folder: Path, task: TrainingTask, network: Network) -> None:
    """Keep the frozen backbone that all folds share, once a run and seed."""
    folder = backbone_path(run_folder, task.seed).parent
    if is_complete(folder):
        return

    def write(place: Path) -> None:
        save_arrays(place / WEIGHTS, weights_as_arrays(network.backbone))
        write_json(place / "provenance.json", provenance(device=device_facts(), start=task.settings["start"]))

    write_folder(folder, write, made_by=task.digest)


def backbone_path(run_folder: Path, seed: int) -> Path:
    """Where the weights of a frozen backbone lie, once a run and seed."""
    return run_folder / f"backbone-seed{seed}" / WEIGHTS


@dataclass
class FoldRunner(ABC):
    """The folds of a protocol, done one by one: locked, done, written whole; a finished one is never done again."""

    experiment: Experiment
    task: TrainingTask
    folder_of: Callable[[int], Path]  # where a fold's files go
    labels: Mapping[str, str]  # columns of the predictions that say whose they are
    folds: pd.DataFrame

    def run_all(
        self,
        numbers: Sequence[int],
        *,
        on_epoch: Callable[[int, EpochLog], None],
        on_fold: Callable[[int, str], None],
        wait: float = WHEN_FREE,
    ) -> None:
        """Do every fold of `numbers` that nobody has done: first those that are free, then, unless `wait` is NOW, those another held.

        on_epoch(fold, ...) after each epoch; on_fold(fold, "done" | "failed") when a fold is settled. A fold whose training diverges,
        or for which a search finds no regressor, is a failed fold: its reason is noted in its work folder, the others go on. Raises
        Interrupted where a stop is asked for, and CheckFailed for a fold that other settings made.
        """
        left = list(numbers)
        for patience in dict.fromkeys((NOW, wait)):
            for fold in list(left):
                with lock_folder(self.folder_of(fold), wait=patience) as held:
                    if not held:
                        continue
                    settled = self._settle(fold, left, partial(on_epoch, fold))
                left.remove(fold)
                on_fold(fold, "done" if settled else "failed")

    @abstractmethod
    def do(self, fold: int, left: Sequence[int], on_epoch: Callable[[EpochLog], None], note: Note) -> None:
        """Fit a fold on its training part, test it and write its folder; `left`: the folds still to do, this one among them.

        note: is told how far it is.
        """

    def _settle(self, fold: int, left: Sequence[int], on_epoch: Callable[[EpochLog], None]) -> bool:
        """Do a fold that is not done; whether it is done then."""
        folder = self.folder_of(fold)
        made_by = finished_by(folder)
        if made_by is not None:
            check_same_settings(folder, made_by, self.task.digest)
            return True
        check_stop(f"stage {self.task.stage.name}, before fold {fold}")
        try:
            with noting(folder) as note:
                self.do(fold, left, on_epoch, note)
        except (Diverged, FitFailed):
            return False
        return True

    def rows(self, fold: int) -> dict[str, np.ndarray]:
        """Row numbers of the photos in the train, validation and test part of a fold."""
        photos = self.folds.loc[self.folds["fold"] == fold].groupby("part")["photo"].agg(set)
        return {part: self.task.data.rows(photos.get(part, set())) for part in (TRAIN, VALIDATION, TEST)}

    def fitting_rows(self, fold: int) -> np.ndarray:
        """Row numbers of the training photos, and of those that validate: a regression on features chooses inside them."""
        rows = self.rows(fold)
        return np.union1d(rows[TRAIN], rows[VALIDATION])

    def views(self) -> list[View]:
        """How a tested face is looked at; answers are averaged over these."""
        return views_of(self.experiment)

    def write(
        self,
        fold: int,
        tested: np.ndarray,
        answers: np.ndarray,
        *,
        history: Sequence[dict[str, float]] = (),
        by_epoch: np.ndarray | None = None,
        candidates: Sequence[Candidate] = (),
        save_model: Callable[[Path, bool], object],
        seconds: float,
    ) -> None:
        """The fold's folder, whole: answers (n, bins) posteriors or (n, 1) years of the tested rows (n,), and what led to them.

        save_model: called with the folder that is being filled, and whether the model itself is kept.
        """
        bins = self.task.task.bins
        # What a residual is added to, where the stage learns one.
        offset = self.task.task.offset(self.task.data.photos.iloc[tested])
        about = {"bins": bins} | ({"offset": offset} if self.task.stage.target.residual_of else {})

        def write(place: Path) -> None:
            save_history(place / "history.csv", history)
            _save_arrays(place / "by_epoch.npz", {"outputs": np.zeros(0) if by_epoch is None else by_epoch, **about})
            _save_arrays(place / "posteriors.npz", {"posteriors": answers.astype(np.float32), **about})
            if candidates:
                write_text(place / RANKED, pd.DataFrame([asdict(candidate) for candidate in candidates]).to_csv(index=False))
            save_model(place, self._keeps_weights(fold))
            write_table(place / "predictions.csv", self._predictions(fold, tested, answers), PREDICTIONS)
            made = provenance(device=device_facts(), settings=self.task.settings, seconds=round(seconds, 1))
            write_json(place / "provenance.json", made)

        write_folder(self.folder_of(fold), write, made_by=self.task.digest)

    def _keeps_weights(self, fold: int) -> bool:
        return self.experiment.keep_weights == "all" or (self.experiment.keep_weights == "first" and fold == int(self.folds["fold"].min()))

    def _predictions(self, fold: int, rows: np.ndarray, answers: np.ndarray) -> pd.DataFrame:
        photos = self.task.data.photos.iloc[rows]
        return pd.DataFrame(
            {
                **self.labels,
                "fold": fold,
                "seed": self.task.seed,
                "photo": photos["photo"].to_numpy(),
                "subject": photos["subject"].to_numpy(),
                **self.task.task.columns(answers, photos, how=self.experiment.decode),
            }
        )


@dataclass
class TrainedFolds(FoldRunner):
    """Folds trained by gradient descent: one traced model, set back before each."""

    network: Network
    trainer: Trainer
    source: InputView
    ridge_features: FeatureCache | None  # of the first weights, where a ridge regression on them starts the head

    def do(self, fold: int, left: Sequence[int], on_epoch: Callable[[EpochLog], None], note: Note) -> None:
        """Train, on from where it was stopped, and test."""
        rows, checkpoint, began = self.rows(fold), work_folder(self.folder_of(fold)) / CHECKPOINT, time.monotonic()
        initial_state, candidates = self._initial_state(rows[TRAIN])
        result = self.trainer.fit(
            self.task.examples(self.source, rows[TRAIN]),
            self.task.examples(self.source, rows[VALIDATION]),
            rng_key=(self.task.seed, self.task.stage.name, fold),
            checkpoint=checkpoint,
            on_epoch=on_epoch,
            on_batch=note.tell,
            initial_state=initial_state,
            eval_outputs=lambda: {"test": self.trainer.outputs(self.source, rows[TEST])[self.task.task.main]},
        )
        self.write(
            fold,
            rows[TEST],
            self._test(rows[TEST]),
            history=result.history,
            by_epoch=result.eval_outputs.get("test"),
            candidates=candidates,
            save_model=partial(save_trained, self.network, self.task.stage),
            seconds=time.monotonic() - began,
        )
        checkpoint.unlink(missing_ok=True)

    def _initial_state(self, train: np.ndarray) -> tuple[TrainState, tuple[Candidate, ...]]:
        """The fold's first weights, the same for all but for a head that ridge regression fits to the fold's training photos; and what
        that regression chose among, if it did."""
        if self.ridge_features is None:
            return self.trainer.initial_state, ()
        self.trainer.initial_state.assign_to(self.trainer.model)
        subset = self.experiment.head.init == "ridge_best_subset"
        (fit,) = fit_folds(self.task, self.ridge_features, self.views(), self.network.blocks if subset else (), [train])
        set_linear(self.trainer.model, fit)
        return TrainState.of(self.trainer.model), fit.candidates if subset else ()

    def _test(self, rows: np.ndarray) -> np.ndarray:
        """(n, bins) posteriors, or (n, 1) years, averaged over the picture and its mirror image where the experiment says so."""
        return np.mean([self.task.task.answer(self.trainer.outputs(self.source, rows, view=view)) for view in self.views()], axis=0)


@dataclass
class RegressedFolds(FoldRunner):
    """Folds of a regression on frozen features: all that are left are fitted at once when the first of them is asked for.

    Where each has features of its own, each is fitted when it is asked for. A fold leaves the network with the fit as its last layer, or,
    where features were exported and there is no network, the linear function.
    """

    network: Network | None
    features: FoldFeatures
    regressor: Ridge
    fits: dict[int, RidgeFit] = field(default_factory=dict)

    def do(self, fold: int, left: Sequence[int], on_epoch: Callable[[EpochLog], None], note: Note) -> None:
        """Fit what is left, if this fold is not fitted yet, and test this fold."""
        began = time.monotonic()
        if fold not in self.fits:
            together = list(left) if self.features.shared else [fold]
            note.tell(f"fitting {len(together)} folds")
            training = [self.fitting_rows(number) for number in together]
            combine: Combine = "mean" if self.regressor.choose == "mean_of_subsets" else "best"
            blocks = self.network.blocks if self.network is not None and self.regressor.choose != "strength" else ()
            fits = fit_folds(self.task, self.features.of(fold), self.views(), blocks, training, combine=combine)
            self.fits = dict(zip(together, fits, strict=True))
        tested, fit = self.rows(fold)[TEST], self.fits[fold]
        years = mean_features(self.features.of(fold), tested, self.views()) @ fit.kernel + fit.bias
        self.write(
            fold,
            tested,
            years[:, None],
            candidates=fit.candidates,
            save_model=partial(save_linear, fit) if self.network is None else partial(self._save_network, self.network, fit),
            seconds=time.monotonic() - began,
        )

    def _save_network(self, network: Network, fit: RidgeFit, place: Path, keep: bool) -> None:
        set_linear(network.head, fit)
        save_trained(network, self.task.stage, place, keep)


@dataclass
class EngineFolds(FoldRunner):
    """Folds of a regression that searches: each fitted for itself, by an engine of this environment or by auto-sklearn in its own."""

    features: FoldFeatures
    regressor: AutoSklearn | Flaml | SVR
    interpreter: Path | None  # of auto-sklearn's environment

    def do(self, fold: int, left: Sequence[int], on_epoch: Callable[[EpochLog], None], note: Note) -> None:
        """Fit the training part, with whom it validates, and test."""
        began, tested, training = time.monotonic(), self.rows(fold)[TEST], self.fitting_rows(fold)
        note.tell(f"fitting {len(training)} photos")
        if isinstance(self.regressor, AutoSklearn):
            years, save_fit = self._by_auto_sklearn(fold, tested)
        else:
            fit = fit_engine(
                self.regressor,
                mean_features(self.features.of(fold), training, self.views()),
                self.task.values[training].astype(float),
                people_of(self.task.data.photos).to_numpy()[training],
                seed=derive_seed("regression", self.task.seed, self.task.stage.name, fold),
            )
            years = fit.predict(mean_features(self.features.of(fold), tested, self.views()))
            save_fit = fit.save
        self.write(fold, tested, years.astype(np.float32)[:, None], save_model=save_fit, seconds=time.monotonic() - began)

    def _by_auto_sklearn(self, fold: int, tested: np.ndarray) -> tuple[np.ndarray, Callable[[Path, bool], object]]:
        assert isinstance(self.regressor, AutoSklearn) and self.interpreter is not None
        seed = derive_seed("regression", self.task.seed, self.task.stage.name, fold)
        settings = {**dataclasses.asdict(self.regressor), "seed": seed}
        place = work_folder(self.folder_of(fold)) / "fit"
        try:
            result = fit_fold(self.features.exchange(fold), fold, place, settings, interpreter=self.interpreter)
        except Interrupted:
            raise
        except UserError as error:
            raise FitFailed(str(error)) from error
        predicted = result.predictions.set_index("photo")["predicted"]
        return predicted.loc[self.task.data.photos["photo"].iloc[tested]].to_numpy(float), result.save


@dataclass
class ColumnFolds(FoldRunner):
    """Folds of a regression on one number a photo, or of that number itself: no network is looked at."""

    values: np.ndarray  # (n,) years
    regressor: SVR | Flaml | AsItIs

    def do(self, fold: int, left: Sequence[int], on_epoch: Callable[[EpochLog], None], note: Note) -> None:
        """Fit the training part alone, and test: who validates may have chosen what predicts here."""
        began, rows = time.monotonic(), self.rows(fold)
        training, tested = rows[TRAIN], rows[TEST]
        years = self.values[tested]
        save_model: Callable[[Path, bool], object] = _save_nothing
        if not isinstance(self.regressor, AsItIs):
            people = people_of(self.task.data.photos).to_numpy()[training]
            seed = derive_seed("regression", self.task.seed, self.task.stage.name, fold)
            fit = fit_engine(self.regressor, self.values[training, None], self.task.values[training].astype(float), people, seed=seed)
            years, save_model = fit.predict(self.values[tested, None]), fit.save
        self.write(fold, tested, np.asarray(years, np.float32)[:, None], save_model=save_model, seconds=time.monotonic() - began)


def _save_nothing(place: Path, keep: bool) -> None:
    """There is no model."""


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
    experiment = experiment.as_of(task.stage)
    photos, stage = task.data.photos, task.stage
    if isinstance(stage, RegressionStage) and isinstance(stage.features, ColumnFeature):
        assert isinstance(stage.regressor, (SVR, Flaml, AsItIs))  # as read_experiment checks
        column = stage.features.column or prediction_column(stage.features.predicted_by)
        return ColumnFolds(experiment, task, folder_of, labels, folds, numbers_of(photos, column), stage.regressor)
    network, transfer = build_and_init(task, init, experiment.backbone, experiment.augment, experiment.machine)
    faces = AugmentedFaces(task.data.pixels(), list(photos["photo"]), experiment.augment, (task.seed, stage.name))
    # What normalises by the batch depends on the batch: its features cannot be computed ahead.
    ahead = stage.keeps_backbone() and experiment.backbone.frozen_batch_norm == "inference"
    by_ridge = isinstance(stage, RegressionStage) or task.head.init != "he_normal"
    if not by_ridge:
        _check_is_trained(stage, init, transfer)
    features = FeatureCache(network.backbone, faces, len(photos), runs / "features" / config_hash(feature_settings(task.settings)))
    if ahead or by_ridge:
        features.precompute(stage.epochs_trained() if ahead else 0, mirrored=experiment.tta == "flip_average")
    if stage.keeps_backbone():
        save_backbone(run_folder, task, network)
    if isinstance(stage, RegressionStage):
        computed = ComputedFeatures(features, task, folds, views_of(experiment), run_folder / f"features-seed{task.seed}")
        return regression_runner(experiment, task, folds, computed, network, folder_of=folder_of, labels=labels)
    assert isinstance(stage, Stage)
    trainer = Trainer(network.head if ahead else network.full, stage, task.task, experiment.machine, threads=num_workers())
    source: InputView = features if ahead else faces
    return TrainedFolds(experiment, task, folder_of, labels, folds, network, trainer, source, features if by_ridge else None)


def _check_is_trained(stage: BaseStage, init: Init, transfer: Mapping[str, Any]) -> None:
    """UserError where a stage is tested as it starts, and nobody has trained a part of it: only the photos say which classes there are."""
    if stage.epochs_trained() == 0 and transfer["fresh"]:
        raise UserError(
            f"Stage {stage.name!r} trains for 0 epochs, and {init.name} does not give it its last layer, whose answers would be chance. "
            "Give it the classes of the stage that it starts from, or epochs."
        )


def regression_runner(
    experiment: Experiment,
    task: TrainingTask,
    folds: pd.DataFrame,
    features: FoldFeatures,
    network: Network | None,
    *,
    folder_of: Callable[[int], Path],
    labels: Mapping[str, str],
) -> FoldRunner:
    """The folds of a regression on features that are computed or exported; UserError where its engine's environment is not here."""
    stage = task.stage
    assert isinstance(stage, RegressionStage) and not isinstance(stage.regressor, AsItIs)  # as read_experiment checks
    if isinstance(stage.regressor, Ridge):
        return RegressedFolds(experiment, task, folder_of, labels, folds, network, features, stage.regressor)
    interpreter = find_interpreter() if isinstance(stage.regressor, AutoSklearn) else None
    return EngineFolds(experiment, task, folder_of, labels, folds, features, stage.regressor, interpreter)


def fit_folds(
    task: TrainingTask,
    features: InputView,
    views: Sequence[View],
    blocks: Sequence[FeatureBlock],
    training: Sequence[np.ndarray],
    *,
    combine: Combine = "best",
) -> list[RidgeFit]:
    """Ridge regression of the ages on each training part's features, which are averaged over the views; blocks, combine: as
    `fit_ridge_folds`."""
    values = mean_features(features, np.arange(len(task.values)), views)
    people = people_of(task.data.photos).to_numpy()
    return fit_ridge_folds(values, task.values, task.weights, people, training, blocks=blocks, combine=combine)


def set_linear(model: keras.Model, fit: RidgeFit) -> None:
    """Make a fit the weights of the model's last layer, which gives years."""
    years = model.get_layer(YEARS)
    years.kernel.assign(fit.kernel[:, None])
    years.bias.assign([fit.bias])


def save_linear(fit: RidgeFit, folder: Path, keep: bool) -> None:
    """fit.json with the strength that was chosen; the linear function itself, if it is to be kept, as linear.npz."""
    write_json(folder / FIT, {"engine": "ridge", "chosen": f"strength={fit.strength:g}", "features": len(fit.kernel)})
    if keep:
        save_arrays(folder / LINEAR, {"kernel": fit.kernel, "bias": np.array(fit.bias)})


def _save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    atomic_write(path, lambda temporary: np.savez_compressed(temporary, allow_pickle=False, **arrays))
