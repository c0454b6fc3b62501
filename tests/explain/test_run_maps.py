"""What may be explained, and how folders of settings are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from agerepro.config.divisions import LeaveOneSubjectOut
from agerepro.config.learning import Adam, Age, AgeGroups, AgeRange, Classification, Regression
from agerepro.config.schema import Backbone, Experiment, Faces, Stage
from agerepro.errors import UserError
from agerepro.explain import run_maps
from agerepro.explain.run_maps import (
    BATCH,
    MAP_SIDE,
    SIDE,
    ExplainConfig,
    RunFaces,
    classes_for,
    fold_maps,
    layer_of,
    mean_maps,
    name_of,
    parse_target,
    resolve_target,
    sample_photos,
)
from agerepro.tasks.task import restore_task
from agerepro.training.augment import PLAIN, View

STAGE = Stage(name="last", data="fgnet", epochs=1, batch_size=8, optimizer=Adam(learning_rate=0.01), protocol=LeaveOneSubjectOut())
AGES = Experiment(faces=Faces(), backbone=Backbone(name="vgg16"), stages=(STAGE,))
GROUPS = replace(AGES, stages=(replace(STAGE, target=AgeGroups(labels=("0-12", "13-99"))),))
CENTRED = Classification(ages=AgeRange(first=-50, last=50), label="nearest")
RESIDUALS = replace(AGES, stages=(replace(STAGE, target=Age(residual_of="apparent"), head=CENTRED),))
SCORES = replace(AGES, stages=(replace(STAGE, target=Age(column="score")),))


def resolve(config: ExplainConfig, experiment: Experiment) -> str | int:
    return resolve_target(config, experiment, restore_task(experiment, experiment.stages[-1], np.arange(-50, 51, dtype=np.float32)))


@pytest.mark.parametrize(
    ("text", "target"), [("expected_age", "expected_age"), ("predicted", "predicted"), ("30", 30), ("age 30", 30), ("age-4", 4)]
)
def test_a_target_is_a_word_or_an_age(text: str, target: str | int) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize("text", ["expected", "-3", "3.5", ""])
def test_anything_else_is_told_what_it_may_be(text: str) -> None:
    with pytest.raises(UserError, match="expected_age, predicted"):
        parse_target(text)


def test_ages_are_explained_by_the_expected_age_and_groups_by_the_predicted_one() -> None:
    assert resolve(ExplainConfig(), AGES) == "expected_age"
    assert resolve(ExplainConfig(), GROUPS) == "predicted"
    assert resolve(ExplainConfig(target=30), AGES) == 30
    with pytest.raises(UserError, match="predicted"):
        resolve(ExplainConfig(target="expected_age"), GROUPS)


@pytest.mark.parametrize(("experiment", "expected"), [(RESIDUALS, "expected_residual"), (SCORES, "expected_score")])
def test_classes_that_are_no_ages_are_named_as_what_they_are_and_none_stands_for_an_age(experiment: Experiment, expected: str) -> None:
    for asked in (ExplainConfig(), ExplainConfig(target="expected_age"), ExplainConfig(how="sensitivity")):
        assert resolve(asked, experiment) == expected
        assert expected in name_of(asked, resolve(asked, experiment), "conv5_3")
    assert resolve(ExplainConfig(target="predicted"), experiment) == "predicted"
    with pytest.raises(UserError, match=f"{expected.partition('_')[2]}s.* 30"):
        resolve(ExplainConfig(target=30), experiment)


def test_the_expected_residual_is_the_mean_of_the_networks_own_posterior() -> None:
    model = cast(Any, SimpleNamespace(bins=np.arange(-50, 51), labels=()))
    targets = [classes_for(target, model, np.zeros((1, 4, 4, 3))) for target in ("expected_age", "expected_residual", "expected_score")]
    assert targets == ["expected_age"] * 3


@pytest.mark.parametrize("head", [Regression(features="stages"), Regression(input_sizes=(100,))])
def test_a_prediction_from_several_maps_has_no_one_map(head: Regression) -> None:
    with pytest.raises(UserError, match="--how sensitivity"):
        resolve(ExplainConfig(), replace(AGES, head=head))
    assert (
        resolve(ExplainConfig(), replace(AGES, head=Regression()))
        == "expected_age"
        == resolve(ExplainConfig(), replace(AGES, head=Classification()))
    )


def test_pixels_are_explained_by_the_expected_age_alone_of_any_head() -> None:
    sensitive = ExplainConfig(how="sensitivity")
    for head in (Classification(), Regression(), Regression(features="stages"), Regression(input_sizes=(100,))):
        assert resolve(sensitive, replace(AGES, head=head)) == "expected_age"
    for config, experiment in ((sensitive, GROUPS), (replace(sensitive, target=30), AGES), (replace(sensitive, target="predicted"), AGES)):
        with pytest.raises(UserError, match="mean or grad_cam"):
            resolve(config, experiment)


def test_the_layer_is_the_last_unless_another_is_wished_and_pixels_have_none() -> None:
    assert layer_of(ExplainConfig(), "conv5_3") == "conv5_3" and layer_of(ExplainConfig(layer="conv4_3"), "conv5_3") == "conv4_3"
    assert layer_of(ExplainConfig(how="sensitivity"), "conv5_3") == "pixels"
    with pytest.raises(UserError, match="--layer"):
        layer_of(ExplainConfig(how="sensitivity", layer="conv4_3"), "conv5_3")


def test_other_settings_have_another_folder() -> None:
    folders = {
        name_of(ExplainConfig(), "expected_age", "conv5_3"),
        name_of(ExplainConfig(how="grad_cam"), "expected_age", "conv5_3"),
        name_of(ExplainConfig(), "predicted", "conv5_3"),
        name_of(ExplainConfig(), 30, "conv5_3"),
        name_of(ExplainConfig(), "expected_age", "conv4_3"),
        name_of(ExplainConfig(photos=8), "expected_age", "conv5_3"),
    }
    assert folders == {
        "mean-expected_age-conv5_3",
        "grad_cam-expected_age-conv5_3",
        "mean-predicted-conv5_3",
        "mean-age-30-conv5_3",
        "mean-expected_age-conv4_3",
        "mean-expected_age-conv5_3-8-photos",
    }


def test_photos_are_drawn_whatever_their_order() -> None:
    names = [f"fgnet/{n}.jpg" for n in range(20)]
    few = sample_photos(names, 5, rng_key="some")
    assert few == sample_photos(names[::-1], 5, rng_key="some") and len(set(few)) == 5
    assert few != sample_photos(names, 5, rng_key="others")
    assert sample_photos(names, 50, rng_key="some") == sorted(names)


FACE = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])


def spot(at: np.ndarray, side: int) -> np.ndarray:
    """A bright disc at a point in shares of the side, on a dim ground."""
    y, x = np.indices((side, side)) + 0.5
    return (np.hypot(x / side - at[0], y / side - at[1]) < 0.08) + 0.01


def test_noses_at_two_places_are_laid_on_the_mean_one() -> None:
    shifts = np.array([[-0.1, 0.0], [0.1, 0.05]])
    landmarks = FACE + shifts[:, None]
    maps = np.stack([spot(one[2], 56) for one in landmarks])
    images = np.stack([np.repeat(spot(one[2], 40)[..., None] * 200, 3, axis=-1) for one in landmarks]).astype(np.uint8)
    found = mean_maps(maps, images, landmarks, np.array(["0-9", "0-9"]))
    assert found is not None and found.photos == {"all": 2, "0-9": 2}
    nose = landmarks.mean(axis=0)[2]
    for picture, side in ((found.energy["all"], MAP_SIDE), (found.faces["all"][..., 0], SIDE)):
        y, x = np.unravel_index(np.nanargmax(np.where(np.isfinite(picture), picture, -1) * (picture < 255)), picture.shape)
        assert np.hypot((x + 0.5) / side - nose[0], (y + 0.5) / side - nose[1]) < 0.09
        # Where a disc lay before, nothing is left: it moved as a whole.
    assert np.nanmax(found.energy["all"]) == pytest.approx(np.nanmax(maps[0] / maps[0].mean()), rel=0.15)


def test_faces_without_landmarks_and_empty_maps_are_left_out() -> None:
    landmarks = np.stack([FACE, np.full((5, 2), np.nan), FACE])
    maps = np.ones((3, 2, 2))
    maps[2] = 0
    images = np.zeros((3, 8, 8, 3), np.uint8)
    found = mean_maps(maps, images, landmarks, np.array(["0-9", "0-9", "60+"]))
    assert found is not None and found.photos == {"all": 1, "0-9": 1}
    np.testing.assert_allclose(found.energy["all"], 1, atol=1e-5)
    assert mean_maps(maps[1:], images[1:], landmarks[1:], np.array(["0-9", "60+"])) is None


class Counting:
    """A source whose crops say their row, and that notes how many photos it was asked for at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def batch(self, rows: np.ndarray, view: View, /) -> np.ndarray:
        assert view == PLAIN
        self.sizes.append(len(rows))
        return np.broadcast_to(rows[:, None, None, None], (len(rows), 4, 4, 3)).astype(np.uint8)


