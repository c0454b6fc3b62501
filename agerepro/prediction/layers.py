"""The layer that turns a posterior into years; importing this module makes every layer of an exported `.keras` file known.

import keras
import agerepro.prediction.layers
model = keras.saving.load_model("model.keras")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from agerepro.models.affine import ChannelAffine
from agerepro.models.batch_norm import BatchNorm
from agerepro.models.decode import DECODE
from agerepro.models.preprocess import Preprocess
from agerepro.models.spread import Spread
from agerepro.models.zero_filled_sum import ZeroFilledSum

HALF = 0.5 - 1e-6  # as in models/decode.py, at what float32 can tell apart


@keras.saving.register_keras_serializable(package="agerepro")
class Years(keras.layers.Layer):
    """(n, bins) posteriors -> (n,) float32 years, decoded as `how` says: the float32 twin of models/decode.py.

    bins: ages in rising order; how: a name of DECODE.
    """

    def __init__(self, bins: Sequence[float], how: str, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})
        if how not in DECODE:
            raise ValueError(f"Years knows {', '.join(DECODE)}, not {how!r}.")
        self.bins = tuple(float(age) for age in bins)
        self.how = how

    def call(self, probabilities: Any) -> Any:
        """The formulas of models/decode.py."""
        ages = keras.ops.convert_to_tensor(self.bins, dtype="float32")
        if self.how == "argmax":
            return keras.ops.take(ages, keras.ops.argmax(probabilities, axis=1))
        if self.how == "median":
            reached = keras.ops.cast(keras.ops.cumsum(probabilities, axis=1) >= HALF, "int32")
            return keras.ops.take(ages, keras.ops.argmax(reached, axis=1))
        mean = keras.ops.sum(probabilities * ages, axis=1)
        return keras.ops.floor(mean + 0.5) if self.how == "rounded" else mean

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One number a photo."""
        return (input_shape[0],)

    def get_config(self) -> dict[str, Any]:
        """All numbers, so that a saved model is complete."""
        return {**super().get_config(), "bins": list(self.bins), "how": self.how}


LAYERS = (BatchNorm, ChannelAffine, Preprocess, Spread, Years, ZeroFilledSum)  # all of ours that a `.keras` file may name
