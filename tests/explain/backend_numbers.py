"""Logits, losses, slopes and maps of every backbone under the Keras backend in use, into one .npz: run by test_backends.py."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np

from agerepro.config.learning import Classification, CrossEntropy, Regression
from agerepro.config.schema import Backbone
from agerepro.explain.cam import How, class_activation_maps, map_layers
from agerepro.explain.faithfulness import random_weights
from agerepro.explain.gradients import gradient
from agerepro.explain.sensitivity import pixel_gradients
from agerepro.explain.targets import Target
from agerepro.models.build import BACKBONES, Network, build_network
from agerepro.models.heads import LOGITS, YEARS
from agerepro.models.weights import variables_by_name
from agerepro.rng import rng_for
from agerepro.tasks.losses import LOSS

BINS = np.array([1.0, 5, 18, 30, 52, 80], np.float32)
SIDE = 64  # pixels, where the backbone can


def weights_of_the_seed(network: Network) -> None:
    """Every weight by NumPy: a backend's own initialisers draw their own numbers."""
    for name, variable in variables_by_name(network.full).items():
        drawn = rng_for("backends", name).standard_normal(tuple(variable.shape))
        fan_in = int(np.prod(variable.shape[:-1]))
        if len(variable.shape) > 1:
            value = drawn * np.sqrt(2 / fan_in)
        else:  # positive where it scales or is a variance
            value = 1 + 0.1 * np.abs(drawn) if name.endswith(("gamma", "variance")) else 0.1 * drawn
        variable.assign(value.astype(np.float32))


def calm(network: Network, photos: np.ndarray) -> None:
    """Outputs of size 1 to 10, by a power of ten on the last layer: a softmax of larger ones is 0 or 1 and has no slope."""
    largest = np.abs(keras.ops.convert_to_numpy(network.main(photos, training=False))).max()
    for variable in network.full.get_layer(network.outputs[0]).weights:
        variable.assign(variable * 10.0 ** -np.floor(np.log10(largest)))


def numbers_of(name: str) -> dict[str, np.ndarray]:
    """Of one backbone under both heads."""
    found = {}
    side = max(SIDE, BACKBONES[name].smallest)
    photos = rng_for("backends", "photos").integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    heads = ((Classification(), LOGITS, len(BINS), BINS), (Regression(features="stages"), YEARS, 1, np.empty(0, np.float32)))
    for head, name_of_output, outputs, bins in heads:
        network = build_network(Backbone(name=name, width=0.125), head, outputs={name_of_output: outputs}, size=side, seed=0)
        weights_of_the_seed(network)
        calm(network, photos)
        here = f"{name} {network.outputs[0]}"
        found[here] = keras.ops.convert_to_numpy(network.main(photos, training=False))
        inner = map_layers(network.full)[-5]
        explained: list[tuple[str, How, Target]] = [(network.last_conv, "mean", "expected_age")]
        if outputs > 1:
            explained += [(network.last_conv, "grad_cam", "predicted_class"), (inner, "mean", 2)]
        for layer, how, target in explained:
            maps = class_activation_maps(network.main, photos, layer, target=target, bins=bins, how=how)
            found[f"{here} {layer} {how} {target}"] = maps
        found[f"{here} pixels"] = pixel_gradients(network.main, photos, bins=bins)
        with random_weights(network.main, seed=1):
            found[f"{here} random weights"] = keras.ops.convert_to_numpy(network.main(photos, training=False))
    return found


def losses() -> dict[str, np.ndarray]:
    """Each loss and its slope."""
    found = {}
    targets = BINS[[0, 3, 5, 1]]
    for kind, loss in LOSS.items():
        bins = BINS if kind is CrossEntropy else BINS[:1]
        outputs = rng_for("backends", kind.__name__).normal(0, 3, (4, len(bins))).astype(np.float32)
        found[kind.__name__] = keras.ops.convert_to_numpy(loss(targets, outputs, bins))
        slopes = gradient(lambda x, loss=loss, bins=bins: loss(targets, x, bins), outputs)
        found[f"{kind.__name__} slope"] = keras.ops.convert_to_numpy(slopes)
    return found


if __name__ == "__main__":
    everything = losses()
    for backbone in BACKBONES:
        everything |= numbers_of(backbone)
    everything = {f"{keras.backend.backend()}: {name}": array for name, array in everything.items()}
    everything["loaded"] = np.array([name for name in ("tensorflow", "jax", "torch") if name in sys.modules])
    np.savez(Path(sys.argv[1]), **everything)
