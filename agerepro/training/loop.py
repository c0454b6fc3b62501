"""The one training loop, stopped and continued to the same result, and what it reports while it works."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from agerepro.config.schema import Age, Loss, Machine, Stage
from agerepro.errors import UserError
from agerepro.tasks.losses import total_loss
from agerepro.training.augment import PLAIN, InputView
from agerepro.training.checkpoint import Checkpoint, TrainState, assign_variables, copy_variables, load_checkpoint, save_checkpoint
from agerepro.training.optimizers import TwoRateAdam, after_epoch
from agerepro.training.pipeline import Examples, predict_batches, steps_in, training_batches

CHECKPOINT_EVERY_S = 20.0  # a killed training loses at most this and one epoch


class Diverged(UserError):
    """The loss became infinite or no number: the learning rate is too high for this network."""


@dataclass(frozen=True)
class EpochLog:
    """What there is to say after an epoch: `history` holds one row an epoch, the last is the newest."""

    epoch: int
    epochs: int
    history: tuple[dict[str, float], ...]
    seconds_left: float


@dataclass(frozen=True)
class TrainResult:
    """What a training leaves besides the model's variables: one row an epoch, and what was evaluated after each."""

    history: tuple[dict[str, float], ...]
    eval_outputs: dict[str, np.ndarray]  # (epochs, ...)


