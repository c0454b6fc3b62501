"""The parts of a drawn face: its geometry, eyes and brows, mouth and nostrils, glasses."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from agerepro.synthetic.ageing import FaceParams
from agerepro.synthetic.canvas import Array, Canvas, Window, gaussian, gaussian_sum, mirrored, mix, patch, smooth
from agerepro.synthetic.person import Person, Scene

Points = npt.NDArray[np.float64]
_CHEEKBONE = 0.12  # height under the eye line at which the face is one unit wide
_SKULL = -0.38  # height of the widest part of the skull
FRAMES = ((0.08, 0.07, 0.07), (0.22, 0.13, 0.08), (0.55, 0.47, 0.33), (0.45, 0.46, 0.48))


def half_width(params: FaceParams, person: Person, v: Array) -> Array:
    """Half the width of the bare head at heights v (n,), 0 above the crown and below the chin."""
    up = np.clip((v - _SKULL) / (params.crown - _SKULL), 0, 1)
    skull = params.cranium * (1 - up**2.9) ** (1 / 2.3)
    blend = _ease((v - _SKULL) / (_CHEEKBONE - _SKULL))
    down = np.clip((v - _CHEEKBONE) / (params.chin - _CHEEKBONE), 0, 1)
    jaw = (1 - down**params.jaw) ** (1 / params.chin_round)
    bone = 1 + 0.015 * person.cheekbones * gaussian(v, 0.25, 0.2) - 0.035 * params.hollow * gaussian(v, 0.62, 0.2)
    temple = 1 - 0.05 * params.hollow * gaussian(v, -0.25, 0.14)
    width = (skull * (1 - blend) + jaw * blend) * bone * temple + params.jowl * gaussian(down, 0.74, 0.1) * (jaw > 0)
    return width.astype(np.float32)


def head_height(params: FaceParams, person: Person, window: Window, width: Array, smile: float) -> Array:
    """Relief (h, w) of the head in face units: the skull, then nose, sockets, cheeks, lips and chin as hills on it."""
    t = np.minimum(np.abs(window.u)[None, :] / np.maximum(width, 1e-3)[:, None], 1)
    height = (np.float32(0.82) * width)[:, None] * np.sqrt(1 - t**2.6)
    nose, mouth, chin, eye = params.nose, params.mouth, params.chin, params.eye_x
    relief, laugh, sag = params.nose_relief, max(smile, 0.0), params.jowl
    male = params.puberty * (1.0 if person.sex == "m" else 0.25)
    height += gaussian_sum(window, [
        (0.0, nose - 0.11, 0.125, 0.11, 0.55 * relief),  # tip
        (params.nose_half * 0.8, nose - 0.05, 0.065, 0.075, 0.42 * relief),  # wings
        (eye, -0.02, 0.21, 0.15, -0.15),  # sockets
        (eye - 0.02, -0.01, 0.15, 0.085, 0.085),  # eyeballs
        (0.33, params.brow_y + 0.05, 0.26, 0.065, 0.03 + 0.045 * male),  # brow ridge
        (0.0, -0.62, 0.50, 0.30, 0.05),  # forehead
        (0.56, 0.42 - 0.05 * laugh + 0.8 * sag, 0.25, 0.22, params.cheek + 0.07 * laugh),
        (0.62, 0.66, 0.16, 0.20, -0.12 * params.hollow),
        (0.80, -0.28, 0.13, 0.16, -0.12 * params.hollow),
        (0.0, mouth, 0.32, 0.17, 0.10),  # the mound of the mouth
        (0.0, mouth - 0.5 * params.upper_lip, 0.20, 0.035, 0.5 * params.upper_lip),
        (0.0, mouth + 0.62 * params.lower_lip, 0.17, 0.045, 0.75 * params.lower_lip),
        (0.0, mouth + 1.2 * params.lower_lip + 0.09, 0.20, 0.06, -0.04),
        (0.0, chin - 0.17, 0.19, 0.13, 0.09 + 0.02 * person.chin_size),
        (0.60, chin - 0.40, 0.15, 0.17, 1.1 * sag),  # jowls
        (params.eye_x, 0.24, 0.13, 0.05, 0.055 * params.bags),  # bags
        (0.0, mouth - 0.19, 0.045, 0.08, -0.025),  # philtrum
    ])  # fmt: skip
    return height + _bridge(params, person, window)


def _bridge(params: FaceParams, person: Person, window: Window) -> Array:
    """The back of the nose: a ridge that grows wider and higher from its root to the tip, then drops."""
    root = params.brow_y + 0.14
    along = np.clip((window.v - root) / (params.nose - 0.08 - root), 0, 1)
    profile = (0.25 + 0.75 * along**1.2) * _ease((window.v - root + 0.25) / 0.3)
    spread = 0.095 + 0.045 * along + 0.012 * person.nose_width
    hump = 0.06 * person.nose_relief * params.puberty * gaussian(along, 0.45, 0.2)
    amount = params.nose_relief * 0.62 * profile * (1 + hump)
    # The base is round: its middle hangs lower than its sides.
    square = np.square(window.u)
    drop = _ease((np.float32(params.nose + 0.07) - window.v[:, None] - 2.2 * np.minimum(square, 0.1)[None, :]) / np.float32(0.19))
    return amount.astype(np.float32)[:, None] * drop * np.exp(square[None, :] * (-0.5 / spread**2).astype(np.float32)[:, None])


def _ease(share: Array) -> Array:
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def cut(height: Array, creases: Array, scale: float) -> tuple[Array, Array]:
    """The relief with the creases (h, w; 0..1) cut in, and how dark their grooves are (h, w)."""
    narrow = cv2.GaussianBlur(creases, (0, 0), max(0.5, 0.011 * scale))
    wide = cv2.GaussianBlur(creases, (0, 0), max(0.8, 0.035 * scale))
    return height - np.float32(0.026) * narrow - np.float32(0.055) * wide, np.float32(0.34) * narrow + np.float32(0.26) * wide


def paint_eyes(canvas: Canvas, person: Person, params: FaceParams, scene: Scene, light: float) -> None:
    """Paint both eyes into their sockets; `light` is the mean light on the skin around them."""
    reach = params.eye_x + params.eye_half + 0.12
    window = canvas.window(-reach, -0.32, reach, 0.25)
    upper, lower = _lids(params, scene)
    opening = window.polygons([_closed(side(upper), side(lower)) for side in (np.asarray, mirrored)])
    bright = 0.35 + 0.65 * light
    yellow = 0.06 * min(params.mottling, 1.0)
    # The upper lid and its lashes throw a shadow on the ball.
    shadow = np.clip((window.v[:, None] + params.eye_open * 1.05) / (1.5 * params.eye_open), 0.0, 1.0)
    white = np.array([0.88, 0.865 - 0.3 * yellow, 0.85 - yellow], np.float32) * bright
    canvas.lay(window, opening, [tone * (0.60 + 0.40 * shadow) for tone in white])
    _iris(canvas, window, person, params, scene, opening, bright, shadow)
    curves = [(side(upper), 0.034 if person.sex == "f" else 0.026, 0.92) for side in (np.asarray, mirrored)]
    curves += [(side(lower), 0.016, 0.40) for side in (np.asarray, mirrored)]
    lash = np.array(person.hair) * 0.35 * (1 - 0.5 * params.baby) + np.array(person.skin) * 0.30 * params.baby + 0.015
    canvas.lay(window, window.lines(curves), lash * bright)


def _lids(params: FaceParams, scene: Scene) -> tuple[Points, Points]:
    """Upper and lower lid (25, 2) of the eye at larger x, from its inner to its outer corner."""
    s = np.linspace(-1, 1, 25)
    x = params.eye_x + s * params.eye_half
    opening = params.eye_open * scene.lids * (1 - 0.18 * max(scene.smile, 0))
    skew = 1 - np.abs((s + 0.12) / (1 + 0.12 * np.sign(s + 0.12))) ** 2.1
    droop = 0.35 * params.eye_open * min(params.lid_sag, 1.1) * np.clip(s + 0.2, 0, 1.2)
    base = -params.eye_tilt * 0.5 * s
    upper = base - 1.12 * opening * skew + droop * skew
    sink = 1 - np.abs(s - 0.12) ** 2 / (1 - 0.12 * np.sign(s - 0.12)) ** 2
    lower = base + 0.88 * opening * sink**0.9 * (1 - 0.12 * max(scene.smile, 0))
    return np.stack([x, upper], axis=1), np.stack([x, lower], axis=1)


def _iris(
    canvas: Canvas, window: Window, person: Person, params: FaceParams, scene: Scene, opening: Array, bright: float, shadow: Array
) -> None:  # fmt: skip
    radius = params.iris
    move = np.array(scene.gaze) * np.array([0.30 * (params.eye_half - radius), 0.03])
    centres = [np.array([side * params.eye_x, -0.012]) + move for side in (-1, 1)]
    colour = np.array(person.eyes, np.float32) * (1 - 0.25 * params.baby)
    disc = window.dots(centres, [radius, radius], [1.0, 1.0]) * opening
    shade = bright * (0.60 + 0.40 * shadow)
    canvas.lay(window, disc, [tone * 0.42 * shade for tone in colour])
    inner = window.dots([c + np.array([0, 0.10 * radius]) for c in centres], [0.78 * radius] * 2, [1.0, 1.0])
    inner = cv2.GaussianBlur(inner, (0, 0), max(0.4, 0.15 * radius * window.scale)) * disc
    canvas.lay(window, inner, [tone * 1.12 * shade for tone in colour])
    if params.age > 62:  # arcus senilis, the pale ring of old eyes
        ring = disc * (1 - np.clip(1.6 * inner, 0, 1)) * 0.35 * min((params.age - 62) / 20, 1)
        canvas.lay(window, ring, np.array([0.70, 0.72, 0.72]) * bright)
    canvas.lay(window, window.dots(centres, [0.43 * radius] * 2, [1.0, 1.0]) * opening, np.array([0.03, 0.025, 0.025]))
    spark = [c + radius * np.array([np.sign(scene.light[0]) * 0.32, -0.36]) for c in centres]
    canvas.lay(window, window.dots(spark, [0.20 * radius] * 2, [0.95, 0.95]) * opening, np.full(3, 0.97 * min(1.0, bright + 0.1)))


def _closed(upper: Points, lower: Points) -> Points:
    return np.concatenate([upper, lower[::-1]])


def paint_brows(canvas: Canvas, person: Person, params: FaceParams, scene: Scene, light: float) -> None:
    """Paint both eyebrows: soft bands broken into hairs, thinner and greyer with the years."""
    inner, outer = params.eye_x - 0.27, params.eye_x + 0.31
    lift = 0.045 * scene.brows_up
    y = params.brow_y - lift
    thick = 0.036 + 0.036 * params.brow_weight
    top = smooth([(inner, y - 0.3 * thick), (inner + 0.14, y - 0.75 * thick - 0.3 * params.brow_arch),
                  (outer - 0.16, y - 0.62 * thick - params.brow_arch), (outer, y + 0.045 - 0.3 * params.eye_tilt)])  # fmt: skip
    low = smooth([(inner, y + 0.75 * thick), (inner + 0.16, y + 0.4 * thick - 0.2 * params.brow_arch),
                  (outer - 0.16, y + 0.2 * thick - 0.75 * params.brow_arch), (outer, y + 0.065 - 0.3 * params.eye_tilt)])  # fmt: skip
    reach = outer + 0.12
    window = canvas.window(-reach, y - 0.35, reach, y + 0.30)
    mask = window.polygons([_closed(top, low), _closed(mirrored(top), mirrored(low))])
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.015 * window.scale))
    hairs = patch(window, 0.03, (person.number * 7, person.number * 17), 2.0)
    grey = 0.8 * params.grey * min(max((params.age - 45) / 30, 0.0), 1.0)
    tone = np.array(person.hair) * 0.72 * (1 - grey) + np.array([0.60, 0.59, 0.57]) * grey
    amount = np.clip(mask * (0.30 + 0.62 * params.brow_weight) * (1 + 0.22 * hairs), 0, 0.95) * (1 - 0.45 * params.baby)
    canvas.lay(window, amount, tone * (0.4 + 0.6 * light))


def corner(params: FaceParams, smile: float) -> tuple[float, float]:
    """The mouth's right corner (u, v) in face units; the other is its mirror image."""
    return params.mouth_half + 0.055 * smile, params.mouth - 0.012 - 0.085 * smile + 0.025 * min(params.marionette, 1.0)


