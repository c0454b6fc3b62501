"""The one training loop: stopped at any batch and continued to the same result."""

from __future__ import annotations

import functools
import math
import operator
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from agerepro.config.learning import Plateau
from agerepro.config.schema import Machine, Stage
from agerepro.errors import UserError
from agerepro.models.heads import belongs_to_head
from agerepro.models.layers import Dropout
from agerepro.rng import derive_seed
from agerepro.stopping import interrupt, stop_requested
from agerepro.tasks.losses import LossFunction
from agerepro.tasks.task import Task
from agerepro.training.augment import PLAIN, InputView, View
from agerepro.training.checkpoint import (
    Checkpoint,
    TrainState,
    assign_values,
    assign_variables,
    copy_values,
    copy_variables,
    load_checkpoint,
    save_checkpoint,
    set_aside,
)
from agerepro.training.optimizers import build_optimizer, next_rate
from agerepro.training.pipeline import Examples, predict_batches, steps_in, training_batches
from agerepro.training.replicas import Replicas, ReplicaTrainer, scope_of
from agerepro.training.reporting import EpochLog

# A killed training loses at most this, or what saving at a twentieth of the time allows; one that was asked to stop loses nothing.
CHECKPOINT_EVERY_S = 30.0
CHECKPOINT_SHARE = 0.05


class Diverged(UserError):
    """The loss became infinite or no number: the learning rate is too high for this network."""


@dataclass(frozen=True)
class TrainResult:
    """What a training leaves besides the model's variables: one row an epoch, and what was evaluated after each."""

    history: tuple[dict[str, float], ...]
    eval_outputs: dict[str, np.ndarray]  # (epochs, ...)


