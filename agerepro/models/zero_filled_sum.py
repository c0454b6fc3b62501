"""A layer that sums two maps of different size the way dlib does: zeros fill the smaller one at its end."""

from __future__ import annotations

from typing import Any

import keras

Sizes = tuple[Any, ...]  # number of photos (None: any), height, width, channels


@keras.saving.register_keras_serializable(package="agerepro")
class ZeroFilledSum(keras.layers.Layer):
    """Two maps (n, h, w, c) of known sizes -> their sum at the larger size in each of height, width, channels [dlib's add_prev]."""

    def call(self, maps: list[Any]) -> Any:
        """Zero rows below, zero columns on the right, zero channels last."""
        shape = self.compute_output_shape([one.shape for one in maps])
        first, second = (_fill(one, shape) for one in maps)
        return first + second

    def compute_output_shape(self, input_shape: list[Sizes]) -> Sizes:
        """Number of photos, then the larger of each size."""
        first, second = input_shape
        return (first[0], *(max(a, b) for a, b in zip(first[1:], second[1:], strict=True)))


def _fill(one: Any, shape: Sizes) -> Any:
    missing = [(0, to - have) for to, have in zip(shape[1:], one.shape[1:], strict=True)]
    return one if all(width == (0, 0) for width in missing) else keras.ops.pad(one, [(0, 0), *missing])
