"""Neck, shoulders and clothes under the head."""

from __future__ import annotations

import numpy as np

from agerepro.synthetic.ageing import FaceParams
from agerepro.synthetic.canvas import Canvas, gaussian, mirrored, patch, smooth
from agerepro.synthetic.person import Person, Scene
from agerepro.synthetic.skin import light_direction

_CLOTHES = 43
_BELOW = 4.5  # face units under the eye line: beyond every picture's edge


def paint_body(canvas: Canvas, person: Person, params: FaceParams, scene: Scene) -> None:
    """Paint neck and clothes; their kind comes from the scene, not from the person."""
    rng = np.random.default_rng([_CLOTHES, scene.background])
    pit = params.chin + 0.30 + 0.20 * params.grown  # the pit of the neck
    _paint_neck(canvas, person, params, scene, pit)
    window = canvas.window(-4, params.chin - 0.1, 4, _BELOW)
    slope = pit + 0.12
    half = [(params.neck * 0.92, pit - 0.20), (params.neck + 0.28, slope - 0.10), (params.shoulders * 0.80, slope + 0.12),
            (params.shoulders + 0.1, slope + 0.42), (params.shoulders + 0.3, _BELOW), (params.shoulders + 0.35, _BELOW + 0.2)]  # fmt: skip
    depth = float(rng.choice([0.10, 0.28, 0.55]))
    collar = [(params.neck * 0.92, pit - 0.20), (params.neck * 0.6, pit + 0.55 * depth), (0.0, pit + depth)]
    right = smooth(half)
    shape = np.concatenate([mirrored(right), right[::-1], smooth(collar)[1:], mirrored(smooth(collar))[::-1]])
    colour = _cloth(rng).astype(np.float32)
    light = light_direction(scene)
    folds = patch(window, 0.35, (scene.background, scene.background // 7), 5.0)
    across = 1 + 0.35 * light[0] * np.clip(window.u / params.shoulders, -1, 1)
    glow = np.clip((0.62 + 0.28 * scene.ambient) * across[None, :] + 0.05 * folds, 0, 1.3)
    glow = glow * (1 - 0.35 * np.outer(gaussian(window.v, params.chin + 0.1, 0.22), gaussian(window.u, 0, 0.8)))
    canvas.lay(window, window.polygons([shape]), [tone * glow for tone in colour])
    if rng.random() < 0.5:
        rim = window.lines([(smooth(collar), 0.055, 0.8), (mirrored(smooth(collar)), 0.055, 0.8)])
        canvas.lay(window, rim, colour * (0.55 if colour.mean() > 0.3 else 2.2))


def _paint_neck(canvas: Canvas, person: Person, params: FaceParams, scene: Scene, pit: float) -> None:
    window = canvas.window(-params.neck - 0.5, 0.3, params.neck + 0.5, pit + 0.9)
    light = light_direction(scene)
    width = params.neck * (1 + 0.22 * np.clip((window.v - pit + 0.35) / 0.5, 0, 3) ** 2)
    t = np.abs(window.u)[None, :] / width[:, None]
    side = np.clip(window.u[None, :] / width[:, None], -1, 1)
    facing = np.clip(light[2] * np.sqrt(np.maximum(1 - side**2, 0.02)) + light[0] * side, 0, 1)
    glow = scene.ambient * 0.85 + (1 - scene.ambient) * 1.2 * facing
    below = np.clip((window.v - params.chin + 0.1) / 0.42, 0, 1)
    glow = glow * (0.50 + 0.50 * below)[:, None]
    pair = gaussian(window.u, 0.15, 0.035) + gaussian(window.u, -0.15, 0.035)
    cords = 0.16 * params.neck_folds * np.outer(gaussian(window.v, params.chin + 0.28, 0.3), pair)
    lines = window.lines([
        (smooth([(-0.45, y - 0.06), (0, y), (0.45, y - 0.06)]), 0.03, 0.4 * params.neck_folds + 0.25 * params.baby)
        for y in (params.chin + 0.22, params.chin + 0.36)
    ])  # fmt: skip
    glow = glow * (1 - cords) * (1 - 0.45 * lines)
    skin = (np.array(person.skin) * np.array([1.0, 0.95, 0.93])).astype(np.float32)
    canvas.lay(window, window.edge((1 - t) * width[:, None]), [tone * glow ** (0.86 if n == 0 else 1.03) for n, tone in enumerate(skin)])


def _cloth(rng: np.random.Generator) -> np.ndarray:
    hue, strength, value = rng.random(), rng.uniform(0.05, 0.6), rng.uniform(0.15, 0.9)
    wheel = np.clip(np.abs(((hue + np.array([0, 2 / 3, 1 / 3])) % 1) * 6 - 3) - 1, 0, 1)
    return value * (1 - strength * (1 - wheel))
