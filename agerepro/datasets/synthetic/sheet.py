"""A contact sheet: people by rows, ages by columns."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from agerepro.datasets.synthetic.person import draw_person
from agerepro.datasets.synthetic.render import render
from agerepro.datasets.synthetic.scene import MIXES, Scene, draw_scene

TWELVE_AGES = (0, 2, 5, 9, 13, 18, 26, 35, 46, 57, 68, 82)


def sheet(
    people: Sequence[int], ages: Sequence[float], *, seed: int = 0, size: int = 160, columns: int = 0, mix: str = ""
) -> npt.NDArray[np.uint8]:  # fmt: skip
    """RGB uint8 picture of every person (number) at every age (years), person by person, `columns` faces a row.

    `columns` 0 gives one row a person. `mix` names a data set whose nuisance is drawn; empty gives even studio light.
    """
    pairs = [(number, age) for number in people for age in ages]
    columns = columns or len(ages)
    faces = []
    for number, age in pairs:
        person = draw_person(seed, number)
        rng = np.random.default_rng([seed, number, int(age)])
        scene = draw_scene(MIXES[mix], person, age, rng) if mix else Scene(backdrop=number + int(age), face_share=0.52)
        face = render(person, age, scene, size).image
        label = f"{age:g}"
        cv2.putText(face, label, (4, size - 6), cv2.FONT_HERSHEY_SIMPLEX, size / 320, (255, 255, 255), 2, cv2.LINE_AA)
        cv2.putText(face, label, (4, size - 6), cv2.FONT_HERSHEY_SIMPLEX, size / 320, (20, 20, 20), 1, cv2.LINE_AA)
        faces.append(face)
    faces += [np.full_like(faces[0], 255)] * (-len(faces) % columns)
    return np.vstack([np.hstack(faces[start : start + columns]) for start in range(0, len(faces), columns)])
