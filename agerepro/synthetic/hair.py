"""Hair: where it grows for a style and an age, its strands, its colour as it greys, and its light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from agerepro.synthetic.ageing import FaceParams
from agerepro.synthetic.canvas import SIDE, Array, Canvas, Window, gaussian, noise, patch
from agerepro.synthetic.person import Person, Scene
from agerepro.synthetic.skin import light_direction

_GREY = np.array([0.60, 0.59, 0.575])  # of the first grey hair
_WHITE = np.array([0.82, 0.81, 0.795])  # in old age
_SHORTER = 58  # years


@dataclass(frozen=True)
class Cut:
    """A hair style. Lengths in face units."""

    top: float  # thickness on top
    side: float  # thickness at the sides
    ends: float  # height at which it ends, under the eye line
    opening: float  # half width of the face it leaves free at the eye line
    corner: float  # exponent of the hair line: 2 is an oval, 5 nearly a rectangle
    fringe: float  # how far it hangs into the forehead
    sweep: float  # how much lower it hangs on one side of the parting
    curl: float  # 0 straight .. 1 curls
    rough: float  # raggedness of its outline


CUTS = {
    "short": Cut(0.15, 0.06, 0.22, 0.94, 2.9, 0.00, 0.00, 0.0, 0.015),
    "parted": Cut(0.18, 0.07, 0.26, 0.93, 2.6, 0.00, 0.25, 0.0, 0.015),
    "cropped": Cut(0.06, 0.04, 0.10, 0.95, 3.0, 0.00, 0.00, 0.0, 0.012),
    "curly": Cut(0.22, 0.13, 0.20, 0.93, 2.6, 0.07, 0.00, 1.0, 0.045),
    "tousled": Cut(0.22, 0.10, 0.30, 0.92, 3.2, 0.22, 0.08, 0.15, 0.06),
    "long": Cut(0.15, 0.14, 3.50, 0.92, 2.1, 0.00, 0.14, 0.0, 0.015),
    "bob": Cut(0.18, 0.20, 1.15, 0.88, 2.0, 0.04, 0.16, 0.0, 0.02),
    "fringe": Cut(0.17, 0.15, 1.70, 0.88, 5.0, 0.38, 0.00, 0.0, 0.03),
    "curly long": Cut(0.24, 0.34, 1.80, 0.90, 2.0, 0.05, 0.05, 1.0, 0.06),
    "tied back": Cut(0.10, 0.05, 0.25, 0.95, 2.4, 0.00, 0.06, 0.0, 0.01),
}


def paint_back_hair(canvas: Canvas, person: Person, params: FaceParams, scene: Scene) -> None:
    """Paint the hair that hangs behind the neck; only long styles of people past babyhood have it."""
    cut = _cut(person, params)
    if cut.ends < 0.6 or params.hair_cover < 0.75:
        return
    window = canvas.window(-1.75, params.crown - 0.4, 1.75, cut.ends + 0.3)
    outline = _outline(params, cut, window.v, grown_long=1.0)
    mask = _inside(window, outline, cut, scene, person)
    colour = _colour(person, params, scene, window, cut)
    canvas.lay(window, mask, [plane * 0.62 for plane in colour])


def paint_hair(canvas: Canvas, person: Person, params: FaceParams, scene: Scene) -> None:
    """Paint the hair around the face."""
    cut = _cut(person, params)
    long = 1.0 if params.hair_cover > 0.75 else 0.0
    window = canvas.window(-1.75, params.crown - 0.4, 1.75, (cut.ends if long else min(cut.ends, 0.3)) + 0.15)
    outline = _outline(params, cut, window.v, grown_long=long)
    strands = _strands(person, scene, window, params, cut)
    free = _free_face(person, params, cut, window) + (0.012 + 0.6 * cut.rough) * strands
    combed_back = cut.fringe < 0.1 and cut.ends < 0.6  # then the hair line is soft
    softness = min(0.30, 13.0 / window.scale) if combed_back else 0.30
    mask = _inside(window, outline, cut, scene, person) * (1 - np.clip(free * window.scale * softness + 0.5, 0, 1))
    top = np.clip((-0.25 - window.v) / 0.5, 0, 1)[:, None]
    thin = params.thinning * top * (0.55 + 0.25 * strands)
    mask = mask * np.clip(1 - 0.75 * thin, 0, 1) * (params.hair_cover * (1 + 0.25 * (1 - params.hair_cover) * strands))
    canvas.lay(window, np.clip(mask, 0, 1), _colour(person, params, scene, window, cut, strands))


def _cut(person: Person, params: FaceParams) -> Cut:
    """The person's style; old women wear long hair shorter."""
    if params.age >= _SHORTER and person.style in ("long", "fringe"):
        return CUTS["bob"]
    return CUTS[person.style]


