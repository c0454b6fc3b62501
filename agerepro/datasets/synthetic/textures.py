"""Noise tiles that wrap around, made once a process and equal in every process."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from agerepro.datasets.synthetic.easel import Array, Window

SIDE = 512
_SEED = 23


@functools.lru_cache(maxsize=16)
def noise(grain: float, stretch: float = 1.0) -> Array:
    """A (512, 512) tile of smooth noise: mean 0, standard deviation 1, blobs of `grain` pixels, `stretch` times as long in x."""
    rng = np.random.default_rng([_SEED, round(grain * 100), round(stretch * 100)])
    tile = rng.standard_normal((SIDE, SIDE)).astype(np.float32)
    pad = 128
    wrapped = np.pad(tile, pad, mode="wrap")
    blurred = cv2.GaussianBlur(wrapped, (0, 0), sigmaX=grain * stretch, sigmaY=grain)[pad:-pad, pad:-pad]
    blurred = blurred - blurred.mean()
    return np.ascontiguousarray(blurred / blurred.std(), dtype=np.float32)


def patch(window: Window, cell: float, offset: tuple[int, int], grain: float = 4.0) -> Array:
    """Noise over a window (h, w) whose blobs are `cell` face units wide, so that it looks the same at every picture size."""
    step = grain / (cell * window.scale)  # tile pixels a picture pixel
    height, width = window.shape
    rows, columns = max(2, int(height * step) + 2), max(2, int(width * step) + 2)
    tile = noise(grain)
    top, left = offset[0] % SIDE, offset[1] % SIDE
    piece = tile.take(range(top, top + rows), axis=0, mode="wrap").take(range(left, left + columns), axis=1, mode="wrap")
    return cv2.resize(piece, (width, height), interpolation=cv2.INTER_LINEAR)


def pixel_noise(shape: tuple[int, int], offset: tuple[int, int], grain: float = 0.0) -> Array:
    """Noise with blobs of `grain` pixels (0: white) over (h, w) pixels, cut from the tile at `offset`."""
    tile = noise(max(grain, 0.05))
    rows = np.arange(offset[0], offset[0] + shape[0]) % SIDE
    columns = np.arange(offset[1], offset[1] + shape[1]) % SIDE
    return tile[np.ix_(rows, columns)]
