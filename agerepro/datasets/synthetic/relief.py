"""The height of the face above the picture plane: outline, features, and the creases that age cuts into it."""

from __future__ import annotations

import cv2
import numpy as np

from agerepro.datasets.synthetic.ageing import Looks
from agerepro.datasets.synthetic.easel import Array, Window, bell, bumps
from agerepro.datasets.synthetic.person import Person

_CHEEKBONE = 0.12  # height under the eye line at which the face is one unit wide
_SKULL = -0.38  # height of the widest part of the skull


def half_width(looks: Looks, person: Person, v: Array) -> Array:
    """Half the width of the bare head at heights v (n,), 0 above the crown and below the chin."""
    up = np.clip((v - _SKULL) / (looks.crown - _SKULL), 0, 1)
    skull = looks.cranium * (1 - up**2.9) ** (1 / 2.3)
    blend = _ease((v - _SKULL) / (_CHEEKBONE - _SKULL))
    down = np.clip((v - _CHEEKBONE) / (looks.chin - _CHEEKBONE), 0, 1)
    jaw = (1 - down**looks.jaw) ** (1 / looks.chin_round)
    bone = 1 + 0.015 * person.cheekbones * bell(v, 0.25, 0.2) - 0.035 * looks.hollow * bell(v, 0.62, 0.2)
    temple = 1 - 0.05 * looks.hollow * bell(v, -0.25, 0.14)
    width = (skull * (1 - blend) + jaw * blend) * bone * temple + looks.jowl * bell(down, 0.74, 0.1) * (jaw > 0)
    return width.astype(np.float32)


def head_height(looks: Looks, person: Person, window: Window, width: Array, smile: float) -> Array:
    """Relief (h, w) of the head in face units: the skull, then nose, sockets, cheeks, lips and chin as hills on it."""
    t = np.minimum(np.abs(window.u)[None, :] / np.maximum(width, 1e-3)[:, None], 1)
    height = (np.float32(0.82) * width)[:, None] * np.sqrt(1 - t**2.6)
    nose, mouth, chin, eye = looks.nose, looks.mouth, looks.chin, looks.eye_x
    relief, laugh, sag = looks.nose_relief, max(smile, 0.0), looks.jowl
    male = looks.puberty * (1.0 if person.sex == "m" else 0.25)
    height += bumps(window, [
        (0.0, nose - 0.11, 0.125, 0.11, 0.55 * relief),  # tip
        (looks.nose_half * 0.8, nose - 0.05, 0.065, 0.075, 0.42 * relief),  # wings
        (eye, -0.02, 0.21, 0.15, -0.15),  # sockets
        (eye - 0.02, -0.01, 0.15, 0.085, 0.085),  # eyeballs
        (0.33, looks.brow_y + 0.05, 0.26, 0.065, 0.03 + 0.045 * male),  # brow ridge
        (0.0, -0.62, 0.50, 0.30, 0.05),  # forehead
        (0.56, 0.42 - 0.05 * laugh + 0.8 * sag, 0.25, 0.22, looks.cheek + 0.07 * laugh),
        (0.62, 0.66, 0.16, 0.20, -0.12 * looks.hollow),
        (0.80, -0.28, 0.13, 0.16, -0.12 * looks.hollow),
        (0.0, mouth, 0.32, 0.17, 0.10),  # the mound of the mouth
        (0.0, mouth - 0.5 * looks.upper_lip, 0.20, 0.035, 0.5 * looks.upper_lip),
        (0.0, mouth + 0.62 * looks.lower_lip, 0.17, 0.045, 0.75 * looks.lower_lip),
        (0.0, mouth + 1.2 * looks.lower_lip + 0.09, 0.20, 0.06, -0.04),
        (0.0, chin - 0.17, 0.19, 0.13, 0.09 + 0.02 * person.chin_size),
        (0.60, chin - 0.40, 0.15, 0.17, 1.1 * sag),  # jowls
        (looks.eye_x, 0.24, 0.13, 0.05, 0.055 * looks.bags),  # bags
        (0.0, mouth - 0.19, 0.045, 0.08, -0.025),  # philtrum
    ])  # fmt: skip
    return height + _bridge(looks, person, window)


def _bridge(looks: Looks, person: Person, window: Window) -> Array:
    """The back of the nose: a ridge that grows wider and higher from its root to the tip, then drops."""
    root = looks.brow_y + 0.14
    along = np.clip((window.v - root) / (looks.nose - 0.08 - root), 0, 1)
    profile = (0.25 + 0.75 * along**1.2) * _ease((window.v - root + 0.25) / 0.3)
    spread = 0.095 + 0.045 * along + 0.012 * person.nose_width
    hump = 0.06 * person.nose_relief * looks.puberty * bell(along, 0.45, 0.2)
    amount = looks.nose_relief * 0.62 * profile * (1 + hump)
    # The base is round: its middle hangs lower than its sides.
    square = np.square(window.u)
    drop = _ease((np.float32(looks.nose + 0.07) - window.v[:, None] - 2.2 * np.minimum(square, 0.1)[None, :]) / np.float32(0.19))
    return amount.astype(np.float32)[:, None] * drop * np.exp(square[None, :] * (-0.5 / spread**2).astype(np.float32)[:, None])


def _ease(share: Array) -> Array:
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def cut(height: Array, creases: Array, scale: float) -> tuple[Array, Array]:
    """The relief with the creases (h, w; 0..1) cut in, and how dark their grooves are (h, w)."""
    narrow = cv2.GaussianBlur(creases, (0, 0), max(0.5, 0.011 * scale))
    wide = cv2.GaussianBlur(creases, (0, 0), max(0.8, 0.035 * scale))
    return height - np.float32(0.026) * narrow - np.float32(0.055) * wide, np.float32(0.34) * narrow + np.float32(0.26) * wide
