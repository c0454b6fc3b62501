"""The skin of a drawn head: light, colours, marks, stubble, ears, and wrinkles by age."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from agerepro.synthetic.ageing import FaceParams
from agerepro.synthetic.canvas import Array, Canvas, Window, gaussian, gaussian_sum, mirrored, mix, patch, smooth
from agerepro.synthetic.face import cut, half_width, head_height, lips
from agerepro.synthetic.person import Person, Scene

Curve = tuple[npt.ArrayLike, float, float]
_CREASES = 37
_MARKS = 41


def wrinkle_map(params: FaceParams, person: Person, window: Window, smile: float, brows_up: float) -> Array:
    """Depth of all creases (h, w), 0..1. A person's lines keep their places over the years and deepen."""
    rng = np.random.default_rng([_CREASES, person.number])
    wobble = rng.normal(0, 1, (40, 2))
    laugh = max(smile, 0.0)
    curves: list[Curve] = []
    curves += _forehead(params, wobble[:12], max(brows_up, 0.0))
    curves += _between_brows(params, wobble[12:14])
    half = _around_eye(params, wobble[14:26], laugh) + _around_mouth(params, wobble[26:40], laugh)
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


def _forehead(params: FaceParams, wobble: npt.NDArray[np.float64], raised: float) -> list[Curve]:
    depth = params.forehead_lines * (0.85 + 0.5 * raised) + 0.12 * raised * params.grown
    top, bottom = max(params.hairline + 0.14, -0.95), params.brow_y - 0.16
    curves: list[Curve] = []
    for number, share in enumerate((0.12, 0.42, 0.72, 0.97)):
        y = bottom + (top - bottom) * share
        reach = 0.50 + 0.06 * wobble[number, 0] - 0.10 * share
        strength = depth * (0.95, 1.0, 0.85, 0.6)[number]
        middle = y + 0.018 * wobble[number, 1]
        points = [(-reach, y + 0.035), (-0.5 * reach, y - 0.02), (0, middle), (0.5 * reach, y - 0.02), (reach, y + 0.03)]
        curves.append((smooth(points), 0.022 + 0.012 * strength, strength))
    return [curve for curve in curves if curve[2] > 0.03]


def _between_brows(params: FaceParams, wobble: npt.NDArray[np.float64]) -> list[Curve]:
    curves: list[Curve] = []
    for side, offset in zip((-1, 1), wobble, strict=True):
        x, y = side * (0.085 + 0.012 * offset[0]), params.brow_y
        points = [(x * 1.15, y - 0.10), (x, y + 0.02), (x * 1.1, y + 0.11 + 0.02 * offset[1])]
        curves.append((smooth(points), 0.024, 0.9 * params.frown))
    return [curve for curve in curves if curve[2] > 0.03]


def _around_eye(params: FaceParams, wobble: npt.NDArray[np.float64], laugh: float) -> list[Curve]:
    x, half, opening = params.eye_x, params.eye_half, params.eye_open
    outer, inner = x + half, x - half
    tilt = params.eye_tilt
    fold = 0.045 + 0.03 * (1 - params.lid_sag) * (1 - params.baby)
    curves: list[Curve] = [
        # The fold of the upper lid; with the years its outer end hangs.
        (smooth([(inner - 0.01, 0.0), (x - 0.35 * half, -opening - fold), (x + 0.35 * half, -opening - fold - 0.2 * tilt),
                 (outer + 0.035, -0.03 - tilt + 0.05 * params.lid_sag)]), 0.02, 0.42 + 0.3 * params.lid_sag),
    ]  # fmt: skip
    feet = params.crow_feet * (0.8 + 0.45 * laugh) + 0.10 * laugh * params.puberty
    for number, angle in enumerate((-30, -10, 10, 30)):
        turn = np.radians(angle + 4 * wobble[number, 0])
        start, reach = np.array([outer + 0.055, 0.01 - tilt * 0.5]), 0.20 + 0.03 * wobble[number, 1] + 0.06 * params.crow_feet
        way = np.array([np.cos(turn), np.sin(turn)])
        bend = np.array([0, 0.025 * np.sign(angle)])
        curves.append((smooth([start + 0.03 * way, start + 0.5 * reach * way, start + reach * way + bend]), 0.02, 0.85 * feet))
    bag = params.bags
    low = opening + 0.13 + 0.075 * bag
    edge = [(inner - 0.02, 0.08), (x - 0.3 * half, low), (x + 0.4 * half, low - 0.01), (outer + 0.02, 0.12)]
    curves.append((smooth(edge), 0.026, 0.78 * bag))
    curves.append((smooth([(inner + 0.02, 0.06), (x, opening + 0.075), (outer - 0.03, 0.07)]), 0.016, 0.5 * bag + 0.12 * laugh))
    curves.append((smooth([(inner - 0.03, 0.1), (x - 0.1, low + 0.10), (x + 0.22, low + 0.15)]), 0.022, 0.6 * max(bag - 0.35, 0)))
    return [curve for curve in curves if curve[2] > 0.03]


