"""A run's folds as one Keras model from RGB pixels to years or groups, that gives the run's own numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from agerepro.prediction.layers import Years
from agerepro.prediction.outputs import views
from agerepro.runs.folder import Run
from agerepro.training.restore import Restored, restored, trained_part

LEAST = 1e-30  # keeps the logarithm of a mean posterior finite
PIXELS, LOGITS, POSTERIOR, AGE = "pixels", "logits", "posterior", "age"

Branch = Callable[[Any], Any]


def inference_model(run: Run, folds: Sequence[int], *, seed: int) -> tuple[keras.Model, Restored]:
    """The model of one fold, or the mean of several, and what was restored of the run.

    Input `pixels` (n, size, size, 3) uint8, RGB 0..255. Outputs, by name:
    posterior (n, classes): mean over the folds, and over mirror images where the run tests with them; not of a Value head.
    logits (n, classes): the network's own; of a mean, the logarithm of the posterior, whose softmax is the posterior.
    age (n,): years, decoded as the run does; not of a run that tells groups apart.
    UserError as `restored` and `Restored.fill`.
    """
    first = restored(run, seed=seed)
    size = first.experiment.augment.size
    pixels = keras.Input((size, size, 3), dtype="uint8", name=PIXELS)
    values = keras.ops.cast(pixels, "float32")
    seen = [values if view == views(first.experiment)[0] else keras.ops.flip(values, axis=2) for view in views(first.experiment)]
    if trained_part(first.network, first.experiment.stages[-1]) is first.network.classifier:
        seen = [first.network.trunk(one) for one in seen]  # once for all folds, which share it
    branches = [_branch(first, run, fold, seed) for fold in folds]
    said = [branch(one) for branch in branches for one in seen]
    return keras.Model(pixels, _named(said, first), name=f"{run.experiment.replace('-', '_')}"), first


def _branch(first: Restored, run: Run, fold: int, seed: int) -> Branch:
    """What one fold trained, as a model of its own with weights of its own."""
    classifier = trained_part(first.network, first.experiment.stages[-1]) is first.network.classifier
    if classifier:
        first.fill(fold, seed=seed)
        part = keras.models.clone_model(first.network.classifier)
        part.set_weights(first.network.classifier.get_weights())
    else:
        # Cloning would need the body's own functions; building again needs the settings only.
        own = restored(run, seed=seed)
        own.fill(fold, seed=seed)
        part = own.network.full
    return keras.Model(part.input, part.output, name=f"fold_{fold}")


def _named(said: list[Any], first: Restored) -> dict[str, Any]:
    experiment = first.experiment
    if not len(first.bins):
        years = said[0] if len(said) == 1 else keras.layers.Average(dtype="float32", name="mean_years")(said)
        return {AGE: keras.layers.Reshape((), dtype="float32", name=AGE)(years)}
    each = [keras.layers.Softmax(dtype="float32", name=f"softmax_{number}")(one) for number, one in enumerate(said)]
    mean = each[0] if len(each) == 1 else keras.layers.Average(dtype="float32", name="mean_posterior")(each)
    logits = said[0] if len(said) == 1 else keras.ops.log(keras.ops.maximum(mean, LEAST))
    outputs = {LOGITS: logits, POSTERIOR: mean}
    return outputs if first.labels else {**outputs, AGE: Years(first.bins.tolist(), experiment.decode, name=AGE)(mean)}
