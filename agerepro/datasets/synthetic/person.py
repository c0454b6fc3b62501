"""A person who does not exist: traits that stay the same from birth to old age, drawn from (seed, number)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_PERSON = 11  # keeps the draws of people apart from those of scenes and writers

_TRAITS = (
    "face_length", "jaw_width", "chin_size", "cheekbones", "forehead", "eye_distance", "eye_size", "eye_tilt", "brow_height", "brow_weight",
    "brow_arch", "nose_length", "nose_width", "nose_relief", "mouth_width", "lip_fullness", "ear_size", "weight",
)  # fmt: skip
# Light to dark, RGB 0..1; a person's tone lies anywhere between two neighbours.
SKIN = np.array([(0.93, 0.77, 0.68), (0.90, 0.71, 0.59), (0.82, 0.61, 0.46), (0.68, 0.47, 0.33), (0.52, 0.35, 0.25), (0.40, 0.26, 0.19)])
HAIR = {
    "black": (0.09, 0.075, 0.07),
    "dark brown": (0.18, 0.115, 0.08),
    "brown": (0.31, 0.20, 0.125),
    "light brown": (0.46, 0.33, 0.20),
    "blond": (0.74, 0.60, 0.38),
    "red": (0.55, 0.25, 0.12),
}
EYES = {
    "brown": (0.28, 0.16, 0.09),
    "dark brown": (0.17, 0.10, 0.06),
    "hazel": (0.40, 0.30, 0.15),
    "green": (0.33, 0.43, 0.28),
    "blue": (0.33, 0.48, 0.63),
    "grey": (0.45, 0.50, 0.54),
}
STYLES = {"m": ("short", "parted", "cropped", "curly", "tousled"), "f": ("long", "bob", "fringe", "curly long", "tied back")}


@dataclass(frozen=True)
class Person:
    """Identity traits. Numbers without a unit are standard deviations from the average adult, clipped to -2.2..2.2."""

    number: int
    sex: str  # m or f
    face_length: float
    jaw_width: float
    chin_size: float
    cheekbones: float
    forehead: float
    eye_distance: float
    eye_size: float
    eye_tilt: float
    brow_height: float
    brow_weight: float
    brow_arch: float
    nose_length: float
    nose_width: float
    nose_relief: float
    mouth_width: float
    lip_fullness: float
    ear_size: float
    weight: float
    skin: tuple[float, float, float]  # RGB 0..1
    skin_depth: float  # 0 lightest .. 1 darkest
    hair: tuple[float, float, float]  # RGB 0..1, before any grey
    eyes: tuple[float, float, float]  # RGB 0..1
    style: str  # one of STYLES[sex]
    parting: float  # -1 (viewer's left) .. 1
    greying_age: float  # years at which half the hair is grey
    balding: float  # 0 keeps every hair .. 1 bald on top in old age
    wrinkling: float  # 0.65 (late) .. 1.35 (early), times the average
    freckles: float  # 0 none .. 1 many
    spots: float  # 0 none .. 1 many age spots in old age
    beard: float  # 0 shaves .. 1 full beard
    glasses: float  # probability that an adult photo shows glasses


def draw_person(seed: int, number: int, *, sex: str = "") -> Person:
    """The person `number` of the world `seed`; the same numbers give the same person in every data set.

    `sex` (m or f) is drawn when empty; naming it changes nothing else about the draw.
    """
    rng = np.random.default_rng([_PERSON, seed, number])
    drawn_sex = "m" if rng.random() < 0.5 else "f"
    sex = sex or drawn_sex
    traits = np.clip(rng.normal(size=len(_TRAITS)), -2.2, 2.2)
    depth = float(rng.beta(1.1, 1.5))
    hair, eyes = _colours(depth, rng)
    bald = float(rng.random() ** 1.3)
    beards = rng.random(2)
    return Person(
        number=number, sex=sex, **{name: float(value) for name, value in zip(_TRAITS, traits, strict=True)},
        skin=_skin(depth, rng), skin_depth=depth, hair=hair, eyes=eyes,
        style=STYLES[sex][int(rng.integers(5))], parting=float(rng.uniform(-1, 1)),
        greying_age=float(np.clip(rng.normal(50, 6), 36, 64)), balding=bald if sex == "m" else 0.0,
        wrinkling=float(np.clip(rng.normal(1, 0.13), 0.65, 1.35)),
        freckles=float(rng.random() ** 5 * (depth < 0.4)), spots=float(rng.random()),
        beard=float(beards[0]) if sex == "m" and beards[1] < 0.3 else 0.0,
        glasses=float(rng.choice([0.03, 0.8], p=[0.78, 0.22])),
    )  # fmt: skip


def _skin(depth: float, rng: np.random.Generator) -> tuple[float, float, float]:
    tone = [np.interp(depth, np.linspace(0, 1, len(SKIN)), SKIN[:, channel]) for channel in range(3)]
    warmth = rng.normal(0, 0.012)
    red, green, blue = (float(value) for value in tone)
    return red + warmth, green, blue - warmth


def _colours(depth: float, rng: np.random.Generator) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Hair and eyes: any colour for light skin, darker ones the darker the skin."""
    light = max(0.0, 1 - depth / 0.45)
    hairs = np.array([0.25 + depth, 0.45, 0.5 * light + 0.05, 0.4 * light, 0.45 * light, 0.14 * light])
    eyes = np.array([0.5, 0.3 + depth, 0.35 * light, 0.2 * light, 0.6 * light, 0.25 * light])
    hair = list(HAIR)[int(rng.choice(6, p=hairs / hairs.sum()))]
    eye = list(EYES)[int(rng.choice(6, p=eyes / eyes.sum()))]
    shade = float(rng.uniform(0.85, 1.15))
    red, green, blue = (min(1.0, value * shade) for value in HAIR[hair])
    return (red, green, blue), EYES[eye]