def _around_mouth(params: FaceParams, wobble: npt.NDArray[np.float64], laugh: float) -> list[Curve]:
    nose, mouth, wide, wing = params.nose, params.mouth, params.mouth_half, params.nose_half
    fold = min(1.15, params.folds + 0.30 * laugh * (0.45 + 0.55 * params.grown))
    curves: list[Curve] = [
        (smooth([(wing + 0.04, nose - 0.12), (wing + 0.17, nose + 0.03), (wide + 0.11 + 0.05 * laugh, mouth - 0.11),
                 (wide + 0.15 + 0.05 * laugh, mouth + 0.02 + 0.07 * params.folds)]), 0.03 + 0.012 * params.folds, 0.95 * fold),
        (smooth([(wide + 0.03, mouth + 0.05), (wide + 0.055, mouth + 0.17), (wide + 0.03, mouth + 0.32)]), 0.028, 0.7 * params.marionette),
        (smooth([(wide + 0.20, mouth - 0.1), (wide + 0.25, mouth + 0.10), (wide + 0.20, mouth + 0.28)]), 0.024,
         0.65 * max(params.marionette - 0.3, 0)),
        (smooth([(wing - 0.04, nose - 0.10), (wing + 0.015, nose - 0.03), (wing - 0.05, nose + 0.03)]), 0.02, 0.35),
    ]  # fmt: skip
    for number in range(4):
        x = 0.05 + 0.085 * number + 0.012 * wobble[number, 0]
        depth = params.lip_lines * (0.75 + 0.1 * wobble[number, 1])
        curves.append(([(x * 1.15, mouth - 0.16), (x, mouth - 0.05)], 0.015, 0.55 * depth))
        curves.append(([(x, mouth + params.lower_lip + 0.03), (x * 1.1, mouth + params.lower_lip + 0.10)], 0.015, 0.4 * depth))
    for number in range(3):
        x, y = 0.58 + 0.10 * number, 0.48 + 0.06 * number
        curves.append((smooth([(x, y), (x + 0.05 + 0.01 * wobble[7 + number, 0], y + 0.22), (x + 0.01, y + 0.45)]), 0.02,
                      0.5 * max(params.folds - 0.55, 0) * (0.9 + 0.1 * wobble[7 + number, 1])))  # fmt: skip
    return [curve for curve in curves if curve[2] > 0.03]


def light_direction(scene: Scene) -> tuple[float, float, float]:
    """Unit vector to the light as the face sees it: turning the head one way turns the light the other."""
    x, y = scene.light[0] - np.radians(scene.yaw) * 0.7, scene.light[1] + np.radians(scene.pitch) * 0.5
    length = float(np.sqrt(x * x + y * y + 0.64))
    return float(x / length), float(y / length), 0.8 / length


def paint_head(canvas: Canvas, person: Person, params: FaceParams, scene: Scene) -> float:
    """Paint ears and bare head with lips; the mean light on the eyes comes back, for what is painted on top."""
    window = canvas.window(-1.2, params.crown - 0.02, 1.2, params.chin + 0.03)
    width = half_width(params, person, window.v)
    _paint_ears(canvas, person, params, scene)
    height = head_height(params, person, window, width, scene.smile)
    height, grooves = cut(height, wrinkle_map(params, person, window, scene.smile, scene.brows_up), window.scale)
    glow, shine = _light(height, window, scene, params)
    glow *= 1 - np.minimum(grooves, 0.8) * np.float32(0.75)
    glow *= 1 - _hollows(params, window)
    colours = _colours(person, params, scene, window)
    # Light that went through skin is red: shadows of the face keep some.
    for plane, power in zip(colours, (0.86, 1.02, 1.06), strict=True):
        plane *= glow ** np.float32(power)
        plane += shine
    # Distance to the outline along its normal, so that flat parts (crown, chin) are as smooth as steep ones.
    slope = np.gradient(width) * window.scale
    inside = (width[:, None] - np.abs(window.u)[None, :]) / np.sqrt(1 + np.clip(slope, -6, 6) ** 2)[:, None]
    canvas.lay(window, window.edge(inside), colours)
    rows = np.abs(window.v) < 0.15
    columns = np.abs(np.abs(window.u) - params.eye_x) < 0.2
    return float(glow[np.ix_(rows, columns)].mean()) if rows.any() and columns.any() else 1.0


