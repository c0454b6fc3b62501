"""What a backbone's builder takes and gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Making:
    """How to make layers: channel multiplier, Keras dtype policy, seed of all initialisers, what normalises frozen batch norms."""

    width: float
    precision: str
    seed: int
    frozen_batch_norm: Literal["inference", "batch_statistics"] = "inference"


@dataclass(frozen=True)
class Body:
    """A backbone applied to an input: its output tensor, and names of the layers that end its five stages and its last map."""

    output: Any  # the backbone's own output, Keras tensor
    stages: tuple[str, ...]
    last_map: str
    maps: tuple[Any, ...]  # the stages' Keras tensors, (n, h, w, channels)


@dataclass(frozen=True)
class BackboneKind:
    """A row of the table of backbones: the builder and the smallest input side (pixels) that leaves one position."""

    build: Callable[[Any, Making], Body]
    smallest: int


def channels_at(channels: int, width: float) -> int:
    """Channels of a narrower net: `channels * width` rounded to a multiple of 8 (vector registers), at least 8."""
    return max(8, 8 * int(channels * width / 8 + 0.5))
