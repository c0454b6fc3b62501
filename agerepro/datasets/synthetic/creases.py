"""The lines of an ageing face: where each wrinkle runs and how deep it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agerepro.datasets.synthetic.ageing import Looks
from agerepro.datasets.synthetic.easel import Array, Window, mirrored, smooth
from agerepro.datasets.synthetic.person import Person

Curve = tuple[npt.ArrayLike, float, float]
_CREASES = 37


def crease_map(looks: Looks, person: Person, window: Window, smile: float, brows_up: float) -> Array:
    """Depth of all creases (h, w), 0..1. A person's lines keep their places over the years and deepen."""
    rng = np.random.default_rng([_CREASES, person.number])
    wobble = rng.normal(0, 1, (40, 2))
    laugh = max(smile, 0.0)
    curves: list[Curve] = []
    curves += _forehead(looks, wobble[:12], max(brows_up, 0.0))
    curves += _between_brows(looks, wobble[12:14])
    half = _around_eye(looks, wobble[14:26], laugh) + _around_mouth(looks, wobble[26:40], laugh)
    curves += half + [(mirrored(points), width, depth) for points, width, depth in half]
    tapered = [part for curve in curves for part in _tapered(curve)]
    return window.lines(sorted(tapered, key=lambda curve: curve[2]))


def _tapered(curve: Curve) -> list[Curve]:
    """A crease that is shallow and thin at its ends."""
    points, width, depth = curve
    line = np.asarray(points)
    cut = len(line) // 6
    inner, core = line[cut : len(line) - cut], line[2 * cut : len(line) - 2 * cut]
    return [(line, 0.6 * width, 0.4 * depth), (inner, 0.8 * width, 0.75 * depth), (core, width, depth)]


def _forehead(looks: Looks, wobble: npt.NDArray[np.float64], raised: float) -> list[Curve]:
    depth = looks.forehead_lines * (0.85 + 0.5 * raised) + 0.12 * raised * looks.grown
    top, bottom = max(looks.hairline + 0.14, -0.95), looks.brow_y - 0.16
    found: list[Curve] = []
    for number, share in enumerate((0.12, 0.42, 0.72, 0.97)):
        y = bottom + (top - bottom) * share
        reach = 0.50 + 0.06 * wobble[number, 0] - 0.10 * share
        strength = depth * (0.95, 1.0, 0.85, 0.6)[number]
        middle = y + 0.018 * wobble[number, 1]
        points = [(-reach, y + 0.035), (-0.5 * reach, y - 0.02), (0, middle), (0.5 * reach, y - 0.02), (reach, y + 0.03)]
        found.append((smooth(points), 0.022 + 0.012 * strength, strength))
    return [curve for curve in found if curve[2] > 0.03]


def _between_brows(looks: Looks, wobble: npt.NDArray[np.float64]) -> list[Curve]:
    found: list[Curve] = []
    for side, offset in zip((-1, 1), wobble, strict=True):
        x, y = side * (0.085 + 0.012 * offset[0]), looks.brow_y
        points = [(x * 1.15, y - 0.10), (x, y + 0.02), (x * 1.1, y + 0.11 + 0.02 * offset[1])]
        found.append((smooth(points), 0.024, 0.9 * looks.frown))
    return [curve for curve in found if curve[2] > 0.03]


