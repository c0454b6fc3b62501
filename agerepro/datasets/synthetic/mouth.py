"""Lips, teeth and nostrils: shapes that follow smile and age, painted into the skin's colours before the light."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from agerepro.datasets.synthetic.ageing import Looks
from agerepro.datasets.synthetic.easel import Array, Window, tint
from agerepro.datasets.synthetic.person import Person
from agerepro.datasets.synthetic.scene import Scene


def corner(looks: Looks, smile: float) -> tuple[float, float]:
    """The mouth's right corner (u, v) in face units; the other is its mirror image."""
    return looks.mouth_half + 0.055 * smile, looks.mouth - 0.012 - 0.085 * smile + 0.025 * min(looks.marionette, 1.0)


def gap(looks: Looks, smile: float) -> float:
    """How far the lips stand apart in face units."""
    return max(0.0, smile - 0.45) * 0.17


def lips(colours: Array, looks: Looks, person: Person, scene: Scene, window: Window) -> None:
    """Tint lips, the line between them, teeth and nostrils into the colour planes (3, h, w) of a window, in place."""
    wide, end = corner(looks, scene.smile)
    part, upper, lower = gap(looks, scene.smile), looks.upper_lip, looks.lower_lip
    s = np.linspace(-1, 1, 33)
    arch = 1 - s * s
    bow = upper * (0.85 * arch**0.85 + 0.28 * np.exp(-(((np.abs(s) - 0.2) / 0.14) ** 2)) - 0.12 * np.exp(-((s / 0.1) ** 2)))
    middle = looks.mouth + (end - looks.mouth) * s * s + 0.007 * np.cos(2.4 * np.pi * s) * arch * (1 - min(part * 10, 1))
    inner_top, inner_bottom = middle - 0.3 * part * arch, middle + 0.7 * part * arch
    outer_bottom = inner_bottom + lower * 1.05 * arch**0.95
    x = s * wide
    full = _between(x, inner_top - bow, outer_bottom)
    skin = np.array(person.skin)
    rose = (0.62 - 0.2 * person.skin_depth) * (0.75 if person.sex == "m" else 1.2) * (1 - 0.4 * min(looks.lip_lines, 1.0))
    tone = skin * (1 - rose) + np.array([0.70, 0.30, 0.30]) * (0.65 + 0.5 * skin[0]) * rose
    tint(colours, cv2.GaussianBlur(window.polygons([full]), (0, 0), max(0.4, 0.012 * window.scale)), tone * 0.93)
    line = window.lines([(np.stack([x, inner_top], axis=1), 0.024, 0.62), (np.stack([x, inner_top], axis=1)[9:-9], 0.024, 0.8)])
    corners = window.dots([(-wide, end), (wide, end)], [0.03, 0.03], [0.55, 0.55])
    line = np.maximum(line, cv2.GaussianBlur(corners, (0, 0), max(0.4, 0.015 * window.scale)))
    tint(colours, line, skin * np.array([0.40, 0.26, 0.25]))
    if part > 0.005:
        inside = _between(x * 0.93, inner_top, inner_bottom)
        tint(colours, window.polygons([inside]), (0.24, 0.09, 0.09))
        if looks.age > 0.9:
            yellow = 0.10 * min(looks.mottling, 1.0)
            teeth = _between(x * 0.84, inner_top + 0.003, inner_top + 0.003 + 0.74 * (inner_bottom - inner_top))
            tint(colours, 0.9 * window.polygons([teeth]), (0.86, 0.83 - 0.5 * yellow, 0.79 - 1.6 * yellow))
    _nostrils(colours, looks, skin, window)


def _nostrils(colours: Array, looks: Looks, skin: npt.NDArray[np.float64], window: Window) -> None:
    turn = np.linspace(0, 2 * np.pi, 16)
    cosine = np.cos(turn)
    holes = [
        np.stack(
            [looks.nose_half * (0.46 * side + 0.23 * cosine), looks.nose - 0.012 + (0.024 + 0.012 * side * cosine) * np.sin(turn)], axis=1
        )
        for side in (-1, 1)
    ]
    mask = cv2.GaussianBlur(window.polygons(holes), (0, 0), max(0.4, 0.012 * window.scale))
    tint(colours, 0.75 * mask, skin * np.array([0.42, 0.27, 0.25]))


def _between(x: npt.NDArray[np.float64], top: npt.NDArray[np.float64], bottom: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate([np.stack([x, top], axis=1), np.stack([x, bottom], axis=1)[::-1]])
