"""Figure: the faces whose ages a run tells best and worst; for data whose licence lets faces be shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.errors import UserError
from agerepro.evaluation.check import ages_only, check_one_run
from agerepro.report.figures.style import Caption, panels, save

_COLUMNS = 6
BEST, WORST = "best", "worst"


def best_and_worst(predictions: pd.DataFrame, *, each: int = 6) -> pd.DataFrame:
    """The `each` photos of the least and of the greatest error: `which` (best, worst), `photo`, `age`, `predicted`, `error` (years).

    Errors are means over seeds; of equal ones the first photo by name comes first. Best begin with the least, worst with the
    greatest. With fewer than 2 x `each` photos, both halves are shorter, so that no photo is in both. UserError for a run of groups.
    """
    frame = ages_only(check_one_run(predictions))
    frame = frame.assign(error=(frame["predicted"] - frame["age"]).abs())
    photos = frame.groupby("photo", as_index=False)[["age", "predicted", "error"]].mean()
    each = min(each, len(photos) // 2)
    best = photos.sort_values(["error", "photo"]).head(each)
    worst = photos.sort_values(["error", "photo"], ascending=[False, True]).head(each)
    both = pd.concat([best.assign(which=BEST), worst.assign(which=WORST)], ignore_index=True)
    return both[["which", "photo", "age", "predicted", "error"]]


def draw_faces(
    chosen: pd.DataFrame, pictures: Mapping[str, np.ndarray], caption: Caption, folder: Path, *, name: str = "best-and-worst-faces"
) -> list[Path]:
    """Draw the photos of `best_and_worst`; pictures: photo -> (height, width, 3) uint8 RGB.

    Whether faces may be shown is the caller's to know: this draws what it is given. Raises UserError for no photo, or one without
    its picture.
    """
    lacking = sorted(set(chosen["photo"]) - set(pictures))
    if lacking or chosen.empty:
        what = f"There is no picture of {', '.join(lacking[:4])}" if lacking else "There are no faces to show"
        raise UserError(f"{what}. Give one for each photo that best_and_worst names.")
    rows = [
        part.iloc[at : at + _COLUMNS]
        for which in (BEST, WORST)
        for part in [chosen[chosen["which"] == which]]
        for at in range(0, len(part), _COLUMNS)
    ]
    subtitle = "Above: the least errors, from left to right; below: the greatest. Ages in years"
    with panels("Faces told best and worst", subtitle, caption, height=1.5 * len(rows), shape=(len(rows), _COLUMNS)) as (drawn, axes):
        for places, part in zip(axes, rows):
            for place in places:
                place.set_axis_off()
            for place, line in zip(places, part.itertuples(index=False)):
                place.imshow(pictures[str(line.photo)])
                under = {"xy": (0.5, 0), "xycoords": "axes fraction", "xytext": (0, -4), "textcoords": "offset points"}
                place.annotate(f"true {line.age:.3g}\npredicted {line.predicted:.1f}", **under, ha="center", va="top", fontsize=8.5)
        return save(drawn, chosen, folder, name)
