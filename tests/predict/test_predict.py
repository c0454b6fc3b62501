"""A photo of the test set gets the number of the run's own table; groups, ensembles, warnings, and pictures that fail."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agerepro.config.learning import Age, Classification, CrossEntropy
from agerepro.errors import CheckFailed, UserError
from agerepro.models.weights import load_arrays
from agerepro.predict import interval
from agerepro.predict.interval import Calibration
from agerepro.predict.model_card import sources_of
from agerepro.predict.photos import photo_files
from agerepro.predict.pictures import caption, contact_sheet, with_maps
from agerepro.predict.predict import (
    COLUMNS,
    PhotoPredictions,
    Row,
    as_csv,
    as_jsonl,
    class_names,
    failed,
    folds_asked,
    predict_photos,
    summary,
    worth,
)
from agerepro.runs.layout import Run
from agerepro.runs.model import load_run_model
from agerepro.tables import PHOTOS, read_table
from agerepro.tasks.task import AgeTask

Folder = Callable[[Run], Path]


def of_run(run: Run, photos: list[Path], folds: str | None = None) -> PhotoPredictions:
    return predict_photos(
        load_run_model(run), photo_files(photos), folds=folds, which="largest", on_progress=lambda what, done, total: None
    )


SLOW = pytest.mark.slow


@pytest.mark.parametrize("kind", ["classes_run", pytest.param("years_run", marks=SLOW), pytest.param("groups_run", marks=SLOW)])
def test_a_test_photo_gets_the_number_of_the_runs_own_table(kind: str, request: pytest.FixtureRequest, photos_of_run: Folder) -> None:
    run: Run = request.getfixturevalue(kind)
    table = run.predictions([0])
    paths = dict(zip(*(read_table(run.folder / "photos.csv", PHOTOS)[column] for column in ("photo", "path"))))
    mine = table.loc[table["fold"] == 1]
    posteriors = load_arrays(run.fold_folder(0, 1) / "posteriors.npz")["posteriors"]
    found = of_run(run, [photos_of_run(run) / paths[photo] for photo in mine["photo"]], "1")
    assert found.folds == (1,) and not [row for row in found.rows if "trained" in " ".join(row.values["warnings"])]
    for row, said, posterior in zip(found.rows, mine.to_dict("records"), posteriors, strict=True):
        if kind == "groups_run":
            assert (row.values["group"], row.values["age"]) == (said["predicted_group"], None)
            assert row.values["probability"] == pytest.approx(posterior.max(), abs=1e-3)
        else:
            assert row.values["age"] == pytest.approx(said["predicted"], abs=1e-3)
        if kind != "years_run":
            assert row.posterior is not None
            np.testing.assert_allclose(row.posterior, posterior, atol=1e-3)


def test_the_mean_of_folds_is_the_mean_of_their_posteriors(classes_run: Run, photos_of_run: Folder) -> None:
    photos = sorted(photos_of_run(classes_run).rglob("*.JPG"))[:2]
    alone = [of_run(classes_run, photos, str(fold)) for fold in (0, 2)]
    both = of_run(classes_run, photos, "0,2")
    for row, first, second in zip(both.rows, alone[0].rows, alone[1].rows):
        assert row.posterior is not None and first.posterior is not None and second.posterior is not None
        np.testing.assert_allclose(row.posterior, (first.posterior + second.posterior) / 2, atol=1e-9)


def test_what_the_interval_is_worth_is_its_measured_coverage(classes_run: Run) -> None:
    frame = classes_run.predictions([0])
    measured = Calibration(0.8, 1.5, 82, 0.771, 0.731, 0.803, 21.26, (True,) * len(frame))
    text = worth(interval.TestSummary(frame, measured, None), several=False)
    assert all(fact in text for fact in ("measured coverage 77.1 %", "73.1 % to 80.3 %", "82 tested people", "21.3 years")), text
    assert "of single folds" in worth(interval.TestSummary(frame, measured, None), several=True) and "of single folds" not in text
    unmeasured = Calibration(0.8, 1.5, 4, math.nan, math.nan, math.nan, math.nan, ())
    assert "not measured" in worth(interval.TestSummary(frame, unmeasured, None), several=False)
    none = Calibration(0.8, math.inf, 3, math.nan, math.nan, math.nan, math.nan, ())
    assert "No interval" in worth(interval.TestSummary(frame, none, None), several=False)


def test_folds_are_the_first_all_or_those_named_and_must_have_weights(classes_run: Run) -> None:
    network = load_run_model(classes_run)
    assert folds_asked(network, None, seed=0) == [0]
    assert folds_asked(network, "all", seed=0) == [0, 1, 2, 3]
    assert folds_asked(network, "1-2", seed=0) == [1, 2]
    with pytest.raises(UserError, match="0 to 3"):
        folds_asked(network, "9", seed=0)


def test_without_weights_the_user_is_told_which_setting_keeps_them(classes_run: Run, tmp_path: Path) -> None:
    network = load_run_model(classes_run)
    empty = dataclasses.replace(network, run=Run(tmp_path))
    for name in ("folds.csv", "provenance.json"):
        (tmp_path / name).write_bytes((classes_run.folder / name).read_bytes())
    with pytest.raises(UserError, match="keep_weights: all"):
        folds_asked(empty, None, seed=0)


def copy_of(run: Run, place: Path) -> Run:
    """The same run in another folder, whose files may be damaged."""
    copy = Run(place / "koenig2019" / "tiny" / run.folder.name)
    shutil.copytree(run.folder, copy.folder)
    return copy


@pytest.mark.parametrize(("name", "fold"), [("weights.npz", 2), ("posteriors.npz", 0)])
def test_a_damaged_file_that_is_used_is_named_with_the_command_that_makes_it_again(
    classes_run: Run, name: str, fold: int, tmp_path: Path
) -> None:
    run = copy_of(classes_run, tmp_path)
    path = run.fold_folder(0, fold) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckFailed, match="agerepro run") as raised:
        load_run_model(run).load_fold(fold, seed=0)
    assert str(path) in str(raised.value) and fold not in load_run_model(run).folds_with_weights(0)


@pytest.mark.parametrize("name", ["weights.npz", "manifest.json"])
def test_a_fold_with_a_file_that_was_cut_off_has_no_weights(classes_run: Run, name: str, tmp_path: Path) -> None:
    run = copy_of(classes_run, tmp_path)
    path = run.fold_folder(0, 2) / name
    path.write_bytes(path.read_bytes()[:-20])
    assert load_run_model(run).folds_with_weights(0) == [0, 1, 3]


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_provenance_is_named_with_the_command_that_makes_it_again(classes_run: Run, content: str, tmp_path: Path) -> None:
    run = copy_of(classes_run, tmp_path)
    (run.folder / "provenance.json").write_text(content)
    Image.new("RGB", (90, 70)).save(tmp_path / "plain.png")
    for read in (lambda: of_run(run, [tmp_path / "plain.png"]), lambda: sources_of(run, load_run_model(run).experiment)):
        with pytest.raises(UserError, match="agerepro run") as raised:
            read()
        assert str(run.folder / "provenance.json") in str(raised.value)


def test_a_photo_that_trained_the_network_is_named_with_the_fold_that_tests_it(classes_run: Run, photos_of_run: Folder) -> None:
    folds = classes_run.folds()
    photo = folds.loc[(folds["part"] == "test") & (folds["fold"] == 3), "photo"].iloc[0]
    path = (
        photos_of_run(classes_run)
        / dict(zip(*(read_table(classes_run.folder / "photos.csv", PHOTOS)[c] for c in ("photo", "path"))))[photo]
    )
    (row,) = of_run(classes_run, [path], "0,3").rows
    assert any(text == "a photo of this name trained fold 0: its estimate is too good; tested by fold 3" for text in row.values["warnings"])


def test_bad_files_are_rows_with_reasons_and_cost_nobody_anything(years_run: Run, photos_of_run: Folder, tmp_path: Path) -> None:
    good = sorted(photos_of_run(years_run).rglob("*.JPG"))[0]
    (tmp_path / "a-good.jpg").write_bytes(good.read_bytes())
    (tmp_path / "b-cut.jpg").write_bytes(good.read_bytes()[:700])
    (tmp_path / "c-empty.jpg").touch()
    (tmp_path / "d-text.jpg").write_text("not a picture")
    Image.new("RGB", (12_000, 9_000)).save(tmp_path / "e-huge.png")
    Image.new("RGB", (90, 70), "grey").save(tmp_path / "f-plain.png")
    (tmp_path / "g-folder.jpg").mkdir()
    (tmp_path / "h-nowhere.jpg").symlink_to(tmp_path / "absent")
    (tmp_path / "notes.txt").touch()
    found = of_run(years_run, [tmp_path])
    said = {Path(row.values["photo"]).name: (row.values["status"], row.values["reason"].partition(":")[0]) for row in found.rows}
    assert said == {
        "a-good.jpg": ("ok", said["a-good.jpg"][1]),
        "b-cut.jpg": ("unreadable", "broken file"),
        "c-empty.jpg": ("unreadable", "empty file"),
        "d-text.jpg": ("unreadable", "not a picture"),
        "e-huge.png": ("unreadable", "too large"),
        "f-plain.png": ("dropped", "no face found"),
        "h-nowhere.jpg": ("unreadable", "cannot be read"),
    }
    assert len(failed(found.rows)) == 6
    lines = list(summary(found, [0, 1, 2, 3]))
    assert not [line for line in lines if "boxes that its data set brings" in line]
    assert any("5 of the run's own faces were cut by boxes" in line for line in summary(dataclasses.replace(found, cut_by_source=5), [0]))
    assert "7 photos: 1 with 1 face, 1 without a face, 5 unreadable; 1 other file ignored" in lines
    assert sum(line.startswith("failed: ") for line in lines) == 6 and any("notes.txt" in line for line in lines)


def test_a_name_that_is_not_utf_8_is_escaped_the_same_way_everywhere(opposed_run: Run, photos_of_run: Folder, tmp_path: Path) -> None:
    content = sorted(photos_of_run(opposed_run).rglob("*.JPG"))[0].read_bytes()
    for name in (b"caf\xe9.jpg", b"caf\xe9.txt"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(content)
    found = of_run(opposed_run, [tmp_path])
    rows = with_maps(load_run_model(opposed_run), found.rows, tmp_path / "maps", how="mean", folds=[0], on_progress=lambda *at: None)
    escaped = f"{tmp_path}/caf\\udce9.jpg"
    assert [row.values["photo"] for row in rows] == [escaped] and Path(rows[0].values["map"]).exists()
    line = as_jsonl(rows, [], distribution=False).encode("utf-8")  # strict: a surrogate would be an error
    assert json.loads(line)["photo"] == escaped
    (cells,) = csv.DictReader(io.StringIO(as_csv(rows, [], distribution=False).encode("utf-8").decode("utf-8")))
    assert cells["photo"] == escaped
    text = "\n".join(summary(found, [0])).encode("utf-8").decode("utf-8")
    assert f"{tmp_path}/caf\\udce9.txt" in text and contact_sheet(rows).startswith(b"\x89PNG")


def test_a_whole_picture_without_a_face_is_marked_and_gets_no_interval(classes_run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (90, 70), "grey").save(tmp_path / "plain.png")
    (row,) = of_run(classes_run, [tmp_path]).rows
    assert row.values["status"] == "no_face" and row.values["age"] is not None and row.values["low"] is None
    assert "no face found" in row.values["warnings"][0]


def test_turned_alpha_and_16_bit_pictures_say_what_the_plain_one_says(portraits: list[Path], years_run: Run, tmp_path: Path) -> None:
    source = Image.open(portraits[0]).convert("RGB")
    source.save(tmp_path / "plain.png")
    orientation = Image.Exif()
    orientation[0x0112] = 6
    source.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=orientation)
    opaque = source.copy()
    opaque.putalpha(255)
    opaque.save(tmp_path / "alpha.png")
    grey = np.asarray(source.convert("L"))
    Image.fromarray(grey).save(tmp_path / "grey8.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "grey16.png")
    ages = {Path(row.values["photo"]).stem: row.values["age"] for row in of_run(years_run, [tmp_path]).rows}
    assert ages["turned"] == ages["alpha"] == ages["plain"]
    assert ages["grey16"] == ages["grey8"]


def row(posterior: np.ndarray | None = None, **values: Any) -> Row:
    return Row({**dict.fromkeys(COLUMNS), "folds": [0, 3], "warnings": [], **values}, posterior)


ROWS = [
    row(np.array([0.25, 0.75]), photo='käse, "b".jpg', age=41.5, low=30.0, high=53.0, warnings=["one", "two"]),
    row(photo="text.jpg", status="unreadable", reason="not a picture"),
]


def test_jsonl_is_one_object_a_line_with_null_for_nothing() -> None:
    lines = [json.loads(line) for line in as_jsonl(ROWS, ["20", "60"], distribution=True).splitlines()]
    assert lines[0]["photo"] == 'käse, "b".jpg' and lines[0]["distribution"] == {"20": 0.25, "60": 0.75}
    assert lines[1]["age"] is None and lines[1]["distribution"] is None and lines[1]["warnings"] == []
    assert list(json.loads(as_jsonl(ROWS, [], distribution=False).splitlines()[0])) == list(COLUMNS)


def test_csv_has_the_same_values_and_empty_cells() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(ROWS, ["20", "60"], distribution=True))))
    assert rows[0]["photo"] == 'käse, "b".jpg' and rows[0]["folds"] == "0 3" and rows[0]["warnings"] == "one; two"
    assert (rows[0]["p20"], rows[0]["p60"], rows[1]["p20"], rows[1]["age"]) == ("0.25", "0.75", "", "")
    assert list(rows[0]) == [*COLUMNS, "p20", "p60"]


def test_columns_of_a_distribution_are_named_by_what_the_classes_are() -> None:
    def names(target: Age, *bins: float) -> list[str]:
        return class_names(AgeTask(target, Classification(), (CrossEntropy(),), np.array(bins, np.float32)))

    assert names(Age(), 0, 20.5) == ["0", "20.5"]
    assert names(Age(column="score"), 0.25, 1) == ["score0.25", "score1"]
    residuals = names(Age(residual_of="apparent"), -3, 2)
    assert residuals == ["residual-3", "residual+2"]
    heading = as_csv(ROWS, residuals, distribution=True).splitlines()[0]
    assert heading.endswith("warnings,p_residual-3,p_residual+2") and as_csv(ROWS, ["0-2"], distribution=True).splitlines()[0].endswith(
        ",p0-2"
    )


def test_of_a_run_on_residuals_it_is_said_what_an_age_is(classes_run: Run, photos_of_run: Folder) -> None:
    found = of_run(classes_run, sorted(photos_of_run(classes_run).rglob("*.JPG"))[:1])
    assert not [line for line in summary(found, [0]) if "residual" in line]
    (line,) = [line for line in summary(dataclasses.replace(found, residual_of="apparent"), [0]) if "residual" in line]
    assert "'apparent'" in line


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"age": 41.4, "low": 30.2, "high": 53.0}, "41 (30\N{EN DASH}53)"),
        ({"age": 41.4}, "41"),
        ({"group": "25-32", "probability": 0.714}, "25-32: 71 %"),
        ({"age": 41.4, "warnings": ["tight"]}, "! 41"),
    ],
)
def test_a_caption_is_age_and_interval_or_group(values: dict[str, Any], said: str) -> None:
    assert caption(row(**values)) == said
