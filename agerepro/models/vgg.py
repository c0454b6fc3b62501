"""VGG-16 without its top (Simonyan and Zisserman 2015, configuration D; Parkhi et al. 2015), and torchvision's with batch norm."""

from __future__ import annotations

from typing import Any

import keras

from agerepro.models.layers import TORCH_NORM, BackboneOutput, BackboneSpec, BatchNorm, BuildConfig, channels_at, he_normal

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # (convolutions, channels) of each


def build_vgg16(pixels: Any, config: BuildConfig) -> BackboneOutput:
    """13 convolutions 3x3 with bias and ReLU, five 2x2 max-pools; (n, s, s, 3) -> `pool5` (n, s // 32, s // 32, 512 * width).

    Layers keep the VGG authors' names `conv<block>_<n>` and `pool<block>`; a convolution holds its ReLU.
    """
    return build(pixels, config, norm=False)


def build_vgg16_bn(pixels: Any, config: BuildConfig) -> BackboneOutput:
    """VGG-16 with a batch norm `conv<block>_<n>_bn` between each convolution, which keeps its bias, and its ReLU; the same shapes."""
    return build(pixels, config, norm=True)


VGG16 = BackboneSpec(build=build_vgg16, smallest=32)
VGG16_BN = BackboneSpec(build=build_vgg16_bn, smallest=32)


def build(pixels: Any, config: BuildConfig, *, norm: bool) -> BackboneOutput:
    """Five blocks of convolutions, each with a max-pool behind; the stages are the maps before the max-pools."""
    x, stages, maps = pixels, [], []
    for block, (convolutions, channels) in enumerate(BLOCKS, start=1):
        name = ""
        for n in range(1, convolutions + 1):
            name = f"conv{block}_{n}"
            x = keras.layers.Conv2D(
                channels_at(channels, config.width),
                3,
                padding="same",
                activation=None if norm else "relu",
                kernel_initializer=he_normal(config.seed, name),
                dtype=config.precision,
                name=name,
            )(x)
            if norm:
                x = BatchNorm(config.frozen_batch_norm, dtype=config.precision, name=f"{name}_bn", **TORCH_NORM)(x)
                x = keras.layers.ReLU(dtype=config.precision, name=f"{name}_relu")(x)
        stages.append(f"{name}_relu" if norm else name)
        maps.append(x)
        x = keras.layers.MaxPooling2D(2, strides=2, dtype=config.precision, name=f"pool{block}")(x)
    return BackboneOutput(output=x, stages=tuple(stages), last_conv=stages[-1], maps=tuple(maps))
