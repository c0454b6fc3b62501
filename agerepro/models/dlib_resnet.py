"""dlib's ResNet for face recognition, 29 convolutions (King 2017)."""

from __future__ import annotations

from typing import Any

import keras

from agerepro.models.dlib_file import LEVELS, STEM, block_names
from agerepro.models.layers import BackboneOutput, BackboneSpec, BuildConfig, PaddedAdd, Scale, channels_at, he_normal


def build(pixels: Any, config: BuildConfig) -> BackboneOutput:
    """Stem, 14 residual blocks and the mean over space; (n, s, s, 3) -> `pooled` (n, 256 * width); s is 150 in dlib.

    Batch norms are folded into trainable per-channel gamma and beta, as in the published file. At odd sizes the two paths of a
    block differ in size and the sum is zero-filled.
    """
    x = _conv(pixels, STEM, "conv1", config, size=7, strides=2)
    x = _relu(_affine(x, "conv1_affine", config), "conv1_relu", config)
    x = keras.layers.MaxPooling2D(3, strides=2, dtype=config.precision, name="pool1")(x)
    ends = {f"{level}_block{blocks - 1}" for level, blocks, _ in LEVELS}
    stages, maps = [], []
    for name, channels, halves in block_names():
        x = _block(x, name, channels, config, strides=2 if halves else 1)
        if name in ends:
            stages.append(f"{name}_relu")
            maps.append(x)
    pooled = keras.layers.GlobalAveragePooling2D(dtype=config.precision, name="pooled")(x)
    return BackboneOutput(output=pooled, stages=tuple(stages), last_conv=stages[-1], maps=tuple(maps))


def _block(x: Any, name: str, channels: int, config: BuildConfig, *, strides: int) -> Any:
    y = _conv(x, channels, f"{name}_conv1", config, strides=strides)
    y = _relu(_affine(y, f"{name}_affine1", config), f"{name}_relu1", config)
    y = _affine(_conv(y, channels, f"{name}_conv2", config), f"{name}_affine2", config)
    if strides == 2:
        x = keras.layers.AveragePooling2D(2, strides=2, dtype=config.precision, name=f"{name}_pool")(x)
    return _relu(PaddedAdd(dtype=config.precision, name=f"{name}_sum")([y, x]), f"{name}_relu", config)


def _conv(x: Any, channels: int, name: str, config: BuildConfig, *, size: int = 3, strides: int = 1) -> Any:
    return keras.layers.Conv2D(
        channels_at(channels, config.width),
        size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        kernel_initializer=he_normal(config.seed, name),
        dtype=config.precision,
        name=name,
    )(x)


def _affine(x: Any, name: str, config: BuildConfig) -> Any:
    return Scale(dtype=config.precision, name=name)(x)


def _relu(x: Any, name: str, config: BuildConfig) -> Any:
    return keras.layers.ReLU(dtype=config.precision, name=name)(x)


DLIB_RESNET = BackboneSpec(build=build, smallest=103)