def _outline(params: FaceParams, cut: Cut, v: Array, *, grown_long: float) -> Array:
    """Half width of head and hair at heights v."""
    volume = 1 - 0.45 * params.thinning - 0.25 * max(params.recession - 0.4, 0)
    cover = 0.25 + 0.75 * params.hair_cover
    crown = params.crown - cut.top * volume * cover * (1 - 0.8 * params.recession)
    wide = params.cranium + cut.side * cover * (0.75 + 0.25 * volume)
    up = np.clip((v + 0.35) / (crown + 0.35), 0, 1)
    skull = wide * (1 - up**2.9) ** (1 / 2.3)
    if cut.ends < 0.6 or not grown_long:
        ends = min(cut.ends, 0.3)
        side = skull * np.sqrt(np.clip((ends + 0.22 - v) / 0.30, 0, 1))
        return np.where(v > ends - 0.08, side, skull).astype(np.float32)
    fall = wide + 0.08 * np.clip(v + 0.2, 0, 2.2) - 0.06 * gaussian(v, 0.9, 0.4)
    end = np.sqrt(np.clip((cut.ends - v) / 0.35, 0, 1))
    return (np.where(v < -0.35, skull, fall) * end).astype(np.float32)


def _inside(window: Window, outline: Array, cut: Cut, scene: Scene, person: Person) -> Array:
    slope = np.clip(np.gradient(outline) * window.scale, -6, 6) if len(outline) > 1 else np.zeros_like(outline)
    reach = np.where(outline > 0, outline, -1)  # no tuft above the crown
    distance = (reach[:, None] - np.abs(window.u)[None, :]) / np.sqrt(1 + slope**2)[:, None]
    ragged = patch(window, 0.06 + 0.05 * cut.curl, (scene.background, person.number), 3.0)
    return np.clip((distance + cut.rough * ragged) * window.scale * 0.42 + 0.5, 0, 1)


def _free_face(person: Person, params: FaceParams, cut: Cut, window: Window) -> Array:
    """Distance (h, w) inside the part of the face that hair leaves free, negative where it grows."""
    u, v = window.u, window.v
    side = np.abs(u)
    part = 0.35 * person.parting
    lost = params.recession
    middle = params.hairline + cut.fringe * (1 - lost) * (0.4 + 0.6 * params.hair_cover)
    line = middle + cut.sweep * (1 - lost) * np.clip((u - part) * (-0.9 if person.parting > 0 else 0.9), -0.25, 1)
    line = line - 0.42 * min(2.2 * lost, 1.0) * gaussian(side, 0.52, 0.17)  # the temples go first
    line = line - 1.4 * max(lost - 0.3, 0) * (1 - np.clip((side - 0.55) / 0.3, 0, 1))
    base = 0.05
    free = cut.opening - 0.03 * (1 - params.grown)
    across = np.clip(side / free, 0, 3) ** cut.corner
    up = np.clip((base - v)[:, None] / np.maximum(base - line, 0.05)[None, :], 0, 3) ** cut.corner
    return np.float32(0.85) * (1 - (across[None, :] + up) ** (1 / cut.corner))


def _strands(person: Person, scene: Scene, window: Window, params: FaceParams, cut: Cut) -> Array:
    """Light and dark strands (h, w), mean 0, running away from the parting; locks where hair is curly."""
    offset = (person.number * 53 + scene.background % 97, person.number * 71)
    if cut.curl > 0.5:
        return 0.75 * patch(window, 0.10, offset, 3.0) + 0.5 * patch(window, 0.035, offset, 2.0)
    x = np.broadcast_to((window.u - 0.35 * person.parting)[None, :], window.shape)
    y = np.broadcast_to((window.v - params.crown + 0.45)[:, None], window.shape)
    radius, angle = cv2.cartToPolar(np.ascontiguousarray(x), np.ascontiguousarray(y))
    along = (radius * np.float32(22) + np.float32(offset[0] % SIDE)) % np.float32(SIDE)
    across = (angle * np.float32(190) + np.float32(offset[1] % SIDE)) % np.float32(SIDE)
    return cv2.remap(noise(1.1, 16.0), along, across, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _colour(person: Person, params: FaceParams, scene: Scene, window: Window, cut: Cut, strands: Array | None = None) -> list[Array]:
    strands = _strands(person, scene, window, params, cut) if strands is None else strands
    lx, ly, lz = light_direction(scene)
    # An ellipsoid's slopes are enough for the light on hair.
    nx = window.u / 1.35
    ny = (window.v + 0.35) / 1.55
    facing = np.clip(lx * nx[None, :] + ly * np.clip(ny, -1, 0.5)[:, None] + lz * 0.65, 0, 1)
    ring = np.outer(gaussian(window.v, params.crown + 0.36, 0.16), 1 - np.clip(np.abs(nx + 0.3 * scene.light[0]), 0, 1))
    glow = scene.ambient * 0.75 + (1 - scene.ambient) * 1.3 * facing
    glow *= 1 + (0.13 + 0.12 * cut.curl) * strands
    sheen = np.clip(ring * (0.10 + 0.05 * strands) * (1 - 0.6 * cut.curl), 0, 1) * (1.2 - scene.ambient)
    temples = 0.25 * np.clip((np.abs(window.u) - 0.55) / 0.4, 0, 1)[None, :]
    grey = params.grey
    share = np.clip(grey + (temples + 0.09 * strands) * 4 * grey * (1 - grey), 0, 1)
    baby = 0.25 * (1 - params.grown)  # many children are fairer
    baby *= 1 - person.skin_depth
    white = min(max((params.age - 50) / 35, 0.0), 1.0)
    old = (_GREY * (1 - white) + _WHITE * white).astype(np.float32)
    fair = (np.array(person.hair) * (1 - baby) + np.array([0.62, 0.50, 0.34]) * baby).astype(np.float32)
    return [(glow * (tone * (1 - share) + light * share) + sheen).astype(np.float32) for tone, light in zip(fair, old, strict=True)]