def test_crops_are_loaded_and_explained_few_at_a_time_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, source = [f"fgnet/{number:03d}" for number in range(200)], Counting()
    faces = RunFaces(pd.DataFrame({"photo": names}), np.zeros((200, 5, 2)), source, drawn=True)
    rows = np.random.default_rng(0).permutation(200)
    np.testing.assert_array_equal(faces.images(rows)[:, 0, 0, 0], rows)
    assert faces.images(rows[:0]).shape == (0, 4, 4, 3)
    asked: list[int] = []

    def row_as_map(model: object, images: np.ndarray, layer: str, **more: Any) -> np.ndarray:
        asked.append(len(images))
        return images[..., 0].astype(np.float32) + 1

    monkeypatch.setattr(run_maps, "maps_of", row_as_map)
    monkeypatch.setattr(run_maps, "fold_digest", lambda *of: "digest")
    model = SimpleNamespace(experiment=AGES, network=SimpleNamespace(main=None), bins=np.zeros(0), load_fold=lambda number, *, seed: None)
    photos = pd.DataFrame({"fold": 0, "photo": [names[row] for row in rows]})
    results = fold_maps(
        cast(Any, model), faces, photos, how="mean", target="expected_age", layer="c", folder=tmp_path, clock=lambda: 0.0, on_progress=print
    )
    np.testing.assert_array_equal(results.scale, rows + 1)
    assert max(source.sizes) == max(asked) == BATCH and sum(asked) == 200