def _light(height: Array, window: Window, scene: Scene, params: FaceParams) -> tuple[Array, Array]:
    """Diffuse light (h, w) around 1, and gloss (h, w), from the slopes of the relief."""
    dy, dx = np.gradient(height, np.float32(1 / window.scale))
    lx, ly, lz = light_direction(scene)
    length = 1 / np.sqrt(1 + dx * dx + dy * dy)
    cosine = (lz - lx * dx - ly * dy) * length
    glow = scene.ambient + (1 - scene.ambient) * 1.35 * np.maximum(cosine, 0)
    glow *= 0.62 + 0.38 * length  # edges see less of the room
    half = np.array([lx, ly, lz + 1])
    half /= np.linalg.norm(half)
    gloss = np.maximum((half[2] - half[0] * dx - half[1] * dy) * length, 0)
    gloss *= gloss
    gloss *= gloss
    gloss = gloss**5
    strength = (0.085 - 0.03 * params.mottling) * (1.1 - scene.ambient)
    return glow.astype(np.float32), (strength * gloss).astype(np.float32)


def _hollows(params: FaceParams, window: Window) -> Array:
    """How much light the neighbouring features keep away (h, w), 0..1: sockets, under nose, lip and chin."""
    nose, mouth = params.nose, params.mouth
    return np.clip(gaussian_sum(window, [
        (params.eye_x - 0.16, -0.07, 0.11, 0.09, 0.16),
        (params.eye_x, params.brow_y + 0.12, 0.18, 0.05, 0.08 + 0.05 * params.lid_sag),
        (0.0, nose + 0.045, params.nose_half * 0.7, 0.03, 0.10),
        (0.0, mouth + params.lower_lip + 0.06, 0.17, 0.04, 0.09),
        (0.0, params.chin, 0.40, 0.05, 0.12),
        (params.eye_x + 0.02, 0.17, 0.15, 0.05, 0.05 + 0.12 * params.bags),
        (0.64, 0.68, 0.13, 0.2, 0.15 * params.hollow),
        (0.78, -0.3, 0.10, 0.14, 0.14 * params.hollow),
    ]), 0, 0.6)  # fmt: skip


def _colours(person: Person, params: FaceParams, scene: Scene, window: Window) -> Array:
    """Skin without light (3, h, w)."""
    offset = (person.number * 37, person.number * 91)
    skin = np.array(person.skin, np.float32) * (1 + 0.05 * params.baby)
    pale = 0.10 * max(params.mottling - 0.45, 0.0)
    skin = skin * (1 - pale) + np.array([0.80, 0.70, 0.58], np.float32) * skin.mean() * 1.35 * pale
    blotch = patch(window, 0.16, offset)
    pores = patch(window, 0.028, (offset[1], offset[0]), 2.0)
    tone = 1 + (0.006 + 0.030 * params.mottling) * blotch + (0.004 + 0.026 * params.mottling * (1 - params.baby)) * pores
    nose, cheek = params.nose, 0.42
    blush = gaussian_sum(window, [
        (0.60, cheek, 0.24, 0.20, 0.09 + 0.10 * params.baby + 0.03 * (1 - params.puberty)),
        (0.0, nose - 0.1, 0.17, 0.13, 0.07 + 0.07 * params.mottling),
        (0.0, params.chin - 0.12, 0.2, 0.1, 0.04),
        (params.eye_x, 0.1, 0.2, 0.1, 0.03 + 0.05 * params.bags),
    ]) * (1 + np.float32(0.35 * params.mottling) * blotch)  # fmt: skip
    colours = np.empty((3, *window.shape), np.float32)
    for plane, value, redden in zip(colours, skin, (0.12, 1.0, 0.85), strict=True):
        np.multiply(tone, value, out=plane)
        plane *= 1 - np.float32(redden) * blush
    _marks(colours, person, params, window)
    lips(colours, params, person, scene, window)
    _stubble(colours, person, params, scene, window, pores)
    return colours


