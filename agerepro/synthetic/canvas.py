"""The canvas of a drawn face: smooth shapes, colours and textures in floating point."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]  # of floats
Colour = Sequence[float] | Sequence[Array] | Array
_SHIFT = 4  # bits of a pixel's fraction in OpenCV's drawing functions
SIDE = 512  # of the tile of noise, pixels
_SEED = 23


@dataclass(frozen=True)
class Window:
    """A rectangle of the canvas: its slices, and the face coordinates of its columns and rows."""

    rows: slice
    columns: slice
    u: Array  # (w,)
    v: Array  # (h,)
    scale: float  # pixels a face unit

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.v), len(self.u)

    def edge(self, distance: Array) -> Array:
        """Coverage 0..1 of pixels whose distance inside an edge is given in face units: a ramp one pixel wide."""
        return np.clip(distance * self.scale + 0.5, 0, 1)

    def pixels(self, points: npt.ArrayLike) -> npt.NDArray[np.int32]:
        """Face units (n, 2) as OpenCV's fixed-point pixels of this window."""
        corner = np.array([self.u[0], self.v[0]])
        return np.round((np.asarray(points) - corner) * (self.scale * (1 << _SHIFT))).astype(np.int32)

    def polygons(self, shapes: Sequence[npt.ArrayLike]) -> Array:
        """Coverage of filled polygons, each (n, 2) in face units."""
        mask = np.zeros(self.shape, np.uint8)
        for shape in shapes:
            cv2.fillPoly(mask, [self.pixels(shape)], 255, cv2.LINE_AA, _SHIFT)
        return mask.astype(np.float32) * np.float32(1 / 255)

    def lines(self, curves: Sequence[tuple[npt.ArrayLike, float, float]]) -> Array:
        """Coverage of open curves (points, width in face units, strength 0..1); thin ones fade instead of vanishing."""
        mask = np.zeros(self.shape, np.uint8)
        for points, width, strength in curves:
            pixels = width * self.scale
            value = int(255 * min(1.0, strength) * min(1.0, pixels))
            cv2.polylines(mask, [self.pixels(points)], False, value, max(1, round(pixels)), cv2.LINE_AA, _SHIFT)
        return mask.astype(np.float32) * np.float32(1 / 255)

    def dots(self, places: npt.ArrayLike, radii: npt.ArrayLike, strengths: npt.ArrayLike) -> Array:
        """Coverage of discs: centres (n, 2) and radii (n,) in face units, strengths 0..1."""
        mask = np.zeros(self.shape, np.uint8)
        for centre, radius, strength in zip(self.pixels(places), np.asarray(radii), np.asarray(strengths), strict=True):
            size = max(8, round(radius * self.scale * (1 << _SHIFT)))
            cv2.circle(mask, (int(centre[0]), int(centre[1])), size, int(255 * min(1.0, strength)), -1, cv2.LINE_AA, _SHIFT)
        return mask.astype(np.float32) * np.float32(1 / 255)


@dataclass
class Canvas:
    """The picture being painted: `paint` (3, side, side) RGB 0..1 times `cover` (side, side), 0 where the background shows."""

    side: int
    scale: float  # pixels a face unit
    centre: tuple[float, float]  # pixel of the point between the eyes
    paint: Array
    cover: Array

    def window(self, left: float, top: float, right: float, bottom: float) -> Window:
        """The pixels between these face coordinates, at least one and never outside the canvas."""
        columns = _span(left, right, self.centre[0], self.scale, self.side)
        rows = _span(top, bottom, self.centre[1], self.scale, self.side)
        u = (np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(self.centre[0])) / np.float32(self.scale)
        v = (np.arange(rows.start, rows.stop, dtype=np.float32) - np.float32(self.centre[1])) / np.float32(self.scale)
        return Window(rows, columns, u, v, self.scale)

    def at(self, window: Window) -> Array:
        """The colour planes of a window, as a view."""
        return self.paint[:, window.rows, window.columns]

    def lay(self, window: Window, mask: Array, colour: Colour) -> None:
        """Put a colour, (3,) or (3, h, w), over the window where the mask (h, w) is 1, and count it as covered."""
        mix(self.at(window), mask, colour)
        cover = self.cover[window.rows, window.columns]
        cover += (1 - cover) * mask

    def shade(self, window: Window, factor: Array) -> None:
        """Multiply the window by a factor (h, w)."""
        self.at(window)[...] *= factor


def new_canvas(side: int, scale: float, centre: tuple[float, float]) -> Canvas:
    """An empty canvas of `side` pixels."""
    return Canvas(side, scale, centre, np.zeros((3, side, side), np.float32), np.zeros((side, side), np.float32))


def gaussian(positions: Array, centre: float, width: float) -> Array:
    """A Gaussian of height 1 over 1-D positions."""
    return np.exp(np.float32(-0.5) * np.square((positions - np.float32(centre)) / np.float32(width)))


def gaussian_sum(window: Window, places: Sequence[tuple[float, float, float, float, float]]) -> Array:
    """Sum of Gaussian hills (h, w), each (u, v, width, height, amount); hills off the middle line come in pairs.

    A product of two thin matrices, so that thirty hills cost less than one look-up table.
    """
    across = np.stack([gaussian(window.u, u, s) + (gaussian(window.u, -u, s) if u else 0) for u, _, s, _, _ in places])
    down = np.stack([gaussian(window.v, v, s) * np.float32(amount) for _, v, _, s, amount in places])
    # OpenCV's product: NumPy's would start a thread for every core in every process.
    return cv2.gemm(down, across, 1.0, np.empty(0, np.float32), 0.0, flags=cv2.GEMM_1_T)


def smooth(points: npt.ArrayLike, per_span: int = 6) -> npt.NDArray[np.float64]:
    """A Catmull-Rom curve through (n, 2) points, `per_span` steps between two."""
    knots = np.asarray(points, float)
    return _catmull_rom(len(knots), per_span) @ knots


@functools.lru_cache(maxsize=64)
def _catmull_rom(knots: int, per_span: int) -> npt.NDArray[np.float64]:
    """The matrix from knots to curve points, ((knots - 1) * per_span + 1, knots)."""
    points = np.eye(knots)
    padded = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, per_span, endpoint=False)[:, None, None]
    curve = 0.5 * (2 * start + (end - before) * t + (2 * before - 5 * start + 4 * end - after) * t**2
                   + (3 * start - before - 3 * end + after) * t**3)  # fmt: skip
    return np.concatenate([curve.transpose(1, 0, 2).reshape(-1, knots), points[-1:]])


def mix(colours: Array, mask: Array, tone: Colour) -> None:
    """Move colour planes (3, h, w) towards a tone, (3,) or (3, h, w), where the mask (h, w) is 1; in place."""
    for plane, value in zip(colours, tone, strict=True):
        # float32 also for a scalar of a float64 array, which would make all this arithmetic twice as wide.
        plane += (np.asarray(value, np.float32) - plane) * mask


def mirrored(points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The same curve on the other side of the face."""
    return np.asarray(points, float) * np.array([-1.0, 1.0])


def _span(low: float, high: float, centre: float, scale: float, side: int) -> slice:
    first = min(max(int(np.floor(low * scale + centre)), 0), side - 1)
    last = min(max(int(np.ceil(high * scale + centre)) + 1, first + 1), side)
    return slice(first, last)


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
