"""The score that a map explains, of many changed pictures of the same photos, by one traced graph."""

from __future__ import annotations

import numpy as np

from agerepro.explain.targets import Target, check_target
from agerepro.models.decode import posterior
from agerepro.training.restore import Restored

LEAST = 8  # pictures of the smallest batch that is traced


def scores_of(back: Restored, images: np.ndarray, classes: Target) -> np.ndarray:
    """The probability of a class, or the expected age in years, (n,) of pictures (n, s, s, 3), by the network as it is filled.

    As explain.targets.scores_of, but traced: called layer by layer, a ResNet takes seconds for a few pictures. The pictures are filled
    up to the next power of two, so that few sizes are traced. UserError for a target that the network does not have.
    """
    check_target(classes, back.bins, len(images))
    room = max(LEAST, 1 << (len(images) - 1).bit_length())
    filled = np.concatenate([images, np.repeat(images[-1:], room - len(images), axis=0)]).astype(np.float32)
    outputs = np.asarray(back.network.full.predict_on_batch(filled))[: len(images)]
    if not len(back.bins):
        return outputs[:, 0]
    shares = posterior(outputs)
    if isinstance(classes, str):
        return shares @ back.bins if classes == "expected_age" else shares.max(axis=1)
    return shares[np.arange(len(images)), np.broadcast_to(classes, len(images))]