def gap(params: FaceParams, smile: float) -> float:
    """How far the lips stand apart in face units."""
    return max(0.0, smile - 0.45) * 0.17


def lips(colours: Array, params: FaceParams, person: Person, scene: Scene, window: Window) -> None:
    """Tint lips, the line between them, teeth and nostrils into the colour planes (3, h, w) of a window, in place."""
    wide, end = corner(params, scene.smile)
    part, upper, lower = gap(params, scene.smile), params.upper_lip, params.lower_lip
    s = np.linspace(-1, 1, 33)
    arch = 1 - s * s
    bow = upper * (0.85 * arch**0.85 + 0.28 * np.exp(-(((np.abs(s) - 0.2) / 0.14) ** 2)) - 0.12 * np.exp(-((s / 0.1) ** 2)))
    middle = params.mouth + (end - params.mouth) * s * s + 0.007 * np.cos(2.4 * np.pi * s) * arch * (1 - min(part * 10, 1))
    inner_top, inner_bottom = middle - 0.3 * part * arch, middle + 0.7 * part * arch
    outer_bottom = inner_bottom + lower * 1.05 * arch**0.95
    x = s * wide
    full = _between(x, inner_top - bow, outer_bottom)
    skin = np.array(person.skin)
    rose = (0.62 - 0.2 * person.skin_depth) * (0.75 if person.sex == "m" else 1.2) * (1 - 0.4 * min(params.lip_lines, 1.0))
    tone = skin * (1 - rose) + np.array([0.70, 0.30, 0.30]) * (0.65 + 0.5 * skin[0]) * rose
    mix(colours, cv2.GaussianBlur(window.polygons([full]), (0, 0), max(0.4, 0.012 * window.scale)), tone * 0.93)
    line = window.lines([(np.stack([x, inner_top], axis=1), 0.024, 0.62), (np.stack([x, inner_top], axis=1)[9:-9], 0.024, 0.8)])
    corners = window.dots([(-wide, end), (wide, end)], [0.03, 0.03], [0.55, 0.55])
    line = np.maximum(line, cv2.GaussianBlur(corners, (0, 0), max(0.4, 0.015 * window.scale)))
    mix(colours, line, skin * np.array([0.40, 0.26, 0.25]))
    if part > 0.005:
        inside = _between(x * 0.93, inner_top, inner_bottom)
        mix(colours, window.polygons([inside]), (0.24, 0.09, 0.09))
        if params.age > 0.9:
            yellow = 0.10 * min(params.mottling, 1.0)
            teeth = _between(x * 0.84, inner_top + 0.003, inner_top + 0.003 + 0.74 * (inner_bottom - inner_top))
            mix(colours, 0.9 * window.polygons([teeth]), (0.86, 0.83 - 0.5 * yellow, 0.79 - 1.6 * yellow))
    _nostrils(colours, params, skin, window)


