"""Everything about a photo that is not the person or the age, and how often each data set has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agerepro.datasets.synthetic.person import Person


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
    backdrop: int = 0  # seed of background, clothes and hair in disorder
    film: str = "colour"  # colour | grey | sepia
    grain: float = 0.0  # noise, in shares of the full range
    blur: float = 0.0  # sigma, in shares of the picture's side
    quality: int = 92  # JPEG


@dataclass(frozen=True)
class Mix:
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
MIXES = {
    "imdb": Mix(9, (CROP, CROP), 0.12, 0.12, 0.03, 0.004, (70, 95), 0.8),
    "wiki": Mix(7, (CROP, CROP), 0.18, 0.18, 0.04, 0.005, (65, 95), 0.7),
    "agedb": Mix(9, (0.50, 0.60), 0.45, 0.3, 0.05, 0.005, (60, 95), 0.9),
    "fgnet": Mix(6, (0.42, 0.52), 0.12, 0.4, 0.055, 0.006, (60, 92), 0.6),
    "vggface2": Mix(9, (0.50, 0.62), 0.05, 0.05, 0.03, 0.004, (70, 95), 0.8),
    "adience": Mix(11, (CROP, CROP), 0.02, 0.02, 0.05, 0.006, (60, 95), 0.9),
}


def draw_scene(mix: Mix, person: Person, age: float, rng: np.random.Generator) -> Scene:
    """A scene for `person` at `age` with the data set's amount of nuisance; every call takes the same number of draws."""
    yaw, pitch, roll = np.clip(rng.normal(size=3), -2, 2) * mix.turn * np.array([1, 0.5, 0.66])
    shift = rng.uniform(-1, 1, 2) * (0.5 - 0.9 * CROP) * (0 if mix.face_share[0] == mix.face_share[1] else 1)
    angle, tilt = rng.uniform(-0.9, 0.9), rng.uniform(0.15, 0.75)
    old_film = rng.random() < (mix.early_film if age < 18 else mix.film)
    sepia = rng.random() < 0.35
    smile = np.clip(rng.normal(0.3, 0.35), -0.3, 1)
    glasses = rng.random() < person.glasses * (1.0 if age > 8 else 0.15)
    return Scene(
        yaw=float(yaw), pitch=float(pitch), roll=float(roll), shift=(float(shift[0]), float(shift[1])),
        face_share=float(rng.uniform(*mix.face_share)),
        light=(float(angle), float(-tilt)), ambient=float(rng.uniform(0.9 - 0.6 * mix.hardness, 0.72)),
        warmth=float(rng.normal(0, 0.4)), exposure=float(np.clip(rng.normal(1.0, 0.09), 0.78, 1.2)),
        smile=float(smile), brows_up=float(np.clip(rng.normal(0, 0.35), -0.8, 0.9)), lids=float(np.clip(rng.normal(1, 0.08), 0.78, 1.15)),
        gaze=(float(np.clip(rng.normal(0, 0.3), -0.7, 0.7)), float(np.clip(rng.normal(0, 0.15), -0.3, 0.3))),
        glasses="none" if not glasses else ("round", "square")[int(person.number % 2)],
        beard=float(np.clip(rng.normal(0.85, 0.3), 0, 1)),
        backdrop=int(rng.integers(1 << 31)),
        film="colour" if not old_film else "sepia" if sepia else "grey",
        grain=float(rng.uniform(0, mix.grain) * (0.55 if old_film else 0.45)), blur=float(rng.uniform(0, mix.blur)),
        quality=int(rng.integers(mix.quality[0], mix.quality[1] + 1)),
    )  # fmt: skip
