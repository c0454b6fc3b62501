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
from agerepro.training.checkpoint import Checkpoint, TrainState, load_checkpoint, save_checkpoint
from agerepro.training.optimizers import SlowedAdam, after_epoch
from agerepro.training.pipeline import Examples, predict_batches, steps_in, training_batches

CHECKPOINT_EVERY_S = 20.0  # a killed training loses at most this and one epoch


@dataclass(frozen=True)
class EpochLog:
    """What there is to say after an epoch: `history` holds one row an epoch, the last is the newest."""

    epoch: int
    epochs: int
    history: tuple[dict[str, float], ...]
    seconds_left: float


class Diverged(UserError):
    """The loss became infinite or no number: the learning rate is too high for this network."""


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
        probable = keras.ops.softmax(y_pred, axis=-1) @ keras.ops.reshape(self.bins, (-1, 1)) if len(self.bins) > 1 else y_pred
        super().update_state(keras.ops.abs(keras.ops.reshape(probable, (-1,)) - keras.ops.reshape(y_true, (-1,))))


class Accuracy(keras.metrics.Mean):
    """Share of examples whose most probable class is the right one: what there is to say where people are told apart."""

    def __init__(self, bins: np.ndarray) -> None:
        super().__init__(name="accuracy", dtype="float32")
        self.bins = bins

    def update_state(self, y_true: object, y_pred: object, sample_weight: object = None) -> None:
        """Add a batch; the weights of examples do not enter."""
        named = keras.ops.take(self.bins, keras.ops.argmax(y_pred, axis=-1))
        super().update_state(keras.ops.cast(keras.ops.equal(named, keras.ops.reshape(y_true, (-1,))), "float32"))