def _nostrils(colours: Array, params: FaceParams, skin: npt.NDArray[np.float64], window: Window) -> None:
    turn = np.linspace(0, 2 * np.pi, 16)
    cosine = np.cos(turn)
    holes = [
        np.stack(
            [params.nose_half * (0.46 * side + 0.23 * cosine), params.nose - 0.012 + (0.024 + 0.012 * side * cosine) * np.sin(turn)], axis=1
        )
        for side in (-1, 1)
    ]
    mask = cv2.GaussianBlur(window.polygons(holes), (0, 0), max(0.4, 0.012 * window.scale))
    mix(colours, 0.75 * mask, skin * np.array([0.42, 0.27, 0.25]))


def _between(x: npt.NDArray[np.float64], top: npt.NDArray[np.float64], bottom: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate([np.stack([x, top], axis=1), np.stack([x, bottom], axis=1)[::-1]])


def paint_glasses(canvas: Canvas, person: Person, params: FaceParams, scene: Scene) -> None:
    """Paint the scene's glasses over the eyes; nothing when it has none."""
    if scene.glasses == "none":
        return
    window = canvas.window(-1.15, -0.45, 1.15, 0.5)
    turn = np.linspace(0, 2 * np.pi, 41)
    power = 1.0 if scene.glasses == "round" else 0.55
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    corner = np.sign(circle) * np.abs(circle) ** power
    size = np.array([0.335, 0.27 if scene.glasses == "round" else 0.225])
    rims = [np.array([side * (params.eye_x + 0.015), 0.045]) + corner * size for side in (-1, 1)]
    edge = params.eye_x + 0.015 + size[0]
    heavy = 0.030 + 0.012 * (person.number % 3)
    curves: list[tuple[np.ndarray, float, float]] = [(rim, heavy, 0.92) for rim in rims]
    curves.append((np.array([(-params.eye_x + size[0] - 0.01, 0.0), (0, -0.05), (params.eye_x - size[0] + 0.01, 0.0)]), heavy, 0.92))
    curves += [(np.array([(side * edge, -0.04), (side * 1.02, -0.07)]), heavy, 0.85) for side in (-1, 1)]
    shadows = [(points + np.array([0.0, 0.03]), 0.05, strength) for points, _, strength in curves]
    canvas.shade(window, 1 - 0.16 * window.lines(shadows))
    canvas.lay(window, window.lines(curves), FRAMES[person.number % len(FRAMES)])
    glint = [np.array([side * (params.eye_x + 0.015), 0.045]) + np.array([(-0.20, -0.05), (-0.08, -0.17), (-0.03, -0.17), (-0.16, -0.02)])
             * np.sign(scene.light[0] + 1e-9) * np.array([-1, np.sign(scene.light[0] + 1e-9)]) for side in (-1, 1)]  # fmt: skip
    canvas.lay(window, 0.20 * window.polygons(glint), (0.95, 0.97, 1.0))
