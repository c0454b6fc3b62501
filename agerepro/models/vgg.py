"""VGG-16 without its top, as published with face weights (Simonyan and Zisserman 2015; Parkhi et al. 2015)."""

from __future__ import annotations

from typing import Any

import keras

from agerepro.models.layers import BackboneOutput, BackboneSpec, BuildConfig, channels_at, he_normal

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # (convolutions, channels) of each


def build(pixels: Any, config: BuildConfig) -> BackboneOutput:
    """13 convolutions 3x3 with bias and ReLU, five 2x2 max-pools; (n, s, s, 3) -> `pool5` (n, s // 32, s // 32, 512 * width).

    Layers keep the published names `conv<block>_<n>` and `pool<block>`; a convolution holds its ReLU.
    """
    x, maps = pixels, []
    for block, (convolutions, channels) in enumerate(BLOCKS, start=1):
        for n in range(1, convolutions + 1):
            name = f"conv{block}_{n}"
            x = keras.layers.Conv2D(
                channels_at(channels, config.width),
                3,
                padding="same",
                activation="relu",
                kernel_initializer=he_normal(config.seed, name),
                dtype=config.precision,
                name=name,
            )(x)
        maps.append(x)
        x = keras.layers.MaxPooling2D(2, strides=2, dtype=config.precision, name=f"pool{block}")(x)
    stages = tuple(f"conv{block}_{convolutions}" for block, (convolutions, _) in enumerate(BLOCKS, start=1))
    return BackboneOutput(output=x, stages=stages, last_conv=stages[-1], maps=tuple(maps))


VGG16 = BackboneSpec(build=build, smallest=32)