def _around_eye(looks: Looks, wobble: npt.NDArray[np.float64], laugh: float) -> list[Curve]:
    x, half, opening = looks.eye_x, looks.eye_half, looks.eye_open
    outer, inner = x + half, x - half
    tilt = looks.eye_tilt
    fold = 0.045 + 0.03 * (1 - looks.lid_sag) * (1 - looks.baby)
    found: list[Curve] = [
        # The fold of the upper lid; with the years its outer end hangs.
        (smooth([(inner - 0.01, 0.0), (x - 0.35 * half, -opening - fold), (x + 0.35 * half, -opening - fold - 0.2 * tilt),
                 (outer + 0.035, -0.03 - tilt + 0.05 * looks.lid_sag)]), 0.02, 0.42 + 0.3 * looks.lid_sag),
    ]  # fmt: skip
    feet = looks.crow_feet * (0.8 + 0.45 * laugh) + 0.10 * laugh * looks.puberty
    for number, angle in enumerate((-30, -10, 10, 30)):
        turn = np.radians(angle + 4 * wobble[number, 0])
        start, reach = np.array([outer + 0.055, 0.01 - tilt * 0.5]), 0.20 + 0.03 * wobble[number, 1] + 0.06 * looks.crow_feet
        way = np.array([np.cos(turn), np.sin(turn)])
        bend = np.array([0, 0.025 * np.sign(angle)])
        found.append((smooth([start + 0.03 * way, start + 0.5 * reach * way, start + reach * way + bend]), 0.02, 0.85 * feet))
    bag = looks.bags
    low = opening + 0.13 + 0.075 * bag
    edge = [(inner - 0.02, 0.08), (x - 0.3 * half, low), (x + 0.4 * half, low - 0.01), (outer + 0.02, 0.12)]
    found.append((smooth(edge), 0.026, 0.78 * bag))
    found.append((smooth([(inner + 0.02, 0.06), (x, opening + 0.075), (outer - 0.03, 0.07)]), 0.016, 0.5 * bag + 0.12 * laugh))
    found.append((smooth([(inner - 0.03, 0.1), (x - 0.1, low + 0.10), (x + 0.22, low + 0.15)]), 0.022, 0.6 * max(bag - 0.35, 0)))
    return [curve for curve in found if curve[2] > 0.03]


def _around_mouth(looks: Looks, wobble: npt.NDArray[np.float64], laugh: float) -> list[Curve]:
    nose, mouth, wide, wing = looks.nose, looks.mouth, looks.mouth_half, looks.nose_half
    fold = min(1.15, looks.folds + 0.30 * laugh * (0.45 + 0.55 * looks.grown))
    found: list[Curve] = [
        (smooth([(wing + 0.04, nose - 0.12), (wing + 0.17, nose + 0.03), (wide + 0.11 + 0.05 * laugh, mouth - 0.11),
                 (wide + 0.15 + 0.05 * laugh, mouth + 0.02 + 0.07 * looks.folds)]), 0.03 + 0.012 * looks.folds, 0.95 * fold),
        (smooth([(wide + 0.03, mouth + 0.05), (wide + 0.055, mouth + 0.17), (wide + 0.03, mouth + 0.32)]), 0.028, 0.7 * looks.marionette),
        (smooth([(wide + 0.20, mouth - 0.1), (wide + 0.25, mouth + 0.10), (wide + 0.20, mouth + 0.28)]), 0.024,
         0.65 * max(looks.marionette - 0.3, 0)),
        (smooth([(wing - 0.04, nose - 0.10), (wing + 0.015, nose - 0.03), (wing - 0.05, nose + 0.03)]), 0.02, 0.35),
    ]  # fmt: skip
    for number in range(4):
        x = 0.05 + 0.085 * number + 0.012 * wobble[number, 0]
        depth = looks.lip_lines * (0.75 + 0.1 * wobble[number, 1])
        found.append(([(x * 1.15, mouth - 0.16), (x, mouth - 0.05)], 0.015, 0.55 * depth))
        found.append(([(x, mouth + looks.lower_lip + 0.03), (x * 1.1, mouth + looks.lower_lip + 0.10)], 0.015, 0.4 * depth))
    for number in range(3):
        x, y = 0.58 + 0.10 * number, 0.48 + 0.06 * number
        found.append((smooth([(x, y), (x + 0.05 + 0.01 * wobble[7 + number, 0], y + 0.22), (x + 0.01, y + 0.45)]), 0.02,
                      0.5 * max(looks.folds - 0.55, 0) * (0.9 + 0.1 * wobble[7 + number, 1])))  # fmt: skip
    return [curve for curve in found if curve[2] > 0.03]
