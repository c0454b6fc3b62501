"""ResNet-50 and SENet-50 without their tops, as published by keras-vggface (He et al. 2016; Hu et al. 2018; Cao et al. 2018)."""

from __future__ import annotations

from typing import Any

import keras

from agerepro.models.layers import BackboneOutput, BackboneSpec, BatchNorm, BuildConfig, channels_at, he_normal

STEM = 64  # channels
STAGES = ((2, 3, 64), (3, 4, 128), (4, 6, 256), (5, 3, 512))  # (number, blocks, channels inside a block; four times as many leave it)
EXPANSION = 4
SE_REDUCTION = 16  # a gate's hidden layer has this many times fewer channels than its map [Hu et al. 2018]
RESNET50_EPSILON = 1e-3  # Keras's default, which keras-vggface leaves as it is
SENET50_EPSILON = 1e-4  # keras-vggface sets it in this net only; its ResNet-50 has 1e-3
SMALLEST = 5  # pixels: the stem's convolution leaves 3, its max-pool 1


def build_resnet50(pixels: Any, config: BuildConfig) -> BackboneOutput:
    """53 convolutions without bias, each with a batch norm; (n, s, s, 3) -> `avg_pool` (n, 2048 * width)."""
    return build_bottlenecks(pixels, config, epsilon=RESNET50_EPSILON, se=False)


def build_senet50(pixels: Any, config: BuildConfig) -> BackboneOutput:
    """ResNet-50 with a squeeze-and-excitation gate in each of its 16 blocks; (n, s, s, 3) -> `avg_pool` (n, 2048 * width)."""
    return build_bottlenecks(pixels, config, epsilon=SENET50_EPSILON, se=True)


RESNET50 = BackboneSpec(build=build_resnet50, smallest=SMALLEST)
SENET50 = BackboneSpec(build=build_senet50, smallest=SMALLEST)


def build_bottlenecks(pixels: Any, config: BuildConfig, *, epsilon: float, se: bool) -> BackboneOutput:
    """Stem, 16 blocks and the mean over space; (n, s, s, 3) -> `avg_pool` (n, 2048 * width); s is 224 in keras-vggface.

    epsilon: of every batch norm. se: a squeeze-and-excitation gate in each block, before the sum.
    keras-vggface ends in a 7x7 average pool. The last map is 7x7 at 197 to 228 pixels, so that pool is the mean over all of it. At
    other sizes keras-vggface fails or leaves a border out; ours is still the mean over the whole map.
    Layers keep the published names with `_` for `/`, which Keras 3 does not allow. The first of the five stages is the stem before
    its max-pool.
    """
    x = _conv_norm(pixels, STEM, "conv1_7x7_s2", config, epsilon, size=7, strides=2)
    x = _relu(x, "conv1_7x7_s2_relu", config)
    stages, maps = ["conv1_7x7_s2_relu"], [x]
    x = keras.layers.MaxPooling2D(3, strides=2, padding="valid", dtype=config.precision, name="max_pool")(x)
    for stage, blocks, channels in STAGES:
        for block in range(1, blocks + 1):
            strides = 2 if block == 1 and stage > 2 else 1
            x = _block(x, f"conv{stage}_{block}", channels, config, epsilon, strides=strides, projected=block == 1, se=se)
        stages.append(f"conv{stage}_{blocks}_relu")
        maps.append(x)
    pooled = keras.layers.GlobalAveragePooling2D(dtype=config.precision, name="avg_pool")(x)
    return BackboneOutput(output=pooled, stages=tuple(stages), last_conv=stages[-1], maps=tuple(maps))


def _block(x: Any, name: str, channels: int, config: BuildConfig, epsilon: float, *, strides: int, projected: bool, se: bool) -> Any:
    """1x1, 3x3, 1x1, added to the input or to its projection; the stride sits in the first 1x1, as in He et al.'s own net."""
    y = _conv_norm(x, channels, f"{name}_1x1_reduce", config, epsilon, strides=strides)
    y = _relu(y, f"{name}_1x1_reduce_relu", config)
    y = _conv_norm(y, channels, f"{name}_3x3", config, epsilon, size=3)
    y = _relu(y, f"{name}_3x3_relu", config)
    y = _conv_norm(y, EXPANSION * channels, f"{name}_1x1_increase", config, epsilon)
    if se:
        y = _gate(y, EXPANSION * channels, name, config)
    if projected:
        x = _conv_norm(x, EXPANSION * channels, f"{name}_1x1_proj", config, epsilon, strides=strides)
    return _relu(keras.layers.Add(dtype=config.precision, name=f"{name}_sum")([y, x]), f"{name}_relu", config)


def _gate(x: Any, channels: int, name: str, config: BuildConfig) -> Any:
    """Each channel times a number in (0, 1) that depends on the means of all channels over space."""
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True, dtype=config.precision, name=f"{name}_squeeze")(x)
    for end, units, activation in (("down", channels // SE_REDUCTION, "relu"), ("up", channels, "sigmoid")):
        gate = _conv(gate, units, f"{name}_1x1_{end}", config, activation=activation, use_bias=True)
    return keras.layers.Multiply(dtype=config.precision, name=f"{name}_gated")([x, gate])


def _conv_norm(x: Any, channels: int, name: str, config: BuildConfig, epsilon: float, *, size: int = 1, strides: int = 1) -> Any:
    x = _conv(x, channels, name, config, size=size, strides=strides, use_bias=False)
    return BatchNorm(config.frozen_batch_norm, epsilon=epsilon, dtype=config.precision, name=f"{name}_bn")(x)


def _conv(x: Any, channels: int, name: str, config: BuildConfig, *, size: int = 1, strides: int = 1, **settings: Any) -> Any:
    return keras.layers.Conv2D(
        channels_at(channels, config.width),
        size,
        strides=strides,
        padding="same",
        kernel_initializer=he_normal(config.seed, name),
        dtype=config.precision,
        name=name,
        **settings,
    )(x)


def _relu(x: Any, name: str, config: BuildConfig) -> Any:
    return keras.layers.ReLU(dtype=config.precision, name=name)(x)
