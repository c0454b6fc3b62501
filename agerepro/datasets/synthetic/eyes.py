"""Eyes and eyebrows: lids, whites, irises with their lights, lashes, and brows of single hairs."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from agerepro.datasets.synthetic.ageing import Looks
from agerepro.datasets.synthetic.easel import Array, Easel, Window, mirrored, smooth
from agerepro.datasets.synthetic.person import Person
from agerepro.datasets.synthetic.scene import Scene
from agerepro.datasets.synthetic.textures import patch

Points = npt.NDArray[np.float64]


def paint_eyes(easel: Easel, person: Person, looks: Looks, scene: Scene, light: float) -> None:
    """Paint both eyes into their sockets; `light` is the mean light on the skin around them."""
    reach = looks.eye_x + looks.eye_half + 0.12
    window = easel.window(-reach, -0.32, reach, 0.25)
    upper, lower = _lids(looks, scene)
    opening = window.polygons([_closed(side(upper), side(lower)) for side in (np.asarray, mirrored)])
    bright = 0.35 + 0.65 * light
    yellow = 0.06 * min(looks.mottling, 1.0)
    # The upper lid and its lashes throw a shadow on the ball.
    shadow = np.clip((window.v[:, None] + looks.eye_open * 1.05) / (1.5 * looks.eye_open), 0.0, 1.0)
    white = np.array([0.88, 0.865 - 0.3 * yellow, 0.85 - yellow], np.float32) * bright
    easel.lay(window, opening, [tone * (0.60 + 0.40 * shadow) for tone in white])
    _iris(easel, window, person, looks, scene, opening, bright, shadow)
    curves = [(side(upper), 0.034 if person.sex == "f" else 0.026, 0.92) for side in (np.asarray, mirrored)]
    curves += [(side(lower), 0.016, 0.40) for side in (np.asarray, mirrored)]
    lash = np.array(person.hair) * 0.35 * (1 - 0.5 * looks.baby) + np.array(person.skin) * 0.30 * looks.baby + 0.015
    easel.lay(window, window.lines(curves), lash * bright)


def _lids(looks: Looks, scene: Scene) -> tuple[Points, Points]:
    """Upper and lower lid (25, 2) of the eye at larger x, from its inner to its outer corner."""
    s = np.linspace(-1, 1, 25)
    x = looks.eye_x + s * looks.eye_half
    opening = looks.eye_open * scene.lids * (1 - 0.18 * max(scene.smile, 0))
    skew = 1 - np.abs((s + 0.12) / (1 + 0.12 * np.sign(s + 0.12))) ** 2.1
    droop = 0.35 * looks.eye_open * min(looks.lid_sag, 1.1) * np.clip(s + 0.2, 0, 1.2)
    base = -looks.eye_tilt * 0.5 * s
    upper = base - 1.12 * opening * skew + droop * skew
    sink = 1 - np.abs(s - 0.12) ** 2 / (1 - 0.12 * np.sign(s - 0.12)) ** 2
    lower = base + 0.88 * opening * sink**0.9 * (1 - 0.12 * max(scene.smile, 0))
    return np.stack([x, upper], axis=1), np.stack([x, lower], axis=1)


def _iris(
    easel: Easel, window: Window, person: Person, looks: Looks, scene: Scene, opening: Array, bright: float, shadow: Array
) -> None:  # fmt: skip
    radius = looks.iris
    move = np.array(scene.gaze) * np.array([0.30 * (looks.eye_half - radius), 0.03])
    centres = [np.array([side * looks.eye_x, -0.012]) + move for side in (-1, 1)]
    colour = np.array(person.eyes, np.float32) * (1 - 0.25 * looks.baby)
    disc = window.dots(centres, [radius, radius], [1.0, 1.0]) * opening
    shade = bright * (0.60 + 0.40 * shadow)
    easel.lay(window, disc, [tone * 0.42 * shade for tone in colour])
    inner = window.dots([c + np.array([0, 0.10 * radius]) for c in centres], [0.78 * radius] * 2, [1.0, 1.0])
    inner = cv2.GaussianBlur(inner, (0, 0), max(0.4, 0.15 * radius * window.scale)) * disc
    easel.lay(window, inner, [tone * 1.12 * shade for tone in colour])
    if looks.age > 62:  # arcus senilis, the pale ring of old eyes
        ring = disc * (1 - np.clip(1.6 * inner, 0, 1)) * 0.35 * min((looks.age - 62) / 20, 1)
        easel.lay(window, ring, np.array([0.70, 0.72, 0.72]) * bright)
    easel.lay(window, window.dots(centres, [0.43 * radius] * 2, [1.0, 1.0]) * opening, np.array([0.03, 0.025, 0.025]))
    spark = [c + radius * np.array([np.sign(scene.light[0]) * 0.32, -0.36]) for c in centres]
    easel.lay(window, window.dots(spark, [0.20 * radius] * 2, [0.95, 0.95]) * opening, np.full(3, 0.97 * min(1.0, bright + 0.1)))


def _closed(upper: Points, lower: Points) -> Points:
    return np.concatenate([upper, lower[::-1]])


def paint_brows(easel: Easel, person: Person, looks: Looks, scene: Scene, light: float) -> None:
    """Paint both eyebrows: soft bands broken into hairs, thinner and greyer with the years."""
    inner, outer = looks.eye_x - 0.27, looks.eye_x + 0.31
    lift = 0.045 * scene.brows_up
    y = looks.brow_y - lift
    thick = 0.036 + 0.036 * looks.brow_weight
    top = smooth([(inner, y - 0.3 * thick), (inner + 0.14, y - 0.75 * thick - 0.3 * looks.brow_arch),
                  (outer - 0.16, y - 0.62 * thick - looks.brow_arch), (outer, y + 0.045 - 0.3 * looks.eye_tilt)])  # fmt: skip
    low = smooth([(inner, y + 0.75 * thick), (inner + 0.16, y + 0.4 * thick - 0.2 * looks.brow_arch),
                  (outer - 0.16, y + 0.2 * thick - 0.75 * looks.brow_arch), (outer, y + 0.065 - 0.3 * looks.eye_tilt)])  # fmt: skip
    reach = outer + 0.12
    window = easel.window(-reach, y - 0.35, reach, y + 0.30)
    mask = window.polygons([_closed(top, low), _closed(mirrored(top), mirrored(low))])
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.015 * window.scale))
    hairs = patch(window, 0.03, (person.number * 7, person.number * 17), 2.0)
    grey = 0.8 * looks.grey * min(max((looks.age - 45) / 30, 0.0), 1.0)
    tone = np.array(person.hair) * 0.72 * (1 - grey) + np.array([0.60, 0.59, 0.57]) * grey
    amount = np.clip(mask * (0.30 + 0.62 * looks.brow_weight) * (1 + 0.22 * hairs), 0, 0.95) * (1 - 0.45 * looks.baby)
    easel.lay(window, amount, tone * (0.4 + 0.6 * light))
