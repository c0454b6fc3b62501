"""Maps of one's own photos: a picture a face, of what the row says, and a plain refusal where a run has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agerepro.errors import UserError
from agerepro.explain.maps import Kind
from agerepro.explain.overlay import laid_over
from agerepro.prediction.estimates import Row
from agerepro.prediction.maps import GAP, SIDE, explainable, maps_in_words, with_maps
from agerepro.prediction.photo_files import photo_files
from agerepro.prediction.predict import predicted
from agerepro.runs.folder import Run
from agerepro.training.restore import restored

Folder = Callable[[Run], Path]


@pytest.mark.parametrize(
    ("kind", "how", "said"),
    [
        ("years_run", "sensitivity", "Sensitivity maps of the expected age, at pixels"),
        ("groups_run", "grad_cam", "Grad-CAM maps of the predicted group, at conv5_3"),
        ("classes_run", "mean", "Class activation maps of the expected age, at conv5_3"),
    ],
)
def test_every_face_gets_its_picture(
    kind: str, how: Kind, said: str, request: pytest.FixtureRequest, photos_of_run: Folder, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(kind)
    back = restored(run)
    photo = next(path for path in sorted(photos_of_run(run).rglob("*")) if path.suffix.lower() == ".jpg")
    (tmp_path / "text.jpg").write_text("not a picture")
    quiet = {"folds": None, "which": "largest", "on_progress": lambda what, done, total: None}
    rows = predicted(back, photo_files([tmp_path / "text.jpg", photo]), **quiet).rows
    counted: list[tuple[int, int]] = []
    folds = back.kept(0)[:2]
    found = with_maps(back, rows, tmp_path / "maps", how=how, folds=folds, on_progress=lambda *at: counted.append(at))
    (written,) = (tmp_path / "maps").iterdir()
    assert [row.values["map"] for row in found] == [str(written) if row.image else None for row in rows]
    assert written.name == f"{[bool(row.image) for row in rows].index(True) + 1:04d}-{photo.stem}.png" and counted[-1] == (2, 2)
    with Image.open(written) as picture:
        assert picture.size == (2 * SIDE + GAP, SIDE)
        pixels = np.asarray(picture)
    # To the right, the face under a map: neither the face as it is nor a map of nothing.
    face = pixels[:, :SIDE]
    assert np.abs(pixels[:, SIDE + GAP :].astype(int) - laid_over(face, np.zeros((2, 2)), SIDE)).max() > 60
    assert maps_in_words(back, how, tmp_path).startswith(said)


def test_a_run_without_such_maps_is_a_users_error_before_anything_is_written(years_run: Run, groups_run: Run, tmp_path: Path) -> None:
    for run, how, said in ((years_run, "mean", "--how sensitivity"), (groups_run, "sensitivity", "mean or grad_cam")):
        with pytest.raises(UserError, match=said):
            explainable(restored(run), how)
        with pytest.raises(UserError, match=said):
            with_maps(restored(run), [Row({}, image=b"x")], tmp_path / "maps", how=how, folds=[0], on_progress=lambda *at: None)
    assert not (tmp_path / "maps").exists()


def test_no_face_is_no_picture_and_no_error(years_run: Run, tmp_path: Path) -> None:
    rows = [Row({"photo": "a.jpg", "map": None})]
    assert with_maps(restored(years_run), rows, tmp_path / "maps", how="sensitivity", folds=[0], on_progress=lambda *at: None) == [
        replace(rows[0])
    ]
