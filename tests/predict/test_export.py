"""Exported models: the run's own numbers, loaded again in fresh processes; the card; what is refused."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import agerepro
from agerepro.config.learning import Age
from agerepro.errors import CheckFailed, UserError
from agerepro.faces.store import FaceStore
from agerepro.io import MANIFEST, damaged_files, is_complete
from agerepro.predict import export as module
from agerepro.predict import interval
from agerepro.predict.export import differences, export, export_run, faces_of_run, missing_for_onnx, random_images, refuse_foreign
from agerepro.predict.inference_model import CUSTOM_LAYERS, Years, inference_model
from agerepro.predict.model_card import card_files
from agerepro.predict.predict import outputs_of
from agerepro.runs.layout import Run
from agerepro.runs.model import load_run_model
from agerepro.tables import FACES, PHOTOS, read_table
from agerepro.tasks.decode import DECODE
from agerepro.tasks.task import AgeTask


def quiet(what: str, done: int, total: int) -> None:
    """No progress."""


@pytest.mark.parametrize("how", sorted(DECODE))
def test_years_are_decoded_as_in_numpy(how: str) -> None:
    posteriors = np.random.default_rng(0).dirichlet(np.ones(7), 50)
    bins = np.array([3.0, 8, 9, 20, 41, 60, 99])
    found = np.asarray(Years(bins, how)(posteriors.astype(np.float32)))
    np.testing.assert_allclose(found, DECODE[how](posteriors, bins), atol=1e-4)


def test_every_layer_of_ours_is_known_where_the_file_is_loaded() -> None:
    """`.keras` files name layers `agerepro>Name`; found by the registering decorator in the source."""
    package = Path(agerepro.__file__).parent
    pattern = r'register_keras_serializable\(package="agerepro"\)\nclass (\w+)'
    registered = {name for path in package.rglob("*.py") for name in re.findall(pattern, path.read_text(encoding="utf-8"))}
    assert registered == {layer.__name__ for layer in CUSTOM_LAYERS}


def test_an_unknown_decoding_is_refused() -> None:
    with pytest.raises(ValueError, match="not 'mode'"):
        Years([1.0], "mode")


@pytest.mark.parametrize(
    ("kind", "folds"),
    [
        ("classes_run", [0, 2]),
        pytest.param("classes_run", [1], marks=pytest.mark.slow),
        pytest.param("years_run", [0, 2], marks=pytest.mark.slow),
        pytest.param("groups_run", [1], marks=pytest.mark.slow),
    ],
)
def test_the_model_gives_what_predict_gives(kind: str, folds: list[int], request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(kind)
    network = load_run_model(run)
    model, _ = inference_model(run, folds, seed=0)
    pixels = faces_of_run(run, network.experiment)
    assert len(pixels) == 16 and pixels.dtype == np.uint8
    outputs = model.predict(pixels, verbose=0)
    images = _images(run)
    expected = outputs_of(network, images, folds, seed=0, on_progress=lambda done, total: None)
    if kind == "years_run":
        assert set(outputs) == {"age"}
        np.testing.assert_allclose(outputs["age"], expected[:, 0], atol=1e-3)
    else:
        assert set(outputs) == {"logits", "posterior"} | ({"age"} if kind == "classes_run" else set())
        np.testing.assert_allclose(outputs["posterior"], expected, atol=1e-5)
        shifted = np.exp(outputs["logits"] - outputs["logits"].max(axis=1, keepdims=True))
        np.testing.assert_allclose(shifted / shifted.sum(axis=1, keepdims=True), expected, atol=1e-5)
    if kind == "classes_run":
        np.testing.assert_allclose(outputs["age"], expected @ network.bins, atol=1e-3)


def _images(run: Run) -> list[bytes]:
    """The JPEG crops of the run's first sixteen photos with a face, in the order of its photos.csv."""
    place = run.folder.parents[2] / "faces" / run.provenance()["data"][load_run_model(run).experiment.stages[-1].data]["prepared"]
    faces = read_table(place / "faces.csv", FACES).set_index("photo").loc[read_table(run.folder / "photos.csv", PHOTOS)["photo"]]
    store = FaceStore(place.parent / "crops" / json.loads((place / "about.json").read_text())["store"])
    return [store.read(key) for key in faces.loc[faces["status"] == "ok", "image"]][:16]


