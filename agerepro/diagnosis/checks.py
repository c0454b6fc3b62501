"""The sanity checks of a run's maps on a few photos: random weights, deletion and insertion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.diagnosis.check_tables import Checks, check_summary
from agerepro.diagnosis.curve_check import areas, curve_table, curves_of
from agerepro.diagnosis.fold_files import fold_digest, once
from agerepro.diagnosis.random_weights_check import compared, random_maps_of
from agerepro.diagnosis.run_faces import RunFaces
from agerepro.diagnosis.wish import Aim, classes_for
from agerepro.explain.maps import Kind
from agerepro.training.restore import Restored

Progress = Callable[[str, int, int], None]


def run_checks(
    back: Restored,
    faces: RunFaces,
    tested: pd.DataFrame,
    maps: np.ndarray,
    *,
    how: Kind,
    aim: Aim,
    layer: str,
    folder: Path,
    on_progress: Progress,
) -> Checks:
    """Check the maps (n, h, w) of the photos in `tested` (`fold`, `photo`, `subject`, `age`), row by row; kept in `folder`."""
    seed, scores, classes, done = back.experiment.seeds[0], [], [], 0
    for fold in dict.fromkeys(tested["fold"]):
        rows = np.flatnonzero(tested["fold"] == fold)
        photos = list(tested["photo"].to_numpy()[rows])

        def make(fold: int = int(fold), rows: np.ndarray = rows, photos: list[str] = photos) -> dict[str, np.ndarray]:
            back.fill(fold, seed=seed)
            images = faces.images(faces.rows(photos))
            target = classes_for(aim, back, images)
            found = curves_of(back, images, maps[rows], target, how=how, seed=fold)
            return {"scores": found, "classes": np.asarray(target) if isinstance(target, np.ndarray) else np.array([])}

        made_from = fold_digest(back, int(fold), photos, how, aim, layer)
        arrays = once(folder / f"{int(fold):03d}.npz", made_from, make)
        scores.append(arrays["scores"])
        classes.append(arrays["classes"].astype(int))
        done += len(rows)
        on_progress("deletion and insertion", done, len(tested))
    images = faces.images(faces.rows(list(tested["photo"])))
    target = np.concatenate(classes) if classes[0].size else classes_for(aim, back, images)
    random = random_maps_of(back, images, target, how=how, layer=layer, on_draw=lambda at, of: on_progress("random weights", at, of))
    table = compared(tested, maps, random, faces.landmarks[faces.rows(list(tested["photo"]))])
    together = np.concatenate(scores, axis=2)
    unit = "years" if aim == "expected_age" or not len(back.bins) else "probability"
    return Checks(table, curve_table(tested, together), check_summary(tested, table, areas(together), unit=unit))
