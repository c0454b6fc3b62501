"""The data block: columns that belong together, and text that cannot end its element."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from agerepro.config.learning import Age
from agerepro.errors import UserError
from agerepro.io import write_manifest
from agerepro.report.loading import load_run
from agerepro.report.page.embedded import MAP_SIDE, json_block, pack, picture, read_maps, read_posteriors, run_data, thumbnail
from agerepro.tables import PREDICTIONS, read_table


def test_what_could_end_a_script_element_is_escaped_and_comes_back():
    value = {"name": "</script><!-- & \u2028 ü"}
    block = json_block(value)
    assert "<" not in block and ">" not in block and "&" not in block and "\u2028" not in block and "ü" in block
    assert json.loads(block) == value


def test_posteriors_are_bytes_scaled_to_the_largest_share():
    packed = base64.b64decode(pack(np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 0.1]])))
    assert list(packed) == [255, 128, 128, 0, 0, 255]  # by hand; 127.5 is rounded to even


def test_every_photo_keeps_its_own_numbers_however_the_files_are_ordered(make_folder):
    made = make_folder()
    run = load_run(made.folder, partial=False)
    data = run_data(run, "x", posteriors=read_posteriors(run), maps=None, faces=None)
    photos = data["photos"]
    assert sorted(photos["photo"]) == sorted(made.photos["photo"])
    ages = dict(zip(made.photos["photo"], made.photos["age"]))
    assert photos["truth"] == [round(ages[photo], 2) for photo in photos["photo"]]
    shares = np.frombuffer(base64.b64decode(data["posteriors"]), np.uint8).reshape(len(ages), len(data["bins"]))
    # The made-up posteriors are narrow bells: the most probable age is the predicted one, within a year.
    assert np.abs(np.array(data["bins"])[shares.argmax(axis=1)] - photos["predicted"]).max() <= 1.5
    for fold, error in zip(data["folds"]["fold"], data["folds"]["error"]):
        tested = read_table(made.folder / "folds" / f"{fold:03d}" / "predictions.csv", PREDICTIONS)
        assert error == pytest.approx((tested["predicted"] - tested["age"]).abs().mean(), abs=1e-3)


def test_the_photos_of_residuals_have_what_their_bins_are_added_to(make_folder):
    made = make_folder()
    run = load_run(made.folder, partial=False)
    assert run_data(run, "x", posteriors=read_posteriors(run), maps=None, faces=None)["offsets"] == []
    stages = (*run.experiment.stages[:-1], replace(run.experiment.stages[-1], target=Age(residual_of="apparent")))
    for folder in run.fold_folders(run.first_seed_predictions):
        tested = read_table(folder / "predictions.csv", PREDICTIONS)
        np.savez(folder / "posteriors.npz", **np.load(folder / "posteriors.npz"), offset=tested["age"].to_numpy() + 0.126)
        write_manifest(folder, made_by="settings")
    residual = replace(run, experiment=replace(run.experiment, stages=stages))
    data = run_data(residual, "x", posteriors=read_posteriors(residual), maps=None, faces=None)
    assert data["offsets"] == pytest.approx([age + 0.13 for age in data["photos"]["truth"]])


def test_a_thumbnail_is_small_and_the_same_again():
    out = io.BytesIO()
    Image.new("RGB", (256, 256), (200, 120, 40)).save(out, "JPEG")
    first = thumbnail(out.getvalue())
    with Image.open(io.BytesIO(base64.b64decode(first))) as small:
        assert small.format == "WEBP" and small.size == (96, 96)
        assert np.abs(np.asarray(small).astype(int) - [200, 120, 40]).max() < 8
    assert thumbnail(out.getvalue()) == first


def pixels(heat: np.ndarray) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(picture(heat)))) as opened:
        return np.asarray(opened.convert("RGBA")).astype(int)


def test_alpha_grows_with_the_value_and_the_sign_is_a_colour():
    seen = pixels(np.array([[0.0, 0.25, 1.0], [0.0, -0.25, -1.0]]))
    assert seen[0, 0, 3] == 0 and 0 < seen[0, 1, 3] < seen[0, 2, 3] == 255
    red, blue = seen[0, 2], seen[1, 2]
    assert red[0] > red[2] and blue[2] > blue[0]


def test_a_map_is_scaled_to_its_own_largest_value_and_an_empty_one_shows_nothing():
    heat = np.array([[0.1, 0.2], [0.3, 0.4]])
    assert np.array_equal(pixels(heat), pixels(heat * 1000))
    assert not pixels(np.zeros((4, 4)))[..., 3].any()


def test_a_large_map_becomes_small_and_keeps_its_place():
    heat = np.zeros((112, 112))
    heat[:28, 84:] = 1
    seen = pixels(heat)
    assert seen.shape[:2] == (MAP_SIDE, MAP_SIDE)
    assert seen[0, -1, 3] == 255 and seen[-1, 0, 3] == 0


def test_a_run_without_maps_has_none(make_folder):
    assert read_maps(make_folder().folder, set()) is None


def test_the_files_of_explain_are_read_for_the_photos_that_are_shown(make_folder, add_maps):
    made = make_folder()
    add_maps(made, signed=True)
    two = set(made.photos["photo"][:2])
    maps = read_maps(made.folder, two)
    assert maps is not None and set(maps.pictures) == two and maps.signed
    assert maps.about["layer"] == "conv5_3" and maps.regions is not None and set(maps.regions["group"]) == {"all", "0-9"}
    assert maps.explanation == "The maps <lean> to eyes and nose.\n"


def test_maps_that_do_not_fit_their_photos_are_refused(make_folder, add_maps):
    made = make_folder()
    add_maps(made)
    np.savez(made.folder / "explain" / "maps.npz", photos=np.array(["a"]), maps=np.zeros((2, 3, 3)))
    with pytest.raises(UserError, match=r"shape \(2, 3, 3\) for 1 photos"):
        read_maps(made.folder, {"a"})
    np.savez(made.folder / "explain" / "maps.npz", heat=np.zeros((2, 3, 3)))
    with pytest.raises(UserError, match=r"maps.npz is damaged .*agerepro explain"):
        read_maps(made.folder, {"a"})


def test_maps_that_are_zero_everywhere_are_named_and_counted(make_folder, add_maps):
    made = make_folder()
    add_maps(made, empty=2)
    maps = read_maps(made.folder, set(made.photos["photo"]))
    assert maps is not None and maps.empty == set(made.photos["photo"][:2])
    assert "2 of them show no activation" in maps.sentence
    run = load_run(made.folder, partial=False)
    data = run_data(run, "x", posteriors=None, maps=maps, faces=None)
    assert [data["photos"]["photo"][index] for index in data["empty_maps"]] == sorted(maps.empty)


@pytest.mark.parametrize("name", ["maps.npz", "about.json", "regions-summary.csv"])
def test_a_damaged_file_of_the_maps_is_named_with_the_command_that_makes_it(make_folder, add_maps, name):
    made = make_folder()
    add_maps(made)
    (made.folder / "explain" / name).write_bytes(b"")
    with pytest.raises(UserError, match=f"{name}.*agerepro explain"):
        read_maps(made.folder, set())
