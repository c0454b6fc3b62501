"""The order, names and widths of the blocks of dlib's face-recognition network."""

from __future__ import annotations

STEM = 32  # channels of the 7x7 convolution
LEVELS = (("level4", 3, 32), ("level3", 4, 64), ("level2", 3, 128), ("level1", 3, 256), ("level0", 1, 256))  # name, blocks, channels
DESCRIPTOR = "descriptor/kernel"  # (256, 128): pooled features times this is dlib's face descriptor; no part of the backbone


def block_names() -> list[tuple[str, int, bool]]:
    """(name, channels, halves the resolution) of the 14 residual blocks, from the input; every level but the first begins by halving."""
    return [(f"{level}_block{n}", channels, n == 0 and level != LEVELS[0][0]) for level, blocks, channels in LEVELS for n in range(blocks)]
