"""Layers that Keras lacks, initialisers, and the interface between backbones and the networks built on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

Frozen = Literal["inference", "batch_statistics"]
Sizes = tuple[Any, ...]  # number of photos (None: any), height, width, channels
TORCH_NORM = {"epsilon": 1e-5, "momentum": 0.9}  # PyTorch's defaults; its momentum is the new batch's share, 0.1
LEAST_VARIANCE = 1e-6  # keeps the slope of the root finite where a channel is the same everywhere


@dataclass(frozen=True)
class BuildConfig:
    """How to make layers: channel multiplier, Keras dtype policy, seed of all initialisers, what normalises frozen batch norms."""

    width: float
    precision: str
    seed: int
    frozen_batch_norm: Frozen = "inference"


@dataclass(frozen=True)
class BackboneOutput:
    """A backbone applied to an input: its output tensor, and names of the layers that end its five stages and its last map."""

    output: Any  # the backbone's own output, Keras tensor
    stages: tuple[str, ...]
    last_conv: str
    maps: tuple[Any, ...]  # the stages' Keras tensors, (n, h, w, channels)


@dataclass(frozen=True)
class BackboneSpec:
    """A row of the table of backbones: the builder and the smallest input side (pixels) that leaves one position."""

    build: Callable[[Any, BuildConfig], BackboneOutput]
    smallest: int


def channels_at(channels: int, width: float) -> int:
    """Channels of a narrower net: `channels * width` rounded to a multiple of 8 (vector registers), at least 8."""
    return max(8, 8 * int(channels * width / 8 + 0.5))


def layer_seed(seed: int, layer: str) -> int:
    """A whole number below 2**31 drawn from (seed, layer name) alone; the process-global seed has no part in it."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{layer}".encode()).digest()[:4], "little") >> 1


def he_normal(seed: int, layer: str) -> keras.initializers.Initializer:
    """Truncated normal of variance 2 / fan-in for one layer's kernel [He et al. 2015; Keras's `he_normal`]."""
    return keras.initializers.HeNormal(seed=layer_seed(seed, layer))


@keras.saving.register_keras_serializable(package="agerepro")
class BatchNorm(keras.layers.BatchNormalization):
    """(n, h, w, c) or (n, c) -> the same shape; Keras's own batch norm wherever it trains and wherever it tests.

    frozen: what normalises while the layer has `trainable=False` and is called with `training=True`. `inference`: its moving
    averages, as in Keras 3. `batch_statistics`: the mean and the population variance of the batch, as in Keras 2.2, whose frozen
    layers kept their weights but not their mode. Moving averages stay as they are in both. The option adds no weights.
    """

    def __init__(self, frozen: Frozen = "inference", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frozen: Frozen = frozen

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise each channel, in float32 at least, then gamma and beta."""
        if self.trainable or not training or self.frozen == "inference":
            return super().call(inputs, training=training, mask=mask)
        x = keras.ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        mean, variance = keras.ops.moments(x, axes=tuple(range(len(x.shape) - 1)))
        normal = keras.ops.batch_normalization(x, mean, variance, axis=-1, offset=self.beta, scale=self.gamma, epsilon=self.epsilon)
        return keras.ops.cast(normal, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Keras's settings and ours."""
        return {**super().get_config(), "frozen": self.frozen}


@keras.saving.register_keras_serializable(package="agerepro")
class Scale(keras.layers.Layer):
    """(n, h, w, c) -> gamma * x + beta, both (c,) and trainable; starts as the identity."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make gamma (ones) and beta (zeros)."""
        channels = input_shape[-1]
        self.gamma = self.add_weight(name="gamma", shape=(channels,), initializer="ones")
        self.beta = self.add_weight(name="beta", shape=(channels,), initializer="zeros")

    def call(self, x: Any) -> Any:
        """Per channel gamma * x + beta."""
        return x * self.gamma + self.beta

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's own shape."""
        return input_shape


@keras.saving.register_keras_serializable(package="agerepro")
class PaddedAdd(keras.layers.Layer):
    """Two maps (n, h, w, c) of known sizes -> their sum at the larger size in each of height, width, channels [dlib's add_prev]."""

    def call(self, maps: list[Any]) -> Any:
        """Zero rows below, zero columns on the right, zero channels last."""
        shape = self.compute_output_shape([x.shape for x in maps])
        first, second = (_pad(x, shape) for x in maps)
        return first + second

    def compute_output_shape(self, input_shape: list[Sizes]) -> Sizes:
        """Number of photos, then the larger of each size."""
        first, second = input_shape
        return (first[0], *(max(a, b) for a, b in zip(first[1:], second[1:], strict=True)))


@keras.saving.register_keras_serializable(package="agerepro")
class GlobalStdPooling2D(keras.layers.Layer):
    """Maps (n, h, w, c) -> (n, c): sqrt(variance over space + LEAST_VARIANCE); large where a pattern is in some places only.

    Computed in float32 at least: float16 holds no square of a difference over 256, and not LEAST_VARIANCE.
    """

    def call(self, maps: Any) -> Any:
        """The population variance (divided by h w), from differences to the mean."""
        maps = keras.ops.cast(maps, keras.backend.result_type(maps.dtype, "float32"))
        mean = keras.ops.mean(maps, axis=(1, 2), keepdims=True)
        std = keras.ops.sqrt(keras.ops.mean(keras.ops.square(maps - mean), axis=(1, 2)) + LEAST_VARIANCE)
        return keras.ops.cast(std, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """Number of photos and channels."""
        return input_shape[0], input_shape[3]


class MaskSeed(keras.random.SeedGenerator):
    """Seeds of masks: pairs of a number that the training sets and of how many were drawn since; of its own on each of several devices."""

    def next(self, ordered: bool = True) -> Any:
        """(2,) the next pair; the count goes on."""
        drawn = super().next(ordered)
        return drawn + keras.ops.cast(keras.ops.stack([_device.get(), 0]), drawn.dtype)

    def begin(self, seed: int) -> None:
        """Set the number (0 to 2**31 - 2), and the count to 0."""
        self.state.assign(np.array([seed, 0]))


_device: ContextVar[Any] = ContextVar("device", default=0)


@contextmanager
def masks_of_device(number: Any) -> Iterator[None]:
    """Layers that are called inside draw their masks as the device of that number, counted from 0."""
    token = _device.set(number)
    try:
        yield
    finally:
        _device.reset(token)


@keras.saving.register_keras_serializable(package="agerepro")
class Dropout(keras.layers.Layer):
    """(n, ...) -> the same shape: in training each number is 0 with probability `rate`, else divided by 1 - rate; in a test the identity.

    Keras's own names the variable of its seed by how many such there were before in the process, so that another process could not
    go on with it; this one is named by its layer. It is no weight: a checkpoint has it, a file of weights has not. The mask is
    drawn in float32 at least: half precision would draw too few different numbers.
    """

    def __init__(self, rate: float, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate, self.seed = rate, seed
        self.masks = MaskSeed(seed, name=f"{self.name}_masks")

    def call(self, x: Any, training: bool = False) -> Any:
        """A new mask each time that it is called in training."""
        if not training:
            return x
        exact = keras.ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
        return keras.ops.cast(keras.random.dropout(exact, self.rate, seed=self.masks), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's own shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Keras's settings and ours."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def _pad(x: Any, shape: Sizes) -> Any:
    missing = [(0, to - have) for to, have in zip(shape[1:], x.shape[1:], strict=True)]
    return x if all(width == (0, 0) for width in missing) else keras.ops.pad(x, [(0, 0), *missing])
