"""ResNet-50 without its top as PyTorch's torchvision has it, "version 1.5": the stride sits in the 3x3 convolution."""

from __future__ import annotations

from typing import Any

import keras

from agerepro.models.layers import TORCH_NORM, BackboneOutput, BackboneSpec, BatchNorm, BuildConfig, channels_at, he_normal

STEM = 64  # channels
STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))  # (blocks, channels inside a block; four times as many leave it)
EXPANSION = 4


def build(pixels: Any, config: BuildConfig) -> BackboneOutput:
    """Stem, 16 blocks and the mean over space; (n, s, s, 3) -> `avgpool` (n, 2048 * width); s is 224 where it was trained.

    Layers keep torchvision's names with `_` for the dot. Whatever strides is padded alike on all four sides, which Keras's own "same"
    is not. The first of the five stages is the stem before its max-pool.
    """
    x = _relu(_conv_norm(pixels, STEM, "conv1", "bn1", config, size=7, strides=2), "relu", config)
    stages, maps = ["relu"], [x]
    x = _padded(x, 1, "maxpool", config)  # by zeros, below which nothing is after the ReLU
    x = keras.layers.MaxPooling2D(3, strides=2, dtype=config.precision, name="maxpool")(x)
    for stage, (blocks, channels) in enumerate(STAGES, start=1):
        for block in range(blocks):
            strides = 2 if block == 0 and stage > 1 else 1
            x = _block(x, f"layer{stage}_{block}", channels, config, strides=strides, projected=block == 0)
        stages.append(f"layer{stage}_{blocks - 1}_relu")
        maps.append(x)
    pooled = keras.layers.GlobalAveragePooling2D(dtype=config.precision, name="avgpool")(x)
    return BackboneOutput(output=pooled, stages=tuple(stages), last_conv=stages[-1], maps=tuple(maps))


RESNET50_V1_5 = BackboneSpec(build=build, smallest=1)  # padding leaves one position of any input


def _block(x: Any, name: str, channels: int, config: BuildConfig, *, strides: int, projected: bool) -> Any:
    """1x1, 3x3, 1x1, added to the input or to its projection."""
    y = _relu(_conv_norm(x, channels, f"{name}_conv1", f"{name}_bn1", config), f"{name}_relu1", config)
    y = _relu(_conv_norm(y, channels, f"{name}_conv2", f"{name}_bn2", config, size=3, strides=strides), f"{name}_relu2", config)
    y = _conv_norm(y, EXPANSION * channels, f"{name}_conv3", f"{name}_bn3", config)
    if projected:
        x = _conv_norm(x, EXPANSION * channels, f"{name}_downsample_0", f"{name}_downsample_1", config, strides=strides)
    return _relu(keras.layers.Add(dtype=config.precision, name=f"{name}_sum")([y, x]), f"{name}_relu", config)


def _conv_norm(x: Any, channels: int, name: str, norm: str, config: BuildConfig, *, size: int = 1, strides: int = 1) -> Any:
    x = keras.layers.Conv2D(
        channels_at(channels, config.width),
        size,
        strides=strides,
        use_bias=False,
        kernel_initializer=he_normal(config.seed, name),
        dtype=config.precision,
        name=name,
    )(_padded(x, size // 2, name, config))
    return BatchNorm(config.frozen_batch_norm, dtype=config.precision, name=norm, **TORCH_NORM)(x)


def _padded(x: Any, width: int, name: str, config: BuildConfig) -> Any:
    return keras.layers.ZeroPadding2D(width, dtype=config.precision, name=f"{name}_pad")(x) if width else x


def _relu(x: Any, name: str, config: BuildConfig) -> Any:
    return keras.layers.ReLU(dtype=config.precision, name=name)(x)
