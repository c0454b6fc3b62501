"""SENet-50 without its top, as published with face weights by keras-vggface (Hu et al. 2018; Cao et al. 2018)."""

from __future__ import annotations

from typing import Any

from agerepro.models.body import BackboneKind, Body, Making
from agerepro.models.bottleneck import SMALLEST, build_bottlenecks

EPSILON = 1e-4  # keras-vggface sets it in this net only; its ResNet-50 has 1e-3


def build(pixels: Any, making: Making) -> Body:
    """ResNet-50 with a squeeze-and-excitation gate in each of its 16 blocks; (n, s, s, 3) -> `avg_pool` (n, 2048 * width)."""
    return build_bottlenecks(pixels, making, epsilon=EPSILON, gated=True)


SENET50 = BackboneKind(build=build, smallest=SMALLEST)
