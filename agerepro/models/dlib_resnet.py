"""dlib's ResNet for face recognition, 29 convolutions (King 2017)."""

from __future__ import annotations

from typing import Any

import keras

from agerepro.models.dlib_file import LEVELS, STEM, block_names
from agerepro.models.layers import BackboneOutput, BackboneSpec, BuildConfig, PaddedAdd, Scale, channels_at, he_normal


def build(pixels: Any, making: BuildConfig) -> BackboneOutput:
    """Stem, 14 residual blocks and the mean over space; (n, s, s, 3) -> `pooled` (n, 256 * width); s is 150 in dlib.

    Batch norms are folded into trainable per-channel gamma and beta, as in the published file. At odd sizes the two paths of a
    block differ in size and the sum is zero-filled.
    """
    x = _conv(pixels, STEM, "conv1", making, size=7, strides=2)
    x = _relu(_affine(x, "conv1_affine", making), "conv1_relu", making)
    x = keras.layers.MaxPooling2D(3, strides=2, dtype=making.precision, name="pool1")(x)
    ends = {f"{level}_block{blocks - 1}" for level, blocks, _ in LEVELS}
    stages, maps = [], []
    for name, channels, halves in block_names():
        x = _block(x, name, channels, making, strides=2 if halves else 1)
        if name in ends:
            stages.append(f"{name}_relu")
            maps.append(x)
    pooled = keras.layers.GlobalAveragePooling2D(dtype=making.precision, name="pooled")(x)
    return BackboneOutput(output=pooled, stages=tuple(stages), last_conv=stages[-1], maps=tuple(maps))


def _block(x: Any, name: str, channels: int, making: BuildConfig, *, strides: int) -> Any:
    y = _conv(x, channels, f"{name}_conv1", making, strides=strides)
    y = _relu(_affine(y, f"{name}_affine1", making), f"{name}_relu1", making)
    y = _affine(_conv(y, channels, f"{name}_conv2", making), f"{name}_affine2", making)
    if strides == 2:
        x = keras.layers.AveragePooling2D(2, strides=2, dtype=making.precision, name=f"{name}_pool")(x)
    return _relu(PaddedAdd(dtype=making.precision, name=f"{name}_sum")([y, x]), f"{name}_relu", making)


def _conv(x: Any, channels: int, name: str, making: BuildConfig, *, size: int = 3, strides: int = 1) -> Any:
    return keras.layers.Conv2D(
        channels_at(channels, making.width),
        size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        kernel_initializer=he_normal(making.seed, name),
        dtype=making.precision,
        name=name,
    )(x)


def _affine(x: Any, name: str, making: BuildConfig) -> Any:
    return Scale(dtype=making.precision, name=name)(x)


def _relu(x: Any, name: str, making: BuildConfig) -> Any:
    return keras.layers.ReLU(dtype=making.precision, name=name)(x)


DLIB_RESNET = BackboneSpec(build=build, smallest=103)
