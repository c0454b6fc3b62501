"""What a map explains: the score of each photo whose slope is taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import keras
import numpy as np

from agerepro.errors import UserError
from agerepro.explain.gradients import full_precision
from agerepro.tasks.decode import check_labels

# A class number for all photos, or (n,) of them, one a photo; or one of the two named.
Target = Literal["predicted_class", "expected_age"] | int | np.ndarray
Of = Literal["probability", "logit"]


def class_numbers(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """The number of the class that stands for each value: (n,) years, (bins,) rising -> (n,) int; UserError for a value of no class."""
    check_labels(values, bins)
    return np.searchsorted(bins, np.asarray(values, np.float32))


def batches(photos: int, batch: int) -> Iterator[slice]:
    """Slices that part photos into batches, in order, the last one shorter."""
    return (slice(at, at + batch) for at in range(0, photos, batch))


def rows_of(target: Target, rows: slice) -> Target:
    """The part of a target that belongs to some of the photos."""
    return target[rows] if isinstance(target, np.ndarray) and target.ndim else target


def check_target(target: Target, bins: np.ndarray, photos: int) -> None:
    """Return if this target can be had, else raise a UserError: a network without classes has an expected age only."""
    if isinstance(target, str):
        if target not in ("predicted_class", "expected_age"):
            raise UserError(f"{target!r} is no target: take predicted_class, expected_age, or the number of a class.")
        if target == "predicted_class" and not len(bins):
            raise UserError("This network gives years and has no classes: take the target expected_age.")
        return
    numbers = np.asarray(target)
    if not len(bins):
        raise UserError("This network gives years and has no classes: take the target expected_age.")
    if numbers.shape not in ((), (photos,)) or not np.issubdtype(numbers.dtype, np.integer):
        raise UserError(f"Classes are whole numbers, one for all or one for each of {photos} photos, not {numbers.dtype} {numbers.shape}.")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(bins):
        raise UserError(f"Class numbers go from 0 to {len(bins) - 1}, not to {numbers.max()} or {numbers.min()}: see class_numbers.")


def score(outputs: Any, target: Target, bins: np.ndarray, *, of: Of) -> Any:
    """One differentiable number a photo, (n,) float32, from a network's outputs: (n, bins) logits, or (n, 1) years when bins is empty.

    A class gives its softmax probability or its logit, as `of` says; the predicted class is the one with the largest logit, held
    fixed. The expected age is the mean of the posterior in years [Rothe et al. 2015], whatever `of` says, or the years themselves.
    """
    outputs = keras.ops.cast(outputs, "float32")
    if not len(bins):
        return outputs[:, 0]
    if isinstance(target, str) and target == "expected_age":
        return keras.ops.sum(keras.ops.softmax(outputs, axis=-1) * keras.ops.convert_to_tensor(bins, dtype="float32"), axis=-1)
    numbers = keras.ops.argmax(outputs, axis=-1) if isinstance(target, str) else keras.ops.convert_to_tensor(target, dtype="int32")
    one_hot = keras.ops.one_hot(numbers, len(bins), dtype="float32")
    values = keras.ops.softmax(outputs, axis=-1) if of == "probability" else outputs
    return keras.ops.sum(values * one_hot, axis=-1)


def scores_of(model: keras.Model, images: np.ndarray, *, target: Target, bins: np.ndarray, batch: int = 32) -> np.ndarray:
    """The probability of a class, or the expected age in years, of each photo: (n, s, s, 3) RGB 0..255 -> (n,) float32."""
    check_target(target, bins, len(images))
    scores = [np.empty(0, np.float32)]
    for rows in batches(len(images), batch):
        scores.append(keras.ops.convert_to_numpy(score(_outputs(model, images[rows]), rows_of(target, rows), bins, of="probability")))
    return np.concatenate(scores)


def predicted_classes(model: keras.Model, images: np.ndarray, *, batch: int = 32) -> np.ndarray:
    """The number of the most probable class of each photo: (n, s, s, 3) RGB 0..255 -> (n,) int."""
    numbers = [keras.ops.convert_to_numpy(_outputs(model, images[rows])).argmax(axis=1) for rows in batches(len(images), batch)]
    return np.concatenate([np.empty(0, np.int64), *numbers])


def _outputs(model: keras.Model, images: np.ndarray) -> Any:
    with full_precision(model):
        return model(keras.ops.convert_to_tensor(images, dtype="float32"), training=False)