class Trainer:
    """A compiled model that is set back between folds by assigning its variables: nothing is built or traced again."""

    def __init__(
        self, model: keras.Model, stage: Stage, losses: Sequence[Loss], bins: np.ndarray, machine: Machine, *, threads: int
    ) -> None:
        self.model, self.stage, self.losses, self.bins, self.threads = model, stage, losses, bins.astype(np.float32), threads
        # A network's dense layers are its head, all others its backbone [models/build.py].
        backbone = [layer for layer in model.layers if not isinstance(layer, keras.layers.Dense)]
        optimizer: keras.optimizers.Optimizer = TwoRateAdam(
            stage.optimizer.learning_rate,
            slowed=[variable.path for layer in backbone for variable in layer.trainable_variables],
            share=stage.optimizer.backbone_lr_multiplier,
            beta_1=0.9,
            beta_2=0.999,
            epsilon=1e-7,
        )
        if machine.precision == "mixed_float16":  # small gradients would round to zero in half precision
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        metric = AgeMAE if isinstance(stage.target, Age) else Accuracy
        model.compile(
            optimizer=optimizer,
            loss=TotalLoss(losses, self.bins),
            metrics=[metric(self.bins)],
            weighted_metrics=[],
            jit_compile=machine.xla,
        )
        self.initial_state = TrainState.of(model)

    def outputs(self, source: InputView, rows: np.ndarray, *, view: int = PLAIN) -> np.ndarray:
        """(n, outputs) float32 logits or years for rows of a source, in batches of one shape."""
        if not len(rows):
            return np.zeros((0, self.model.output_shape[-1]), np.float32)
        return np.concatenate(list(predict_batches(self.model, source, rows, view)))

    def loss_of(self, examples: Examples) -> float:
        """Weighted mean loss of plain examples; NaN when there are none."""
        if not len(examples):
            return math.nan
        loss, losses, start = total_loss(self.losses), [], 0
        for outputs in predict_batches(self.model, examples.source, examples.rows, PLAIN):
            targets = examples.targets[start : start + len(outputs)]
            losses.append(keras.ops.convert_to_numpy(loss(targets, outputs, self.bins)))
            start += len(outputs)
        return float(np.average(np.concatenate(losses), weights=examples.weights))

    def fit(
        self,
        train: Examples,
        validation: Examples,
        *,
        rng_key: tuple[str | int, ...],
        checkpoint: Path,
        on_epoch: Callable[[EpochLog], None],
        initial_state: TrainState | None = None,
        eval_outputs: Callable[[], dict[str, np.ndarray]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> TrainResult:
        """Train from `initial_state` (default: the trainer's), or on from `checkpoint` if it holds one; the model keeps the last weights.

        With checkpoint_selection `best_validation` the model keeps the weights of the least validation loss, if there was one.
        rng_key seeds the order of photos; `eval_outputs` may return arrays after each epoch, which come back stacked.
        Raises Diverged at the first batch whose loss is no finite number; what was saved until then stays in `checkpoint`.
        """
        state = load_checkpoint(checkpoint) or Checkpoint(0, initial_state or self.initial_state)
        state.variables.assign_to(self.model)
        progress = _Progress(self, validation, state, checkpoint, on_epoch, eval_outputs, clock)
        if state.epoch < self.stage.epochs:
            batches = training_batches(
                train, batch=self.stage.batch_size, epochs=range(state.epoch, self.stage.epochs), rng_key=rng_key, threads=self.threads
            )
            self.model.fit(
                batches,
                epochs=self.stage.epochs,
                initial_epoch=state.epoch,
                steps_per_epoch=steps_in(train, self.stage.batch_size),
                shuffle=False,
                verbose=0,
                callbacks=[progress],
            )
        if progress.best is not None:
            assign_variables(self.model.variables, progress.best)
        return TrainResult(tuple(progress.history), progress.stacked_outputs())


class _Progress(keras.callbacks.Callback):
    """A training as it goes on: refuses NaN after each batch; after each epoch validates, sets the rate, remembers the best, saves."""

    def __init__(
        self,
        trainer: Trainer,
        validation: Examples,
        state: Checkpoint,
        path: Path,
        on_epoch: Callable[[EpochLog], None],
        eval_outputs: Callable[[], dict[str, np.ndarray]] | None,
        clock: Callable[[], float],
    ) -> None:
        super().__init__()
        self.trainer, self.validation, self.path = trainer, validation, path
        self.report, self.eval_outputs, self.clock = on_epoch, eval_outputs, clock
        self.plateau, self.history, self.best = state.plateau, list(state.history), state.best
        self.outputs = {name: list(arrays) for name, arrays in state.eval_outputs.items()}  # an array an epoch
        self.first = self.epoch = self.saved_epoch = state.epoch
        self.saved_at = self.began = clock()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls this with the epoch from 0."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls this with the batch from 0 and the mean loss of the epoch until here, which no later batch makes finite again."""
        loss, stage = (logs or {})["loss"], self.trainer.stage
        if not math.isfinite(loss):
            rest = f"The state after epoch {self.saved_epoch} is in {self.path}." if self.saved_epoch else "No state was saved."
            raise Diverged(
                f"The loss of stage {stage.name!r} became {loss} in epoch {self.epoch + 1}, batch {batch + 1}. Lower its learning rate "
                f"(now {stage.optimizer.learning_rate:g}). {rest}"
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls this with the epoch from 0 and the training loss and metric."""
        stage, model = self.trainer.stage, self.trainer.model
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        loss = self.trainer.loss_of(self.validation)
        # No comparison with NaN is true: without this filter one in the first epoch would hide every later best.
        least = min((row["validation_loss"] for row in self.history if not math.isnan(row["validation_loss"])), default=math.inf)
        self.history.append({"epoch": epoch + 1, "learning_rate": rate, **(logs or {}), "validation_loss": loss})
        if stage.checkpoint_selection == "best_validation" and loss < least:
            self.best = copy_variables(model.variables)
        if len(self.validation):
            self.plateau, factor = after_epoch(self.plateau, validation_loss=loss, schedule=stage.schedule)
            if factor != 1.0:
                model.optimizer.learning_rate = rate * factor
        for name, array in (self.eval_outputs() if self.eval_outputs else {}).items():
            self.outputs.setdefault(name, []).append(array)
        now = self.clock()
        if now - self.saved_at >= CHECKPOINT_EVERY_S:
            self._save(epoch + 1)
            self.saved_at = now
        per_epoch = (now - self.began) / (epoch + 1 - self.first)
        self.report(EpochLog(epoch + 1, stage.epochs, tuple(self.history), per_epoch * (stage.epochs - epoch - 1)))

    def stacked_outputs(self) -> dict[str, np.ndarray]:
        """(epochs, ...) by name."""
        return {name: np.stack(arrays) for name, arrays in self.outputs.items()}

    def _save(self, epoch: int) -> None:
        variables = TrainState.of(self.trainer.model)
        save_checkpoint(self.path, Checkpoint(epoch, variables, self.plateau, tuple(self.history), self.best, self.stacked_outputs()))
        self.saved_epoch = epoch


class TotalLoss(keras.losses.Loss):
    """A sum of per-example losses, weighted and averaged over the batch."""

    def __init__(self, losses: Sequence[Loss], bins: np.ndarray) -> None:
        super().__init__(name="loss", dtype="float32")
        self.total, self.bins = total_loss(losses), bins

    def call(self, y_true: object, y_pred: object) -> object:
        """(n,) losses of (n,) targets and (n, outputs) outputs."""
        return self.total(y_true, y_pred, self.bins)


class AgeMAE(keras.metrics.Mean):
    """Mean absolute error in years of the expectation over the classes, or of the one output: for the progress line."""

    def __init__(self, bins: np.ndarray) -> None:
        super().__init__(name="mae", dtype="float32")
        self.bins = bins

    def update_state(self, y_true: object, y_pred: object, sample_weight: object = None) -> None:
        """Add a batch; the weights of examples do not enter."""
        years = keras.ops.softmax(y_pred, axis=-1) @ keras.ops.reshape(self.bins, (-1, 1)) if len(self.bins) > 1 else y_pred
        super().update_state(keras.ops.abs(keras.ops.reshape(years, (-1,)) - keras.ops.reshape(y_true, (-1,))))


class Accuracy(keras.metrics.Mean):
    """Share of examples whose most probable class is the right one: what there is to say where people are told apart."""

    def __init__(self, bins: np.ndarray) -> None:
        super().__init__(name="accuracy", dtype="float32")
        self.bins = bins

    def update_state(self, y_true: object, y_pred: object, sample_weight: object = None) -> None:
        """Add a batch; the weights of examples do not enter."""
        predicted = keras.ops.take(self.bins, keras.ops.argmax(y_pred, axis=-1))
        super().update_state(keras.ops.cast(keras.ops.equal(predicted, keras.ops.reshape(y_true, (-1,))), "float32"))


class Reporter(Protocol):
    """Receives progress; every method returns at once."""

    def say(self, text: str) -> None:
        """One line worth keeping."""
        ...

    def count(self, what: str, done: int, total: int) -> None:
        """So many of so many photos."""
        ...

    def epoch(self, stage: str, log: EpochLog, *, fold: int | None, folds_done: int, folds: int) -> None:
        """An epoch of a shared stage (fold None) or of a fold ended."""
        ...


@dataclass
class TensorBoard:
    """A Reporter that writes every column of the history under `folder`/<stage>[/fold-007] and passes all on to `then`.

    A training that continues writes its whole history again in place of the old log, so no epoch is there twice. Keras' own
    callback of this name only appends: after a restart, the epochs since the last checkpoint would be there twice.
    """

    folder: Path
    then: Reporter
    writers: dict[Path, Any] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Pass on."""
        self.then.say(text)

    def count(self, what: str, done: int, total: int) -> None:
        """Pass on."""
        self.then.count(what, done, total)

    def epoch(self, stage: str, log: EpochLog, *, fold: int | None, folds_done: int, folds: int) -> None:
        """Write the epochs that are not in the log yet; a finished training closes its log."""
        import tensorflow as tf  # here: the command line makes this object before TensorFlow is set up

        folder = self.folder / stage / (f"fold-{fold:03d}" if fold is not None else "")
        rows = log.history[-1:]
        if folder not in self.writers:
            for old in folder.glob("events.out.tfevents.*"):
                old.unlink()
            self.writers[folder] = tf.summary.create_file_writer(str(folder))
            rows = log.history
        with self.writers[folder].as_default():
            for row in rows:
                for name, value in row.items():
                    if name != "epoch" and not math.isnan(value):
                        tf.summary.scalar(name, value, step=int(row["epoch"]))
        self.writers[folder].flush()
        if log.epoch == log.epochs:
            self.writers.pop(folder).close()
        self.then.epoch(stage, log, fold=fold, folds_done=folds_done, folds=folds)