def _marks(colours: Array, person: Person, params: FaceParams, window: Window) -> None:
    """Freckles and age spots, always at the same places of a person's face."""
    rng = np.random.default_rng([_MARKS, person.number])
    skin = np.array(person.skin)
    if person.freckles * params.grown > 0.05:
        places = np.stack([rng.normal(0, 0.48, 110), rng.normal(0.30, 0.2, 110)], axis=1)
        strengths = rng.uniform(0.1, 0.4, 110) * person.freckles * min(1.0, 2 * params.grown)
        mix(colours, window.dots(places, rng.uniform(0.012, 0.022, 110), strengths), skin * np.array([0.75, 0.62, 0.52]))
    if params.spots > 0.02:
        places = np.stack([rng.uniform(-0.85, 0.85, 26), rng.uniform(-0.95, 0.8, 26)], axis=1)
        strengths = np.clip(params.spots * 1.6 - rng.uniform(0, 1.2, 26), 0, 0.5)
        spots = cv2.GaussianBlur(window.dots(places, rng.uniform(0.02, 0.055, 26), strengths), (0, 0), max(0.5, 0.012 * window.scale))
        mix(colours, spots, skin * np.array([0.70, 0.58, 0.50]))


def _stubble(colours: Array, person: Person, params: FaceParams, scene: Scene, window: Window, pores: Array) -> None:
    """The shadow of shaven hair, or the beard itself, between ears and chin."""
    grown = params.beard * scene.beard
    if params.stubble < 0.02:
        return
    reach = np.clip((window.v - (params.mouth - 0.10)) / 0.16, 0, 1)[:, None] * np.ones_like(window.u)[None, :]
    side = np.clip((np.abs(window.u) - 0.58) / 0.12, 0, 1)[None, :] * np.clip((window.v - 0.35) / 0.35, 0, 1)[:, None]
    lip = np.outer(np.clip((window.v - params.nose - 0.05) / 0.08, 0, 1), np.clip((0.46 - np.abs(window.u)) / 0.14, 0, 1))
    area = np.clip(np.maximum(np.maximum(reach, side), lip), 0, 1)
    open_lips = np.outer(gaussian(window.v, params.mouth + 0.01, 0.085), np.clip((params.mouth_half + 0.02 - np.abs(window.u)) / 0.1, 0, 1))
    area *= 1 - np.clip(1.25 * open_lips, 0, 1)
    strands = patch(window, 0.05, (person.number * 13, person.number * 29), 3.0)
    shaven = 0.10 * params.stubble * (1 - 0.5 * params.grey) * (1 + 0.35 * pores)
    amount = area * np.clip(shaven + 0.95 * grown * (1 + 0.12 * strands), 0, 0.96)
    grey = min(1.0, 1.15 * params.grey)
    hair = np.array(person.hair, np.float32) * (1 - grey) + np.array([0.72, 0.71, 0.69], np.float32) * grey
    shadow = np.array(person.skin, np.float32) * 0.55 + np.array([0.0, 0.01, 0.02], np.float32)
    tone = shadow * (1 - min(1.0, 3 * grown)) + hair * min(1.0, 3 * grown)
    mix(colours, amount, [value * (1 + 0.22 * min(1.0, 2 * grown) * strands) for value in tone])


def _paint_ears(canvas: Canvas, person: Person, params: FaceParams, scene: Scene) -> None:
    window = canvas.window(-1.4, -0.5, 1.4, 1.2)
    light = light_direction(scene)
    skin = np.array(person.skin)
    turn = np.linspace(0, 2 * np.pi, 28)
    for side in (-1, 1):
        middle = np.array([side * 1.0, 0.02 + params.ear * 0.42])
        shape = np.stack([0.135 * np.cos(turn), 0.5 * params.ear * np.sin(turn)], axis=1)
        shape[:, 0] *= 1 - 0.3 * np.clip(shape[:, 1] / params.ear * 2, 0, 1)
        tone = skin * (0.80 + 0.22 * side * light[0]) * np.array([1.0, 0.93, 0.90])
        canvas.lay(window, window.polygons([middle + shape]), tone)
        inner = window.polygons([middle + shape * np.array([0.55, 0.62]) + np.array([side * 0.01, -0.01])])
        canvas.lay(window, 0.35 * inner, tone * 0.62)
