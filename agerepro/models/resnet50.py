"""ResNet-50 without its top, as published with face weights by keras-vggface (He et al. 2016; Cao et al. 2018)."""

from __future__ import annotations

from typing import Any

from agerepro.models.body import BackboneKind, Body, Making
from agerepro.models.bottleneck import SMALLEST, build_bottlenecks

EPSILON = 1e-3  # Keras's default, which keras-vggface leaves as it is


def build(pixels: Any, making: Making) -> Body:
    """53 convolutions without bias, each with a batch norm; (n, s, s, 3) -> `avg_pool` (n, 2048 * width)."""
    return build_bottlenecks(pixels, making, epsilon=EPSILON, gated=False)


RESNET50 = BackboneKind(build=build, smallest=SMALLEST)
