"""AlexNet with batch norm, to its second fully connected layer (Krizhevsky et al. 2012; Simon, Rodner and Denzler 2016)."""

from __future__ import annotations

from typing import Any

import keras

from agerepro.models.layers import BackboneOutput, BackboneSpec, BatchNorm, BuildConfig, Scale, channels_at, he_normal

# (channels, kernel, stride, groups, max-pooled) of each convolution; two groups are what Krizhevsky et al. spread over two GPUs.
CONVOLUTIONS = ((96, 11, 4, 1, True), (256, 5, 1, 2, True), (384, 3, 1, 1, False), (384, 3, 1, 2, False), (256, 3, 1, 2, True))
UNITS = 4096  # of each fully connected layer
EPSILON = 1e-5  # Caffe's default, which the published net leaves as it is
MOMENTUM = 0.9  # Caffe's `moving_average_fraction`
SMALLEST = 67  # pixels: the maps are 15, 7, 7, 3 and 3 wide, the last max-pool leaves 1


def build(pixels: Any, config: BuildConfig) -> BackboneOutput:
    """Five convolutions and two fully connected layers; (n, s, s, 3) -> `fc7_relu` (n, 4096 * width); s is 227 in the published net.

    As published: batch norm of the input, then trainable gamma and beta; every layer with a bias, then batch norm without gamma and
    beta, then ReLU; no local response normalisation, no dropout. The fully connected layers have batch norm, too, so they belong to
    the backbone and not to `dense`; `fc6` fits one input size. Max-pools leave a border out where Caffe's would look beyond it: at 227 to
    230 pixels there is none.
    """
    x = _norm(pixels, "data", config)
    x = Scale(dtype=config.precision, name="data_scale")(x)
    stages, maps = [], []
    for n, (channels, size, strides, groups, pooled) in enumerate(CONVOLUTIONS, start=1):
        name = f"conv{n}"
        x = keras.layers.Conv2D(
            channels_at(channels, config.width),
            size,
            strides=strides,
            groups=groups,
            padding="same" if strides == 1 else "valid",
            kernel_initializer=he_normal(config.seed, name),
            dtype=config.precision,
            name=name,
        )(x)
        x = _norm_relu(x, name, config)
        stages.append(f"{name}_relu")
        maps.append(x)
        if pooled:
            x = keras.layers.MaxPooling2D(3, strides=2, dtype=config.precision, name=f"pool{n}")(x)
    x = keras.layers.Flatten(dtype=config.precision, name="pool5_flat")(x)
    for name in ("fc6", "fc7"):
        units = channels_at(UNITS, config.width)
        x = keras.layers.Dense(units, kernel_initializer=he_normal(config.seed, name), dtype=config.precision, name=name)(x)
        x = _norm_relu(x, name, config)
    return BackboneOutput(output=x, stages=tuple(stages), last_conv=stages[-1], maps=tuple(maps))


ALEXNET = BackboneSpec(build=build, smallest=SMALLEST)


def _norm_relu(x: Any, name: str, config: BuildConfig) -> Any:
    return keras.layers.ReLU(dtype=config.precision, name=f"{name}_relu")(_norm(x, name, config))


def _norm(x: Any, name: str, config: BuildConfig) -> Any:
    settings = {"center": False, "scale": False, "epsilon": EPSILON, "momentum": MOMENTUM}
    return BatchNorm(config.frozen_batch_norm, dtype=config.precision, name=f"{name}_bn", **settings)(x)