class Trainer:
    """A compiled model that is set back between folds by assigning its variables: nothing is built or traced again.

    replicas: the devices that train it together, on which the model was made; None for one device.
    """

    def __init__(
        self,
        model: keras.Model,
        stage: Stage,
        task: Task,
        machine: Machine,
        *,
        threads: int,
        replicas: Replicas | None = None,
    ) -> None:
        self.model, self.stage, self.task, self.threads = model, stage, task, threads
        self.losses = task.losses()
        backbone = [layer for layer in model.layers if not belongs_to_head(layer.name, task.outputs)]
        self.metrics = task.metrics()
        self.replicas: ReplicaTrainer | None = None
        with scope_of(replicas):
            slowed = [variable.path for layer in backbone for variable in layer.trainable_variables]
            optimizer: keras.optimizers.Optimizer = build_optimizer(stage.optimizer, slowed)
            if machine.precision == "mixed_float16":  # small gradients would round to zero in half precision
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer, name="loss_scale")
            model.compile(
                optimizer=optimizer,
                loss={output: TotalLoss(loss) for output, loss in self.losses.items()},
                metrics={output: [metric] for output, metric in self.metrics.items()},
                weighted_metrics=[],
                jit_compile=machine.xla,
            )
            if len(self.losses) > 1:  # Keras makes each output's running loss when it first needs it, which is too late to set it
                outputs = {name: keras.ops.zeros((1, width)) for name, width in task.outputs.items()}
                targets = {name: keras.ops.zeros((1, *shape)) for name, shape in task.target_shapes.items()}
                model.compute_loss(y=targets, y_pred=outputs)
            self.initial_state = TrainState.of(model)
        if replicas:
            self.replicas = ReplicaTrainer(replicas, model, self.losses, self.metrics, task.target_shapes)

    def running_sums(self) -> dict[str, keras.Variable]:
        """Of losses and metrics in the epoch that goes on, by path; with the output before it where there are several.

        The model lists its metrics only once it has trained a batch.
        """
        losses = self.replicas.trackers if self.replicas else [metric for metric in self.model.metrics if metric.name.endswith("loss")]
        sums = {variable.path: variable for metric in losses for variable in metric.variables}
        for output, metric in self.metrics.items():
            before = f"{output}/" if len(self.metrics) > 1 else ""
            sums |= {before + variable.path: variable for variable in metric.variables}
        return sums

    def outputs(self, source: InputView, rows: np.ndarray, *, view: View = PLAIN) -> dict[str, np.ndarray]:
        """(n, width) float32 logits or years by output, for rows of a source, in batches of one shape."""
        if not len(rows):
            return {name: np.zeros((0, width), np.float32) for name, width in self.task.outputs.items()}
        parts = list(predict_batches(self.replicas or self.model, source, rows, view))
        return {name: np.concatenate([part[name] for part in parts]) for name in self.task.outputs}

    def loss_of(self, examples: Examples, *, on_batch: Callable[[], object] = lambda: None) -> float:
        """Weighted mean loss of plain examples; NaN when there are none. `on_batch` is called after each batch."""
        if not len(examples):
            return math.nan
        losses, start = [], 0
        for outputs in predict_batches(self.replicas or self.model, examples.source, examples.rows, PLAIN):
            end = start + len(outputs[self.task.main])
            by_output = [loss(examples.targets[name][start:end], outputs[name]) for name, loss in self.losses.items()]
            losses.append(keras.ops.convert_to_numpy(functools.reduce(operator.add, by_output)))
            start = end
            on_batch()
        return float(np.average(np.concatenate(losses), weights=examples.weights))

    def fit(
        self,
        train: Examples,
        validation: Examples,
        *,
        rng_key: tuple[str | int, ...],
        checkpoint: Path,
        on_epoch: Callable[[EpochLog], None],
        on_batch: Callable[[str], object] = lambda progress: None,
        initial_state: TrainState | None = None,
        eval_outputs: Callable[[], dict[str, np.ndarray]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> TrainResult:
        """Train from `initial_state` (default: the trainer's), or on from `checkpoint` if it holds one; the model keeps the last weights.

        With checkpoint_selection `best_validation` the model keeps the weights of the least validation loss, if there was one.
        rng_key seeds the order of photos and the masks of dropout; on_batch gets `epoch 3 of 20, batch 7 of 59`;
        `eval_outputs` may return arrays after each epoch, which come back stacked.
        Raises Diverged at the first batch whose loss is no finite number; what was saved until then stays in `checkpoint`. Raises
        Interrupted at the first batch after a request to stop, once all is in `checkpoint`, and UserError where the stage chooses by the
        validation loss and nothing is held out.
        """
        self._check_choice(validation)
        state = self._continued(checkpoint) or Checkpoint(0, initial_state or self.initial_state)
        if state.variables is (initial_state or self.initial_state):
            state.variables.assign_to(self.model)
            self._begin_masks(rng_key)
        steps = steps_in(train, self.stage.batch_size)
        progress = _Progress(self, validation, steps, state, checkpoint, on_epoch, on_batch, eval_outputs, clock)

        def fit(epochs: range, first_batch: int) -> None:
            with training_batches(
                train, batch=self.stage.batch_size, epochs=epochs, rng_key=rng_key, threads=self.threads, first_batch=first_batch
            ) as batches:
                if self.replicas:
                    self.replicas.fit(batches, epochs=epochs, steps=steps - first_batch, progress=progress)
                    return
                self.model.fit(
                    batches,
                    epochs=epochs.stop,
                    initial_epoch=epochs.start,
                    steps_per_epoch=steps - first_batch,
                    shuffle=False,
                    verbose=0,
                    callbacks=[progress],
                )

        start = state.epoch
        if state.batch:  # first the rest of the epoch in which it was stopped
            if state.batch < steps:
                fit(range(start, start + 1), state.batch)
            else:
                progress.on_epoch_end(start, state.logs)
            start += 1
        if start < self.stage.epochs:
            fit(range(start, self.stage.epochs), 0)
        if progress.best is not None:
            assign_variables(self.model.variables, progress.best)
        return TrainResult(tuple(progress.history), progress.stacked_outputs())

    def _check_choice(self, validation: Examples) -> None:
        stage = self.stage
        if stage.epochs and not len(validation) and (isinstance(stage.schedule, Plateau) or stage.keeps_best()):
            raise UserError(
                f"Stage {stage.name!r} chooses its rate or its weights by the validation loss, and no photo validates: its data set has no "
                "list for that. Hold out a share of `official`, or leave `plateau` and `best_validation` out."
            )

    def _begin_masks(self, rng_key: tuple[str | int, ...]) -> None:
        """Have dropout draw by rng_key, layer and step alone; a checkpoint holds where it stands."""
        for layer in self.model.layers:
            if isinstance(layer, Dropout):
                layer.masks.begin(derive_seed("dropout", *rng_key, layer.name))

    def _continued(self, path: Path) -> Checkpoint | None:
        """The checkpoint with its values set, or None where there is none, or one of another model, which is set aside."""
        state = load_checkpoint(path)
        if state is None:
            return None
        try:
            state.variables.assign_to(self.model)
        except ValueError as error:
            set_aside(path, error)
            return None
        return state


class _Progress(keras.callbacks.Callback):
    """A training as it goes on: after each batch refuses NaN, saves now and then, and stops where that is asked for; after each epoch
    validates, sets the rate and remembers the best."""

    def __init__(
        self,
        trainer: Trainer,
        validation: Examples,
        steps: int,
        state: Checkpoint,
        path: Path,
        on_epoch: Callable[[EpochLog], None],
        on_batch: Callable[[str], object],
        eval_outputs: Callable[[], dict[str, np.ndarray]] | None,
        clock: Callable[[], float],
    ) -> None:
        super().__init__()
        self.trainer, self.validation, self.path = trainer, validation, path
        self.report, self.report_batch, self.eval_outputs, self.clock = on_epoch, on_batch, eval_outputs, clock
        self.plateau, self.history, self.best = state.plateau, list(state.history), state.best
        self.outputs = {name: list(arrays) for name, arrays in state.eval_outputs.items()}  # an array an epoch
        self.first = self.epoch = self.saved_epoch = state.epoch
        self.first_batch, self.metrics = state.batch, state.metrics  # of the epoch in which it was stopped; 0 and empty from then on
        self.saved_at = self.began = clock()
        self.saving_s = 0.0  # what the last save took
        self.steps = steps

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls this with the epoch from 0, after setting the running sums to 0."""
        self.epoch = epoch
        if self.metrics:
            assign_values(self.trainer.running_sums(), self.metrics)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls this with the batch from 0 and the mean loss of the epoch until here, which no later batch makes finite again."""
        loss, stage = (logs or {})["loss"], self.trainer.stage
        done = self.first_batch + batch + 1
        if not math.isfinite(loss):
            rest = f"The state after epoch {self.saved_epoch} is in {self.path}." if self.saved_epoch else "No state was saved."
            raise Diverged(
                f"The loss of stage {stage.name!r} became {loss} in epoch {self.epoch + 1}, batch {done}. Lower its learning rate "
                f"(now {stage.optimizer.learning_rate:g}). {rest}"
            )
        self.report_batch(f"epoch {self.epoch + 1} of {stage.epochs}, batch {done} of {self.steps}")
        self._stop_if_asked(done, logs)
        if self._is_time_to_save():
            self._save(self.epoch, done, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls this with the epoch from 0 and the training loss and metric."""
        stage, model = self.trainer.stage, self.trainer.model
        rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
        loss = self.trainer.loss_of(self.validation, on_batch=lambda: self._stop_if_asked(self.steps, logs))
        # No comparison with NaN is true: without this filter one in the first epoch would hide every later best.
        least = min((row["validation_loss"] for row in self.history if not math.isnan(row["validation_loss"])), default=math.inf)
        self.history.append({"epoch": epoch + 1, "learning_rate": rate, **(logs or {}), "validation_loss": loss})
        if stage.checkpoint_selection == "best_validation" and loss < least:
            self.best = copy_variables(model.variables)
        held_out = loss if len(self.validation) else None
        self.plateau, changed = next_rate(stage, self.plateau, epochs_done=epoch + 1, rate=rate, validation_loss=held_out)
        if changed != rate:
            model.optimizer.learning_rate = changed
        for name, array in (self.eval_outputs() if self.eval_outputs else {}).items():
            self.outputs.setdefault(name, []).append(array)
        self.first_batch, self.metrics = 0, {}
        if self._is_time_to_save():
            self._save(epoch + 1)
        per_epoch = (self.clock() - self.began) / (epoch + 1 - self.first)
        self.report(EpochLog(epoch + 1, stage.epochs, tuple(self.history), per_epoch * (stage.epochs - epoch - 1)))

    def stacked_outputs(self) -> dict[str, np.ndarray]:
        """(epochs, ...) by name."""
        return {name: np.stack(arrays) for name, arrays in self.outputs.items()}

    def _stop_if_asked(self, batch: int, logs: dict[str, float] | None) -> None:
        if stop_requested():
            self._save(self.epoch, batch, logs)
            raise interrupt(f"stage {self.trainer.stage.name}, epoch {self.epoch + 1} of {self.trainer.stage.epochs}, batch {batch}")

    def _is_time_to_save(self) -> bool:
        return self.clock() - self.saved_at >= max(CHECKPOINT_EVERY_S, self.saving_s / CHECKPOINT_SHARE)

    def _save(self, epoch: int, batch: int = 0, logs: dict[str, float] | None = None) -> None:
        """Keep the state after `epoch` whole epochs and `batch` batches of the next: copied from the device here and nowhere else."""
        began = self.clock()
        model = self.trainer.model
        checkpoint = Checkpoint(
            epoch,
            TrainState.of(model),
            batch,
            copy_values(self.trainer.running_sums()) if batch else {},
            dict(logs or {}),
            self.plateau,
            tuple(self.history),
            self.best,
            self.stacked_outputs(),
        )
        save_checkpoint(self.path, checkpoint)
        self.saved_epoch, self.saved_at = epoch, self.clock()
        self.saving_s = self.saved_at - began


class TotalLoss(keras.losses.Loss):
    """A loss per example, weighted and averaged over the batch."""

    def __init__(self, loss: LossFunction) -> None:
        super().__init__(name="loss", dtype="float32")
        self.loss = loss

    def call(self, y_true: object, y_pred: object) -> object:
        """(n,) losses of (n, ...) targets and (n, outputs) outputs."""
        return self.loss(y_true, y_pred)
