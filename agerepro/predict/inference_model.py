"""One Keras model for other programs: RGB faces in, years and posterior out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from agerepro.models.layers import BatchNorm, GlobalStdPooling2D, PaddedAdd, Scale
from agerepro.models.preprocessing import Preprocess
from agerepro.predict.estimates import views
from agerepro.runs.layout import Run
from agerepro.runs.model import RunModel, load_run_model
from agerepro.tasks.decode import DECODE
from agerepro.training.folds import trained_part


@dataclass(frozen=True)
class Difference:
    """The largest absolute difference of one output, what is allowed, and how many photos were compared."""

    output: str
    largest: float
    limit: float
    photos: int


@dataclass(frozen=True)
class Exported:
    """One format: its path below the folder, its size, and how far a fresh process's outputs lie from Keras's here."""

    style: str
    path: str
    size: int  # bytes
    found: tuple[Difference, ...]


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


LAYERS = (BatchNorm, Scale, Preprocess, GlobalStdPooling2D, Years, PaddedAdd)  # all of ours that a `.keras` file may name

LEAST = 1e-30  # keeps the logarithm of a mean posterior finite
PIXELS, LOGITS, POSTERIOR, AGE = "pixels", "logits", "posterior", "age"

Branch = Callable[[Any], Any]


def inference_model(run: Run, folds: Sequence[int], *, seed: int) -> tuple[keras.Model, RunModel]:
    """The model of one fold, or the mean of several, and what was restored of the run.

    Input `pixels` (n, size, size, 3) uint8, RGB 0..255. Outputs, by name:
    posterior (n, classes): mean over the folds, and over mirror images where the run tests with them; not of a Value head.
    logits (n, classes): the network's own; of a mean, the logarithm of the posterior, whose softmax is the posterior.
    age (n,): years, decoded as the run does; not of a run that tells groups apart.
    UserError as `load_run_model` and `RunModel.load_fold`.
    """
    first = load_run_model(run, seed=seed)
    size = first.experiment.augment.size
    pixels = keras.Input((size, size, 3), dtype="uint8", name=PIXELS)
    values = keras.ops.cast(pixels, "float32")
    seen = [values if view == views(first.experiment)[0] else keras.ops.flip(values, axis=2) for view in views(first.experiment)]
    if trained_part(first.network, first.experiment.stages[-1]) is first.network.head:
        seen = [first.network.backbone(one) for one in seen]  # once for all folds, which share it
    branches = [_branch(first, run, fold, seed) for fold in folds]
    said = [branch(one) for branch in branches for one in seen]
    return keras.Model(pixels, _named(said, first), name=f"{run.experiment.replace('-', '_')}"), first


def _branch(first: RunModel, run: Run, fold: int, seed: int) -> Branch:
    """What one fold trained, as a model of its own with weights of its own."""
    head_only = trained_part(first.network, first.experiment.stages[-1]) is first.network.head
    if head_only:
        first.load_fold(fold, seed=seed)
        part = keras.models.clone_model(first.network.head)
        part.set_weights(first.network.head.get_weights())
    else:
        # Cloning would need the body's own functions; building again needs the settings only.
        own = load_run_model(run, seed=seed)
        own.load_fold(fold, seed=seed)
        part = own.network.full
    return keras.Model(part.input, part.output, name=f"fold_{fold}")


def _named(said: list[Any], first: RunModel) -> dict[str, Any]:
    experiment = first.experiment
    if not len(first.bins):
        years = said[0] if len(said) == 1 else keras.layers.Average(dtype="float32", name="mean_years")(said)
        return {AGE: keras.layers.Reshape((), dtype="float32", name=AGE)(years)}
    each = [keras.layers.Softmax(dtype="float32", name=f"softmax_{number}")(one) for number, one in enumerate(said)]
    mean = each[0] if len(each) == 1 else keras.layers.Average(dtype="float32", name="mean_posterior")(each)
    logits = said[0] if len(said) == 1 else keras.ops.log(keras.ops.maximum(mean, LEAST))
    outputs = {LOGITS: logits, POSTERIOR: mean}
    return outputs if first.labels else {**outputs, AGE: Years(first.bins.tolist(), experiment.decode, name=AGE)(mean)}
