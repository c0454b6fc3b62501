"""Spectacles: frames, a glint, and the temples that run to the ears."""

from __future__ import annotations

import numpy as np

from agerepro.datasets.synthetic.ageing import Looks
from agerepro.datasets.synthetic.easel import Easel
from agerepro.datasets.synthetic.person import Person
from agerepro.datasets.synthetic.scene import Scene

FRAMES = ((0.08, 0.07, 0.07), (0.22, 0.13, 0.08), (0.55, 0.47, 0.33), (0.45, 0.46, 0.48))


def paint_glasses(easel: Easel, person: Person, looks: Looks, scene: Scene) -> None:
    """Paint the scene's glasses over the eyes; nothing when it has none."""
    if scene.glasses == "none":
        return
    window = easel.window(-1.15, -0.45, 1.15, 0.5)
    turn = np.linspace(0, 2 * np.pi, 41)
    power = 1.0 if scene.glasses == "round" else 0.55
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    corner = np.sign(circle) * np.abs(circle) ** power
    size = np.array([0.335, 0.27 if scene.glasses == "round" else 0.225])
    rims = [np.array([side * (looks.eye_x + 0.015), 0.045]) + corner * size for side in (-1, 1)]
    edge = looks.eye_x + 0.015 + size[0]
    heavy = 0.030 + 0.012 * (person.number % 3)
    curves: list[tuple[np.ndarray, float, float]] = [(rim, heavy, 0.92) for rim in rims]
    curves.append((np.array([(-looks.eye_x + size[0] - 0.01, 0.0), (0, -0.05), (looks.eye_x - size[0] + 0.01, 0.0)]), heavy, 0.92))
    curves += [(np.array([(side * edge, -0.04), (side * 1.02, -0.07)]), heavy, 0.85) for side in (-1, 1)]
    shadows = [(points + np.array([0.0, 0.03]), 0.05, strength) for points, _, strength in curves]
    easel.shade(window, 1 - 0.16 * window.lines(shadows))
    easel.lay(window, window.lines(curves), FRAMES[person.number % len(FRAMES)])
    glint = [np.array([side * (looks.eye_x + 0.015), 0.045]) + np.array([(-0.20, -0.05), (-0.08, -0.17), (-0.03, -0.17), (-0.16, -0.02)])
             * np.sign(scene.light[0] + 1e-9) * np.array([-1, np.sign(scene.light[0] + 1e-9)]) for side in (-1, 1)]  # fmt: skip
    easel.lay(window, 0.20 * window.polygons(glint), (0.95, 0.97, 1.0))
