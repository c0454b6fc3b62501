"""Data-parallel training on several devices of one machine: each does its part of every batch, and all keep the same weights."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from agerepro.config.schema import Machine
from agerepro.errors import UserError
from agerepro.models.layers import masks_of_device
from agerepro.tasks.losses import LossFunction
from agerepro.training.device import suppress_stderr

Batch = tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]  # pixels (n, ...), targets (n, ...) by output, weights (n,)


class Replicas:
    """The devices that train one network together; a network, its optimizer and their variables are made inside `scope()`."""

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.strategy = strategy

    def __len__(self) -> int:
        count: int = self.strategy.num_replicas_in_sync
        return count

    def scope(self) -> AbstractContextManager[object]:
        """Every variable made inside has a copy on each device."""
        scope: AbstractContextManager[object] = self.strategy.scope()
        return scope

    def shared_out(self, tensors: Sequence[tf.Tensor]) -> tuple[Any, ...]:
        """Tensors (n, ...) as values of which each device has its own rows, in order; the parts differ by a row at most."""
        rows = tf.shape(tensors[0])[0]
        ends = [rows * number // len(self) for number in range(len(self) + 1)]

        def part(tensor: tf.Tensor, place: tf.distribute.InputReplicaContext) -> tf.Tensor:
            number = place.replica_id_in_sync_group
            return tensor[ends[number] : ends[number + 1]]

        return tuple(self.strategy.experimental_distribute_values_from_function(functools.partial(part, tensor)) for tensor in tensors)


def scope_of(replicas: Replicas | None) -> AbstractContextManager[object]:
    """Where the variables of what they train together are made: on each of them, or for None as anywhere."""
    return replicas.scope() if replicas else nullcontext()


def data_parallel(machine: Machine) -> Replicas | None:
    """The devices that train a shared stage together; None where it is one.

    They are the GPUs that this process sees, or the CPU's logical devices where it sees none. Raises UserError where there are fewer
    than `machine.devices`.
    """
    if machine.devices == 1:
        return None
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    count = machine.devices or len(devices)
    if count > len(devices):
        raise UserError(
            f"`machine.devices` is {count}, but this process sees {len(devices)} ({', '.join(device.name for device in devices)}): "
            f"set it to {len(devices)} at most, or to 0 for all that there are."
        )
    if count == 1:
        return None
    return Replicas(_strategy(tuple(device.name for device in devices[:count])))


class ReplicaTrainer:
    """Trains a compiled model as its own `fit` does, but for a batch that is shared out.

    Keras's own training under a strategy takes the mean of the devices' means, for the gradients and for what it reports: wrong
    wherever their parts are not of one size. Here every sum runs over the whole batch. Loss and metric are no device's: what they
    have summed is the same to the bit after a stop, too.
    """

    def __init__(
        self,
        replicas: Replicas,
        model: keras.Model,
        losses: Mapping[str, LossFunction],
        metrics: Mapping[str, keras.metrics.Mean],
        target_shapes: Mapping[str, tuple[int, ...]],
    ) -> None:
        self.replicas, self.model, self.losses, self.metrics = replicas, model, dict(losses), dict(metrics)
        self.loss = keras.metrics.Mean(name="loss")
        # As Keras names them: by output where there are several.
        several = list(losses) if len(losses) > 1 else []
        self.by_output = {output: keras.metrics.Mean(name=f"{output}_loss") for output in several}
        pixels = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)
        targets = {output: tf.TensorSpec((None, *target_shapes[output]), tf.float32) for output in losses}
        # Of any number of rows: traced once.
        self._train = tf.function(self._train_on, input_signature=(pixels, targets, tf.TensorSpec((None,), tf.float32)))
        self._predict = tf.function(self._outputs_of, input_signature=(pixels,))

    def fit(self, batches: Iterable[Batch], *, epochs: range, steps: int, progress: keras.callbacks.Callback) -> None:
        """Train on `steps` batches an epoch, and tell `progress` at the beginning of each, after each batch and at the end."""
        left = iter(batches)
        for epoch in epochs:
            for metric in (*self.trackers, *self.metrics.values()):
                metric.reset_state()
            progress.on_epoch_begin(epoch)
            for number in range(steps):
                self._train(*next(left))
                progress.on_train_batch_end(number, self._logs())
            progress.on_epoch_end(epoch, self._logs())

    @property
    def trackers(self) -> list[keras.metrics.Mean]:
        """The running means of the loss, and of each output's part where there are several."""
        return [self.loss, *self.by_output.values()]

    def predict_on_batch(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """(n, width) by output, of at least as many inputs as there are devices."""
        return {output: np.asarray(values) for output, values in self._predict(x).items()}

    def _logs(self) -> dict[str, float]:
        prefix = {output: f"{output}_" if self.by_output else "" for output in self.metrics}
        logs = {metric.name: float(metric.result()) for metric in self.trackers}
        logs |= {prefix[output] + metric.name: float(metric.result()) for output, metric in self.metrics.items()}
        return dict(sorted(logs.items()))

    def _total(self, targets: Mapping[str, tf.Tensor], outputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """(n,) losses of all outputs together."""
        return functools.reduce(operator.add, (loss(targets[output], outputs[output]) for output, loss in self.losses.items()))

    def _train_on(self, pixels: tf.Tensor, targets: dict[str, tf.Tensor], weights: tf.Tensor) -> None:
        """One step of the optimizer: the gradient is that of the weighted losses' sum over the batch, divided by its rows."""
        rows = tf.shape(weights)[0]
        # No device can do nothing: where there are too few rows the last one fills up, and counts for nothing.
        places = tf.range(tf.maximum(rows, len(self.replicas)))
        shares = tf.cast(places < rows, tf.float32) / tf.cast(rows, tf.float32)
        filled = [tf.gather(values, tf.minimum(places, rows - 1)) for values in (pixels, weights, *(targets[name] for name in self.losses))]
        parts = self.replicas.shared_out([shares, *filled])
        outputs = {name: values[:rows] for name, values in self._gathered(self.replicas.strategy.run(self._step, args=parts)).items()}
        self.loss.update_state(self._total(targets, outputs) * weights)
        for output, tracker in self.by_output.items():
            tracker.update_state(self.losses[output](targets[output], outputs[output]) * weights)
        for output, metric in self.metrics.items():
            metric.update_state(targets[output], outputs[output])

    def _step(self, shares: tf.Tensor, pixels: tf.Tensor, weights: tf.Tensor, *targets: tf.Tensor) -> dict[str, tf.Tensor]:
        """On one device: its part of the gradient; the optimizer adds up those of all devices before it takes its step."""
        variables, optimizer = self.model.trainable_variables, self.model.optimizer
        with tf.GradientTape() as tape:
            with masks_of_device(tf.distribute.get_replica_context().replica_id_in_sync_group):
                outputs = self.model(pixels, training=True)
            losses = self._total(dict(zip(self.losses, targets)), outputs)
            loss = optimizer.scale_loss(tf.reduce_sum(losses * weights * shares))
        gradients = tape.gradient(loss, variables)
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            gradients = self._all_or_none(gradients)
        optimizer.apply_gradients(zip(gradients, variables))
        self._agree_on_averages(tf.reduce_sum(shares))
        return outputs

    def _all_or_none(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The gradients, or one that is no number on every device where one of them had an overflow in half precision.

        Keras asks the first device's gradients alone whether this step is to be left out.
        """
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
        overflows = _sums([tf.cast(~finite, tf.float32)])[0]
        return [tf.where(overflows > 0, math.nan, gradients[0]), *gradients[1:]]

    def _agree_on_averages(self, share: tf.Tensor) -> None:
        """Moving averages of batch norm, which each device has brought up to date by its own rows, become their mean on all."""
        averages = [variable for layer in self.model.layers if layer.trainable for variable in layer.non_trainable_weights]
        if averages:
            for variable, mean in zip(averages, _sums([tf.convert_to_tensor(variable) * share for variable in averages])):
                variable.assign(mean)

    def _outputs_of(self, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._gathered(self.replicas.strategy.run(self.model, args=self.replicas.shared_out([pixels]), kwargs={"training": False}))

    def _gathered(self, outputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        local = self.replicas.strategy.experimental_local_results
        return {name: tf.concat(local(values), axis=0) for name, values in outputs.items()}


@functools.cache  # another one in this process would number its sums over the devices from 1 again: TensorFlow then mixes them up
def _strategy(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    with suppress_stderr():
        return tf.distribute.MirroredStrategy(list(devices))


def _sums(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Each value summed over the devices; called on every one of them."""
    return list(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values))
