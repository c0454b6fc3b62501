"""The cleaned photos of IMDB or WIKI from their .mat file beside the folders of face crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.datasets.cleaning import BOX, clean
from agerepro.datasets.imdb_wiki_mat import read_mat
from agerepro.datasets.native import below, native_folder
from agerepro.datasets.reading import Photos
from agerepro.tables import PHOTOS, conform

CROP_MARGIN = 0.4  # of the authors' own face crops, on each side


def read_cleaned(dataset: str, root: Path) -> Photos:
    """The rows of <dataset>.mat that pass the funnel of `cleaning`; photos are not opened, nor is their presence checked.

    face_location counts in the whole photos. The authors' <dataset>_crop pictures are that box plus 40 % of it on each side
    already, so there the box is left out and `cropped_margin` says so; whole photos lie in a folder named <dataset>.

    A second face in a photo, listed as a row of its own, has the key of the photo with `#2` after it. UserError when the .mat
    file is missing or of another shape.
    """
    folder = native_folder(
        dataset, root, (".", f"{dataset}_crop", dataset), lambda place: (place / f"{dataset}.mat").exists(), f"{dataset}.mat"
    )
    rows, people = read_mat(folder / f"{dataset}.mat", dataset)
    kept, steps, skipped = clean(rows, f"{dataset}.mat")
    table = kept[["subject", "age", *BOX]].assign(
        photo=f"{dataset}/" + kept["path"] + _number_of_face(kept["path"]),
        path=below(folder, root) + kept["path"],
        gender=np.where(kept["gender"] == 1.0, "m", "f"),
    )
    if folder.name != dataset or folder == root:
        table = table.assign(cropped_margin=CROP_MARGIN, **dict.fromkeys(BOX, float("nan")))
    return Photos(table=conform(table, PHOTOS), funnel=steps, skipped=skipped, people_listed=people)


def _number_of_face(paths: pd.Series) -> pd.Series:
    """`` for the first row of a path, `#2` for the second, and so on."""
    earlier = paths.groupby(paths).cumcount()
    return ("#" + (earlier + 1).astype(str)).where(earlier > 0, "")