class Trainer:
    """A compiled model that is set back between folds by assigning its variables: nothing is built or traced again."""

    def __init__(
        self, model: keras.Model, stage: Stage, losses: Sequence[Loss], bins: np.ndarray, machine: Machine, *, threads: int
    ) -> None:
        self.model, self.stage, self.losses, self.bins, self.threads = model, stage, losses, bins.astype(np.float32), threads
        # A network's dense layers are its head, all others its backbone [models/build.py].
        backbone = [layer for layer in model.layers if not isinstance(layer, keras.layers.Dense)]
        optimizer: keras.optimizers.Optimizer = SlowedAdam(
            stage.optimizer.learning_rate,
            slowed=[variable.path for layer in backbone for variable in layer.trainable_variables],
            share=stage.optimizer.backbone_lr_multiplier,
            beta_1=0.9,
            beta_2=0.999,
            epsilon=1e-7,
        )
        if machine.precision == "mixed_float16":  # small gradients would round to zero in half precision
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        telling = AgeMAE if isinstance(stage.target, Age) else Accuracy
        model.compile(
            optimizer=optimizer,
            loss=TotalLoss(losses, self.bins),
            metrics=[telling(self.bins)],
            weighted_metrics=[],
            jit_compile=machine.xla,
        )
        self.start = TrainState.of(model)

    def outputs(self, source: InputView, rows: np.ndarray, *, view: int = PLAIN) -> np.ndarray:
        """(n, outputs) float32 logits or years for rows of a source, in batches of one shape."""
        if not len(rows):
            return np.zeros((0, self.model.output_shape[-1]), np.float32)
        return np.concatenate(list(predict_batches(self.model, source, rows, view)))

    def loss_of(self, examples: Examples) -> float:
        """Weighted mean loss of plain examples; NaN when there are none."""
        if not len(examples):
            return math.nan
        outputs = self.outputs(examples.source, examples.rows)
        each = keras.ops.convert_to_numpy(total_loss(self.losses)(examples.targets, outputs, self.bins))
        return float(np.average(each, weights=examples.weights))

    def fit(
        self,
        train: Examples,
        validation: Examples,
        *,
        rng_key: tuple[str | int, ...],
        checkpoint: Path,
        on_epoch: Callable[[EpochLog], None],
        start: TrainState | None = None,
        collect: Callable[[], dict[str, np.ndarray]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Checkpoint:
        """Train from `start` (default: `self.start`), or on from `checkpoint` if it holds one; returns the state after the last epoch.

        purpose seeds the order of photos; `collect` may return arrays after each epoch, stacked into the result's `extra`.
        Raises Diverged when the loss is no number any more; the last good state is then in `checkpoint`.
        """
        done = load_checkpoint(checkpoint) or Checkpoint(0, start or self.start)
        done.variables.assign_to(self.model)
        follow = _AfterEpoch(self, validation, done, checkpoint, on_epoch, collect, clock)
        if done.epoch < self.stage.epochs:
            batches = training_batches(
                train, batch=self.stage.batch_size, epochs=range(done.epoch, self.stage.epochs), rng_key=rng_key, threads=self.threads
            )
            self.model.fit(
                batches,
                epochs=self.stage.epochs,
                initial_epoch=done.epoch,
                steps_per_epoch=steps_in(train, self.stage.batch_size),
                shuffle=False,
                verbose=0,
                callbacks=[follow],
            )
        if self.stage.checkpoint_selection == "best_validation" and follow.done.best is not None:
            follow.done.best.assign_to(self.model)
        return follow.done


class _AfterEpoch(keras.callbacks.Callback):
    """After each epoch: refuse NaN, validate, set the rate, remember the best, save."""

    def __init__(
        self,
        trainer: Trainer,
        validation: Examples,
        done: Checkpoint,
        path: Path,
        on_epoch: Callable[[EpochLog], None],
        collect: Callable[[], dict[str, np.ndarray]] | None,
        clock: Callable[[], float],
    ) -> None:
        super().__init__()
        self.trainer, self.validation, self.done, self.path = trainer, validation, done, path
        self.report, self.collect, self.clock = on_epoch, collect, clock
        self.saved_at = self.began = clock()
        self.first = done.epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls this with the epoch from 0 and the training loss and MAE."""
        logs, stage, model = logs or {}, self.trainer.stage, self.trainer.model
        if not math.isfinite(logs["loss"]):
            kept = "No epoch was completed."
            if self.done.epoch:
                save_checkpoint(self.path, self.done)
                kept = f"The state after epoch {self.done.epoch} is kept in {self.path}."
            raise Diverged(
                f"The loss of stage {stage.name!r} became {logs['loss']} in epoch {epoch + 1}. Lower its learning rate (now "
                f"{stage.optimizer.learning_rate:g}). {kept}"
            )
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        row = {"epoch": epoch + 1, "learning_rate": rate, **logs}
        row["validation_loss"] = self.trainer.loss_of(self.validation)
        plateau, factor = self.done.plateau, 1.0
        better = row["validation_loss"] < min((past["validation_loss"] for past in self.done.history), default=math.inf)
        if len(self.validation):
            plateau, factor = after_epoch(plateau, validation_loss=row["validation_loss"], schedule=stage.schedule)
        if factor != 1.0:
            model.optimizer.learning_rate = rate * factor
        variables = TrainState.of(model)
        best = variables if better and stage.checkpoint_selection == "best_validation" else self.done.best
        extra = {
            name: np.concatenate([self.done.extra[name], value[None]]) if name in self.done.extra else value[None]
            for name, value in (self.collect() if self.collect else {}).items()
        }
        self.done = Checkpoint(epoch + 1, variables, plateau, (*self.done.history, row), best, extra)
        now = self.clock()
        if now - self.saved_at >= CHECKPOINT_EVERY_S:
            save_checkpoint(self.path, self.done)
            self.saved_at = now
        each = (now - self.began) / (epoch + 1 - self.first)
        self.report(EpochLog(epoch + 1, stage.epochs, self.done.history, each * (stage.epochs - epoch - 1)))


class Reporter(Protocol):
    """Receives progress; every method returns at once."""

    def say(self, text: str) -> None:
        """One line worth keeping."""
        ...

    def count(self, what: str, done: int, total: int) -> None:
        """So many of so many photos."""
        ...

    def epoch(self, stage: str, done: EpochLog, *, fold: int | None, folds_done: int, folds: int) -> None:
        """An epoch of a shared stage (fold None) or of a fold ended."""
        ...


@dataclass
class TensorBoard:
    """A Reporter that writes every column of the history under `folder`/<stage>[/fold-007] and passes all on to `then`.

    A training that continues writes its whole history again in place of the old log, so no epoch is there twice.
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

    def epoch(self, stage: str, done: EpochLog, *, fold: int | None, folds_done: int, folds: int) -> None:
        """Write the epochs that are not in the log yet; a finished training closes its log."""
        import tensorflow as tf  # here: the command line makes this object before TensorFlow is set up

        place = self.folder / stage / (f"fold-{fold:03d}" if fold is not None else "")
        new = done.history[-1:]
        if place not in self.writers:
            for old in place.glob("events.out.tfevents.*"):
                old.unlink()
            self.writers[place] = tf.summary.create_file_writer(str(place))
            new = done.history
        with self.writers[place].as_default():
            for row in new:
                for name, value in row.items():
                    if name != "epoch" and value == value:
                        tf.summary.scalar(name, value, step=int(row["epoch"]))
        self.writers[place].flush()
        if done.epoch == done.epochs:
            self.writers.pop(place).close()
        self.then.epoch(stage, done, fold=fold, folds_done=folds_done, folds=folds)