@pytest.fixture(scope="module")
def exported(classes_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "ages"
    styles = ["keras", "saved_model", *([] if missing_for_onnx() else ["onnx"])]
    found = export_run(classes_run, folder, folds="all", styles=styles, on_progress=quiet)
    assert [file.style for file in found] == styles
    assert all(row.largest <= 1e-4 for file in found for row in file.differences if row.output == "posterior")
    return folder


def test_an_export_is_sealed_and_its_card_says_what_the_model_is(exported: Path) -> None:
    assert is_complete(exported) and damaged_files(exported) == []
    card = (exported / "MODEL_CARD.md").read_text(encoding="utf-8")
    for text in (
        "DRAWN, SYNTHETIC FACES",
        "the mean of folds 0, 1, 2, 3 of 4",
        "Mean absolute error",
        "Not for deciding",
    ):
        assert text in card
    files = json.loads((exported / MANIFEST).read_text())["files"]
    assert {"MODEL_CARD.md", "model.json", "model.keras"} < files.keys()
    assert all(facts["sha256"] in card for name, facts in files.items() if name not in ("MODEL_CARD.md", "model.json"))
    facts = json.loads((exported / "model.json").read_text())
    assert facts["input"]["size"] == 32 and facts["folds"] == [0, 1, 2, 3] and facts["interval"]["level"] == 0.8
    assert "nan" not in card and "| None" not in card


@pytest.mark.parametrize(
    ("factor", "coverage", "facts"),
    [
        (1.25, 0.807, ["1.25 times", "82 tested people", "Measured coverage", "80.7 %", "76.8 %", "28.7 years"]),
        (1.25, math.nan, ["1.25 times", "82 tested people", "not measured"]),
        (math.inf, math.nan, ["82 people", "too few"]),
    ],
)
def test_the_card_says_the_measured_coverage(factor: float, coverage: float, facts: list[str], classes_run: Run) -> None:
    run_model = load_run_model(classes_run)
    frame = classes_run.predictions([0])
    held = (True,) * len(frame) if math.isfinite(coverage) else ()
    years = interval.Calibration(0.8, factor, 82, coverage, 0.768, 0.841, 28.71, held)
    files = card_files(classes_run, run_model, interval.TestSummary(frame, years, None), [0], [], {})
    part = " ".join(files["MODEL_CARD.md"].partition("### The 80 % interval")[2].partition("## How to feed")[0].split())
    assert all(fact in part for fact in facts) and "nan" not in part and "inf" not in part.replace("infer", ""), part
    known = json.loads(files["model.json"])["interval"]
    assert known is None if math.isinf(factor) else known["people"] == 82


def test_card_and_facts_of_residuals_say_what_is_added_to_which_output(classes_run: Run) -> None:
    run_model, tests = load_run_model(classes_run), interval.TestSummary(classes_run.predictions([0]), None, None)
    plain = card_files(classes_run, run_model, tests, [0], [], {})
    assert json.loads(plain["model.json"])["residual_of"] is None and "residual" not in plain["MODEL_CARD.md"]
    experiment, target = run_model.experiment, Age(residual_of="people")
    *earlier, last = experiment.stages
    changed = replace(experiment, stages=(*earlier, replace(last, target=target)))
    for bins in (np.arange(-50, 51, dtype=np.float32), np.empty(0, np.float32)):
        task = AgeTask(target, experiment.head, experiment.loss, bins)
        files = card_files(classes_run, replace(run_model, experiment=changed, task=task), tests, [0], [], {})
        about, card = json.loads(files["model.json"])["residual_of"], " ".join(files["MODEL_CARD.md"].split())
        assert about["stage"] == "people" and about["column"] == "age" and "`age` is this sum" in about["added"]
        assert "ages from" not in card and "stage `people`" in card.partition("Outputs:")[2]
        assert ("101 residuals from -50 to 50 years" in card) == bool(len(bins))


def test_a_card_of_scores_speaks_of_points(classes_run: Run) -> None:
    run_model, tests = load_run_model(classes_run), interval.TestSummary(classes_run.predictions([0]), None, None)
    experiment, target = run_model.experiment, Age(column="score")
    changed = replace(experiment, stages=(*experiment.stages[:-1], replace(experiment.stages[-1], target=target)))
    task = AgeTask(target, experiment.head, experiment.loss, np.linspace(0, 1, 21, dtype=np.float32))
    card = card_files(classes_run, replace(run_model, experiment=changed, task=task), tests, [0], [], {})["MODEL_CARD.md"]
    assert "21 scores from 0 to 1 points" in card and "years old" not in card and "| age |" not in card


def test_the_card_says_to_cut_out_the_middle_where_training_cropped_at_random(classes_run: Run) -> None:
    run_model, tests = load_run_model(classes_run), interval.TestSummary(classes_run.predictions([0]), None, None)
    cropped = replace(run_model.experiment, augment=replace(run_model.experiment.augment, random_crop=0.8))
    for experiment, pixels in ((run_model.experiment, 40), (cropped, 32)):
        files = card_files(classes_run, replace(run_model, experiment=experiment), tests, [0], [], {})
        assert json.loads(files["model.json"])["input"]["middle"] == pixels
        assert ("cut out the 32 in the middle" in files["MODEL_CARD.md"]) == (pixels == 32)


def test_a_repeated_export_replaces_its_own_and_nothing_else(exported: Path, tmp_path: Path) -> None:
    refuse_foreign(exported)
    refuse_foreign(tmp_path / "new")
    (tmp_path / "letters").mkdir()
    refuse_foreign(tmp_path / "letters")
    (tmp_path / "letters" / "a.txt").touch()
    with pytest.raises(UserError, match="letters"):
        refuse_foreign(tmp_path / "letters")
    with pytest.raises(UserError, match=r"a\.txt"):
        refuse_foreign(tmp_path / "letters" / "a.txt")


def test_a_disk_that_is_full_while_tensorflow_writes_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pixels = keras.Input((8, 8, 3), dtype="uint8")
    model = keras.Model(pixels, {"age": keras.layers.GlobalAveragePooling2D()(pixels)})

    def refuse(*arguments: object, **options: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "variables; No space left on device")

    monkeypatch.setattr(model, "export", refuse)
    with pytest.raises(UserError, match="No space left on device") as raised:
        export(model, [random_images(8, 2)], tmp_path / "out", styles=["saved_model"], card=lambda *_: {}, on_progress=quiet)
    assert str(tmp_path) in str(raised.value) and not list(tmp_path.iterdir())


def test_an_earlier_export_is_replaced_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pixels = keras.Input((8, 8, 3), dtype="uint8")
    model = keras.Model(pixels, {"age": keras.layers.GlobalAveragePooling2D()(pixels)})
    monkeypatch.setattr(module, "differences", lambda *_: ())
    for text in ("first", "second"):
        options = {"styles": ["keras"], "card": lambda *_, text=text: {"MODEL_CARD.md": text}, "on_progress": quiet}
        export(model, [random_images(8, 2)], tmp_path / "out", **options)
        assert (tmp_path / "out" / "MODEL_CARD.md").read_text() == text
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["MODEL_CARD.md", MANIFEST, "model.keras"]
    monkeypatch.setattr(module, "write_manifest", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(model, [random_images(8, 2)], tmp_path / "out", **options)
    assert (tmp_path / "out" / "MODEL_CARD.md").read_text() == "second" and [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_a_file_that_says_something_else_or_cannot_be_loaded_is_found_wanting(exported: Path) -> None:
    pixels = random_images(32, 2)
    with pytest.raises(CheckFailed, match=r"keras model.*outputs"):
        differences("keras", exported / "model.keras", pixels, {"age": np.zeros(2)})
    with pytest.raises(CheckFailed, match=r"keras model.*loaded"):
        differences("keras", exported / "MODEL_CARD.md", pixels, {})


@pytest.mark.slow
def test_the_card_of_groups_counts_wrong_photos(groups_run: Run, tmp_path: Path) -> None:
    export_run(groups_run, tmp_path / "groups", folds=None, styles=["keras"], on_progress=quiet)
    card = (tmp_path / "groups" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert (
        "Photos in a wrong group: **" in card
        and "age groups 0-2" in card
        and "interval" not in card.partition("## How to feed")[0].partition("###")[2]
    )


def test_noise_is_the_same_whenever_asked_for() -> None:
    np.testing.assert_array_equal(random_images(8), random_images(8))
