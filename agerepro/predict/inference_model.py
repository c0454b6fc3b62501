"""One Keras model for other programs: RGB faces in, years and posterior out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from agerepro.models.heads import LOGITS
from agerepro.models.layers import BatchNorm, Dropout, GlobalStdPooling2D, PaddedAdd, Scale
from agerepro.models.preprocessing import Preprocess
from agerepro.runs.layout import Run
from agerepro.runs.model import RunModel, StageModel, load_run_model
from agerepro.tasks.decode import DECODE
from agerepro.training.augment import views_of
from agerepro.training.folds import trained_part

PIXELS, POSTERIOR, AGE = "pixels", "posterior", "age"  # the input and, with LOGITS, the outputs
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
    Of a run on residuals, posterior and logits are of the residual, and age is the whole sum: the earlier stages' networks are inside.
    UserError as `load_run_model` and `RunModel.load_fold`.
    """
    run_model = load_run_model(run, seed=seed)
    experiment = run_model.experiment
    pixels = keras.Input((experiment.augment.size, experiment.augment.size, 3), dtype="uint8", name=PIXELS)
    values = keras.ops.cast(pixels, "float32")
    views = [values if view == views_of(experiment)[0] else keras.ops.flip(values, axis=2) for view in views_of(experiment)]
    frozen = trained_part(run_model.network, experiment.stages[-1]) is run_model.network.head
    inputs = [run_model.network.backbone(view) for view in views] if frozen else views  # once for all folds, which share it
    branches = [_branch(run_model, fold, seed) for fold in folds]
    outputs = [branch(view) for branch in branches for view in inputs]
    base = _base_years(run_model.base, views, level=1) if run_model.base else None
    return keras.Model(pixels, _named(outputs, run_model, base), name=run.experiment.replace("-", "_")), run_model


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


def _named(outputs: list[Any], run_model: RunModel, base: Any) -> dict[str, Any]:
    """The outputs by name, from those of every fold and view; base: the years that they are added to, or None."""
    if not len(run_model.bins):
        years = keras.layers.Reshape((), dtype="float32", name="own_years" if base is not None else AGE)(_mean(outputs, "years"))
        return {AGE: years if base is None else keras.layers.Add(dtype="float32", name=AGE)([years, base])}
    posteriors = [keras.layers.Softmax(dtype="float32", name=f"softmax_{number}")(output) for number, output in enumerate(outputs)]
    mean = _mean(posteriors, "posterior")
    logits = outputs[0] if len(outputs) == 1 else keras.ops.log(keras.ops.maximum(mean, LEAST))
    named = {LOGITS: logits, POSTERIOR: mean}
    if run_model.labels:
        return named
    years = Years(run_model.bins.tolist(), run_model.experiment.decode, name=AGE)
    return {**named, AGE: years(mean) if base is None else years(mean, base)}


def _base_years(base: StageModel, views: Sequence[Any], *, level: int) -> Any:
    """(n,) years of the network whose prediction a run's answer is added to, as training/stages.py predicts them; level: how far below
    the run's own it stands, for names."""
    model = keras.Model(base.network.main.input, base.network.main.output, name=f"base_{level}")
    outputs = [model(view) for view in views]
    below = _base_years(base.base, views, level=level + 1) if base.base else None
    if not len(base.task.bins):
        years = keras.ops.squeeze(_mean(outputs, f"base_{level}_years"), axis=-1)
        return years if below is None else years + below
    years = Years(base.task.bins.tolist(), "expectation", name=f"base_{level}_age")
    mean = _mean([keras.ops.softmax(output, axis=-1) for output in outputs], f"base_{level}_posterior")
    return years(mean) if below is None else years(mean, below)


def _mean(outputs: Sequence[Any], name: str) -> Any:
    return outputs[0] if len(outputs) == 1 else keras.layers.Average(dtype="float32", name=f"mean_{name}")(list(outputs))


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

    def call(self, probabilities: Any, offset: Any = 0.0) -> Any:
        """The formulas of tasks/decode.py; offset: (n,) years that are added before rounding."""
        ages = keras.ops.convert_to_tensor(self.bins, dtype="float32")
        if self.how == "argmax":
            return keras.ops.take(ages, keras.ops.argmax(probabilities, axis=1)) + offset
        if self.how == "median":
            reached = keras.ops.cast(keras.ops.cumsum(probabilities, axis=1) >= HALF, "int32")
            return keras.ops.take(ages, keras.ops.argmax(reached, axis=1)) + offset
        mean = keras.ops.sum(probabilities * ages, axis=1) + offset
        return keras.ops.floor(mean + 0.5) if self.how == "rounded" else mean

    def compute_output_shape(self, probabilities_shape: tuple[int | None, ...], offset_shape: object = None) -> tuple[int | None, ...]:
        """One number a photo. Keras wants the names of `call`."""
        return (probabilities_shape[0],)

    def get_config(self) -> dict[str, Any]:
        """All numbers, so that a saved model is complete."""
        return {**super().get_config(), "bins": list(self.bins), "how": self.how}


# All of ours that a `.keras` file may name.
CUSTOM_LAYERS = (BatchNorm, Dropout, Scale, Preprocess, GlobalStdPooling2D, Years, PaddedAdd)
