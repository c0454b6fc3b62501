"""A drawn person's fixed traits, and the scene that a photo of them is taken in."""

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


@dataclass(frozen=True)
class Scene:
    """Nuisance of one photo. Angles in degrees, directions in picture coordinates (x right, y down, z to the viewer)."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)  # of the face, in shares of the picture's side
    face_share: float = 0.54  # side of the face box as a share of the picture's side
    light: tuple[float, float] = (-0.35, -0.45)  # where the light comes from, x and y
    ambient: float = 0.55  # 0 hard light .. 1 none but ambient
    warmth: float = 0.0  # -1 cold .. 1 warm light
    exposure: float = 1.0
    smile: float = 0.2  # -0.3 sad .. 1 laughing
    brows_up: float = 0.0  # -1 .. 1
    lids: float = 1.0  # opening of the lids, times the person's own
    gaze: tuple[float, float] = (0.0, 0.0)  # -1 .. 1
    glasses: str = "none"  # none | round | square
    beard: float = 0.0  # 0 shaven .. 1 as grown as the person ever wears it
    background: int = 0  # seed of background, clothes and hair in disorder
    film: str = "colour"  # colour | grey | sepia
    grain: float = 0.0  # noise, in shares of the full range
    blur: float = 0.0  # sigma, in shares of the picture's side
    quality: int = 92  # JPEG


@dataclass(frozen=True)
class NuisanceParams:
    """How much nuisance a data set has."""

    turn: float  # degrees, standard deviation of yaw; pitch has half, roll two thirds of it
    face_share: tuple[float, float]  # range
    film: float  # share of grey or sepia photos among grown-ups' photos
    early_film: float  # the same among photos of children
    grain: float  # largest
    blur: float  # largest
    quality: tuple[int, int]
    hardness: float  # 0 even light .. 1 hard light


# The face box with 40 % of its side on each side takes 1 / 1.8 of a crop, as in IMDB-WIKI's cropped pictures.
CROP = 1 / 1.8
NUISANCE = {
    "imdb": NuisanceParams(9, (CROP, CROP), 0.12, 0.12, 0.03, 0.004, (70, 95), 0.8),
    "wiki": NuisanceParams(7, (CROP, CROP), 0.18, 0.18, 0.04, 0.005, (65, 95), 0.7),
    "agedb": NuisanceParams(9, (0.50, 0.60), 0.45, 0.3, 0.05, 0.005, (60, 95), 0.9),
    "fgnet": NuisanceParams(6, (0.42, 0.52), 0.12, 0.4, 0.055, 0.006, (60, 92), 0.6),
    "vggface2": NuisanceParams(9, (0.50, 0.62), 0.05, 0.05, 0.03, 0.004, (70, 95), 0.8),
    "adience": NuisanceParams(11, (CROP, CROP), 0.02, 0.02, 0.05, 0.006, (60, 95), 0.9),
    "own": NuisanceParams(8, (0.46, 0.58), 0.05, 0.1, 0.04, 0.005, (70, 95), 0.8),
    "utkface": NuisanceParams(9, (CROP, CROP), 0.05, 0.05, 0.04, 0.005, (70, 95), 0.8),
    "morph": NuisanceParams(3, (0.46, 0.52), 0.0, 0.0, 0.03, 0.004, (75, 92), 0.4),
    "appareal": NuisanceParams(9, (CROP, CROP), 0.08, 0.15, 0.04, 0.005, (65, 95), 0.8),
    "clap2015": NuisanceParams(10, (0.42, 0.58), 0.08, 0.15, 0.04, 0.005, (65, 95), 0.8),
    "aadb": NuisanceParams(12, (0.34, 0.58), 0.0, 0.0, 0.0, 0.0, (80, 95), 0.9),
}


def draw_scene(nuisance: NuisanceParams, person: Person, age: float, rng: np.random.Generator) -> Scene:
    """A scene for `person` at `age` with the data set's amount of nuisance; every call takes the same number of draws."""
    yaw, pitch, roll = np.clip(rng.normal(size=3), -2, 2) * nuisance.turn * np.array([1, 0.5, 0.66])
    shift = rng.uniform(-1, 1, 2) * (0.5 - 0.9 * CROP) * (0 if nuisance.face_share[0] == nuisance.face_share[1] else 1)
    angle, tilt = rng.uniform(-0.9, 0.9), rng.uniform(0.15, 0.75)
    old_film = rng.random() < (nuisance.early_film if age < 18 else nuisance.film)
    sepia = rng.random() < 0.35
    smile = np.clip(rng.normal(0.3, 0.35), -0.3, 1)
    glasses = rng.random() < person.glasses * (1.0 if age > 8 else 0.15)
    return Scene(
        yaw=float(yaw), pitch=float(pitch), roll=float(roll), shift=(float(shift[0]), float(shift[1])),
        face_share=float(rng.uniform(*nuisance.face_share)),
        light=(float(angle), float(-tilt)), ambient=float(rng.uniform(0.9 - 0.6 * nuisance.hardness, 0.72)),
        warmth=float(rng.normal(0, 0.4)), exposure=float(np.clip(rng.normal(1.0, 0.09), 0.78, 1.2)),
        smile=float(smile), brows_up=float(np.clip(rng.normal(0, 0.35), -0.8, 0.9)), lids=float(np.clip(rng.normal(1, 0.08), 0.78, 1.15)),
        gaze=(float(np.clip(rng.normal(0, 0.3), -0.7, 0.7)), float(np.clip(rng.normal(0, 0.15), -0.3, 0.3))),
        glasses="none" if not glasses else ("round", "square")[int(person.number % 2)],
        beard=float(np.clip(rng.normal(0.85, 0.3), 0, 1)),
        background=int(rng.integers(1 << 31)),
        film="colour" if not old_film else "sepia" if sepia else "grey",
        grain=float(rng.uniform(0, nuisance.grain) * (0.55 if old_film else 0.45)), blur=float(rng.uniform(0, nuisance.blur)),
        quality=int(rng.integers(nuisance.quality[0], nuisance.quality[1] + 1)),
    )  # fmt: skip
