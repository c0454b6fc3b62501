"""A synthetic AADB in its native layout: portraits that are more or less sharp, lit, colourful and framed, and lists of their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from agerepro.config.schema import Synthetic
from agerepro.io import write_text
from agerepro.synthetic.person import Scene
from agerepro.synthetic.population import FIRST_PERSON, DrawingPlan, GroundTruth, Photo, draws_for, photo_subject

# Pictures on the real lists, by list.
LISTS = {"Train": 8_458, "Validation": 500, "TestNew": 1_000}
RATERS, MARKS = 5, 5  # each gives 1 to 5; the score is the mean, brought to 0 to 1
STD_OF_RATERS = 0.7  # marks
MIDDLE, GAIN = 3.1, 0.8  # marks of a picture that is middling in all, and what one standard deviation of its quality is worth


def plan(settings: Synthetic) -> DrawingPlan:
    """One picture a person; its score is the mean of five raters' marks on what can be seen: sharpness, light, colour, grain, smile."""
    total = settings.photos or settings.people or sum(LISTS.values())
    ends = np.round(np.cumsum(list(LISTS.values())) / sum(LISTS.values()) * total)
    photos, lines = [], {name: [] for name in LISTS}  # type: tuple[list[Photo], dict[str, list[str]]]
    for index in range(total):
        rng = draws_for("aadb", settings.seed, 2, index)
        age = float(rng.uniform(8, 75))
        subject = photo_subject("aadb", settings.seed, FIRST_PERSON["aadb"] + index, age, index)
        scene = _scene(subject.scene, rng)
        marks = np.clip(np.round(rng.normal(MIDDLE + GAIN * quality(scene), STD_OF_RATERS, RATERS)), 1, MARKS)
        name = f"farm1_{100 + index % 400}_{10_000_000_000 + 7_919 * index}_{int(rng.integers(1 << 40)):010x}_b.jpg"
        photos.append(Photo(f"datasetImages_warp256/{name}", settings.size, replace(subject, scene=scene)))
        chosen = list(LISTS)[int(np.searchsorted(ends, index, side="right"))]
        lines[chosen].append(f"{name} {(marks.mean() - 1) / (MARKS - 1):.4f}")

    def write_labels(root: Path, truths: Sequence[GroundTruth]) -> None:
        for name, rows in lines.items():
            write_text(root / "imgListFiles_label" / f"imgList{name}Regression_score.txt", "\n".join(rows) + "\n")

    return DrawingPlan(photos, write_labels)


def quality(scene: Scene) -> float:
    """How good a scene looks, in standard deviations of the drawn ones or so: from what the camera and the light did to it."""
    sharp = 1 - scene.blur / 0.008
    light = 1 - abs(scene.exposure - 1.0) / 0.17
    colour = {"colour": 0.6, "sepia": -0.3, "grey": -0.9}[scene.film]
    return 1.5 * sharp + 0.4 * light + 0.5 * colour + 0.3 * (1 - scene.grain / 0.025) + 0.25 * (scene.smile - 0.3)


def _scene(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same scene, badly taken in some ways and well in others."""
    film = ("colour", "colour", "sepia", "grey")[int(rng.integers(4))]
    return replace(
        scene,
        blur=float(rng.uniform(0, 0.016)),
        exposure=float(np.clip(rng.normal(0.95, 0.2), 0.5, 1.35)),
        grain=float(rng.uniform(0, 0.05)),
        film=film,
    )
