"""One Keras model for other programs: RGB faces in, years and posterior out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from agerepro.models.layers import BatchNorm, GlobalStdPooling2D, PaddedAdd, Scale
from agerepro.models.preprocessing import Preprocess
from agerepro.runs.layout import Run
from agerepro.runs.model import RunModel, load_run_model
from agerepro.tasks.decode import DECODE
from agerepro.training.augment import views_of
from agerepro.training.folds import trained_part

PIXELS, LOGITS, POSTERIOR, AGE = "pixels", "logits", "posterior", "age"  # the input and the outputs
LEAST = 1e-30  # keeps the logarithm of a mean posterior finite
HALF = 0.5 - 1e-6  # as in tasks/decode.py, at what float32 can tell apart


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
    differences: tuple[Difference, ...]


def inference_model(run: Run, folds: Sequence[int], *, seed: int) -> tuple[keras.Model, RunModel]:
    """The model of one fold, or the mean of several, and the network of the run that it was made from.

    Input `pixels` (n, size, size, 3) uint8, RGB 0..255. Outputs, by name:
    posterior (n, classes): mean over the folds, and over mirror images where the run tests with them; not of a regression head.
    logits (n, classes): the network's own; of a mean, the logarithm of the posterior, whose softmax is the posterior.
    age (n,): years, decoded as the run does; not of a run that tells groups apart.
    UserError as `load_run_model` and `RunModel.load_fold`.
    """
    run_model = load_run_model(run, seed=seed)
    experiment = run_model.experiment
    pixels = keras.Input((experiment.augment.size, experiment.augment.size, 3), dtype="uint8", name=PIXELS)
    values = keras.ops.cast(pixels, "float32")
    inputs = [values if view == views_of(experiment)[0] else keras.ops.flip(values, axis=2) for view in views_of(experiment)]
    if trained_part(run_model.network, experiment.stages[-1]) is run_model.network.head:
        inputs = [run_model.network.backbone(view) for view in inputs]  # once for all folds, which share it
    branches = [_branch(run_model, fold, seed) for fold in folds]
    outputs = [branch(view) for branch in branches for view in inputs]
    return keras.Model(pixels, _named(outputs, run_model), name=run.experiment.replace("-", "_")), run_model


def _branch(run_model: RunModel, fold: int, seed: int) -> Callable[[Any], Any]:
    """What one fold trained, as a model of its own with weights of its own."""
    network = run_model.network
    if trained_part(network, run_model.experiment.stages[-1]) is network.head:
        run_model.load_fold(fold, seed=seed)
        part = keras.models.clone_model(network.head)
        part.set_weights(network.head.get_weights())
    else:
        # Cloning would need the backbone's own functions; building again needs the settings only.
        own = load_run_model(run_model.run, seed=seed)
        own.load_fold(fold, seed=seed)
        part = own.network.full
    return keras.Model(part.input, part.output[run_model.task.main], name=f"fold_{fold}")


def _named(outputs: list[Any], run_model: RunModel) -> dict[str, Any]:
    """The outputs by name, from those of every fold and view."""
    if not len(run_model.bins):
        years = outputs[0] if len(outputs) == 1 else keras.layers.Average(dtype="float32", name="mean_years")(outputs)
        return {AGE: keras.layers.Reshape((), dtype="float32", name=AGE)(years)}
    posteriors = [keras.layers.Softmax(dtype="float32", name=f"softmax_{number}")(output) for number, output in enumerate(outputs)]
    mean = posteriors[0] if len(posteriors) == 1 else keras.layers.Average(dtype="float32", name="mean_posterior")(posteriors)
    logits = outputs[0] if len(outputs) == 1 else keras.ops.log(keras.ops.maximum(mean, LEAST))
    named = {LOGITS: logits, POSTERIOR: mean}
    return named if run_model.labels else {**named, AGE: Years(run_model.bins.tolist(), run_model.experiment.decode, name=AGE)(mean)}


@keras.saving.register_keras_serializable(package="agerepro")
class Years(keras.layers.Layer):
    """(n, bins) posteriors -> (n,) float32 years, decoded as `how` says: the float32 twin of tasks/decode.py.

    bins: ages in rising order; how: a name of DECODE.
    """

    def __init__(self, bins: Sequence[float], how: str, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})
        if how not in DECODE:
            raise ValueError(f"Years knows {', '.join(DECODE)}, not {how!r}.")
        self.bins = tuple(float(age) for age in bins)
        self.how = how

    def call(self, probabilities: Any) -> Any:
        """The formulas of tasks/decode.py."""
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


CUSTOM_LAYERS = (BatchNorm, Scale, Preprocess, GlobalStdPooling2D, Years, PaddedAdd)  # all of ours that a `.keras` file may name
