"""What is behind a person: a studio sweep, a blurred room or garden."""

from __future__ import annotations

import cv2
import numpy as np

from agerepro.datasets.synthetic.easel import Array
from agerepro.datasets.synthetic.textures import pixel_noise

_BACKDROP = 47
_GRID = 24  # blurred scenery is painted this small and enlarged


def backdrop(side: int, seed: int) -> Array:
    """A background (3, side, side), RGB 0..1, without people."""
    rng = np.random.default_rng([_BACKDROP, seed])
    kind = rng.random()
    base = rng.uniform(0.15, 0.75) * (1 + rng.uniform(-0.12, 0.12, 3))
    small: Array = np.ones((_GRID, _GRID, 3), np.float32) * base.astype(np.float32)
    y, x = np.mgrid[-1 : 1 : _GRID * 1j, -1 : 1 : _GRID * 1j]
    if kind < 0.45:
        spot = np.exp(-((x - rng.uniform(-0.4, 0.4)) ** 2 + (y - rng.uniform(-0.6, 0.4)) ** 2) / rng.uniform(0.5, 1.6))
        small *= (0.65 + 0.55 * spot)[..., None]
    else:
        for _ in range(int(rng.integers(5, 14))):
            tone = (0.35 + 0.65 * rng.random()) * base.mean() * 1.5 * (1 + rng.uniform(-0.16, 0.16, 3))
            left, top = (int(value) for value in rng.integers(-4, _GRID, 2))
            wide, high = (int(value) for value in rng.integers(3, 14, 2))
            if kind < 0.75:
                cv2.rectangle(small, (left, top), (left + wide, top + high * 2), tone.tolist(), -1)
            else:
                cv2.ellipse(small, (left, top), (wide, high), 0, 0, 360, tone.tolist(), -1)
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.9, 2.4)))
    large = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    planes: Array = np.ascontiguousarray(large.transpose(2, 0, 1))
    planes += np.float32(0.006) * pixel_noise((side, side), (seed % 509, seed % 487), 1.0)
    return np.clip(planes, 0, 1)
