"""Figures of explained runs: each draws what its CSV holds, with faces or without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from agerepro.errors import UserError
from agerepro.explain.cam import How, resize
from agerepro.explain.faithfulness import STEPS, Checks, areas, check_summary, compare_with_random, curve_table
from agerepro.explain.maps import SENSITIVITY
from agerepro.explain.regions import face_regions, region_summary, region_table
from agerepro.explain.run_maps import mean_maps
from agerepro.report.figures.explained import FACES_SHOWN, plot_deletion_curves, plot_mean_maps, plot_regions, spread_over_ages
from agerepro.report.figures.maps import (
    NO_ACTIVATION,
    NO_DIFFERENCE,
    Face,
    MapWords,
    Network,
    empty_maps_text,
    plot_class_activation,
    plot_compared_maps,
    plot_map,
    plot_map_differences,
)
from agerepro.report.figures.style import Caption

CAPTION = Caption("vgg16-faces2", "demo", "leave-one-person-out", "demo: synthetic faces")
LANDMARKS = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])
PHOTOS = pd.DataFrame({"photo": [f"p{n}" for n in range(6)], "subject": [f"s{n // 2}" for n in range(6)], "age": [3.0, 5, 12, 30, 45, 70]})
GROUPS = np.array(["0-9", "0-9", "10-19", "20-39", "40-59", "60+"])
EVERYWHERE = np.repeat(LANDMARKS[None], 6, axis=0)
WORDS = MapWords.of("mean", "expected_age")
MAPS = np.random.default_rng(0).normal(size=(6, 3, 3))


def network(backbone: str, row: str) -> Network:
    named = dict(zip(PHOTOS["photo"], MAPS))
    return Network(backbone, row, f"{backbone}-{row}", named, dict.fromkeys(named, "21.5"))


def face(photo: str, *, shown: bool) -> Face:
    picture = np.full((48, 48, 3), 120, np.uint8) if shown else None
    return Face(photo, "9", picture, face_regions(LANDMARKS * 112, 112))


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("backbones", [("VGG-16",), ("ResNet-50", "VGG-16")])
def test_maps_of_one_or_several_networks_before_and_after(tmp_path: Path, backbones: tuple[str, ...], shown: bool) -> None:
    networks = [network(backbone, row) for backbone in backbones for row in ("after", "before")]
    png, pdf, csv = plot_class_activation(networks, [face("p0", shown=shown), face("p3", shown=shown)], CAPTION, tmp_path, words=WORDS)
    table = pd.read_csv(csv)
    assert png.stat().st_size and pdf.stat().st_size and len(table) == len(networks) * 2 * 9
    values = table.query("photo == 'p3' and experiment == 'VGG-16-after'")["value"]
    np.testing.assert_allclose(values, MAPS[3].ravel())


def test_a_difference_of_maps_is_the_absolute_one_of_what_is_drawn(tmp_path: Path) -> None:
    before = network("VGG-16", "before")
    after = replace(network("VGG-16", "after"), maps={photo: -2 * heat for photo, heat in before.maps.items()})
    png, pdf, csv = plot_map_differences(before, after, [face("p0", shown=True), face("p3", shown=False)], CAPTION, tmp_path, words=WORDS)
    table = pd.read_csv(csv).query("photo == 'p3'").filter(regex="^x").to_numpy()
    assert png.stat().st_size and pdf.stat().st_size and table.shape == (112, 112)
    np.testing.assert_allclose(table, 3 * np.abs(resize(MAPS[3:4], 112)[0]), atol=1e-3)


@pytest.mark.parametrize("shown", [True, False])
def test_compared_maps_hold_every_network_and_the_difference_of_the_first_two(tmp_path: Path, shown: bool) -> None:
    first = replace(network("VGG-16", "after"), experiment="a", maps={photo: np.abs(heat) for photo, heat in zip(PHOTOS["photo"], MAPS)})
    second = replace(first, experiment="b", maps={photo: 3 * heat for photo, heat in first.maps.items()})
    third = replace(first, experiment="c", maps={photo: 0 * heat for photo, heat in first.maps.items()})
    faces, gaps = [face("p0", shown=shown), face("p3", shown=shown)], {"p0": "+1.0", "p3": "-2.0"}
    png, pdf, csv = plot_compared_maps([first, second, third], faces, gaps, CAPTION, tmp_path, words=WORDS)
    table = pd.read_csv(csv).query("photo == 'p3'").set_index("experiment")["value"]
    assert png.stat().st_size and pdf.stat().st_size
    np.testing.assert_allclose(table["b"], 3 * np.abs(MAPS[3]).ravel())
    np.testing.assert_allclose(table["b - a"], 2 * resize(np.abs(MAPS[3:4]), 112).ravel(), atol=1e-5)
    with pytest.raises(UserError, match="2 to 4 networks, not 1"):
        plot_compared_maps([first], faces, gaps, CAPTION, tmp_path, words=WORDS)


def test_every_kind_of_map_has_words() -> None:
    kinds = [*get_args(How), SENSITIVITY]
    assert [MapWords.of(kind, "expected_age").explains.count("expected age") for kind in kinds] == [1, 1, 1]


def test_words_name_what_each_network_expects_and_the_axis_its_unit() -> None:
    both = MapWords.of("sensitivity", "expected_age", "expected_age", "expected_residual").explains
    assert both.count("expected age") == both.count("expected residual") == 1
    scores = {target: MapWords.of("mean", target).score for target in ("expected_age", "expected_residual", "expected_score", "predicted")}
    assert scores["expected_age"] == "Expected age (years)" and scores["expected_residual"] == "Expected residual (years)"
    assert scores["expected_score"] == "Expected score (points)" and "robability" in scores["predicted"]
    assert (
        "years" in MapWords.of("sensitivity", "expected_residual").score and "points" in MapWords.of("sensitivity", "expected_score").score
    )


def test_compared_faces_go_from_the_youngest_to_the_oldest_in_steps_of_age() -> None:
    """agustsson2017, section IV-E: the examples of Figure 6 are sorted by age."""
    ages = pd.Series({"f": 80.0, "e": 4.0, "d": 20.0, "c": 20.0, "b": 41.0, "a": 52.0, "g": 21.0, "h": 66.0, "x": 99.0})
    tested = pd.DataFrame({"photo": ages.index})
    runs = cast(Any, [SimpleNamespace(photos=tested), SimpleNamespace(photos=tested.iloc[::-1].query("photo != 'x'"))])
    # Steps of 15.2 years from 4 to 80; of the two of 20 years the first by name.
    assert spread_over_ages(runs, ages) == ["e", "c", "b", "a", "h", "f"]
    assert spread_over_ages(runs[::-1], ages.sample(frac=1, random_state=0)) == ["e", "c", "b", "a", "h", "f"]
    few = cast(Any, [SimpleNamespace(photos=tested.iloc[:3])])
    assert spread_over_ages(few, ages) == ["e", "d", "f"] and FACES_SHOWN == 3
    same = cast(Any, [SimpleNamespace(photos=tested.iloc[2:4])])
    assert spread_over_ages(same, ages) == ["c", "d"]
    with pytest.raises(UserError, match="no photo in common"):
        spread_over_ages([*few, *cast(Any, [SimpleNamespace(photos=tested.iloc[5:])])], ages)


def test_no_network_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no network, or no face"):
        plot_class_activation([], [face("p0", shown=True)], CAPTION, tmp_path, words=WORDS)
    with pytest.raises(UserError, match="No run has photos with landmarks"):
        plot_mean_maps({}, CAPTION, tmp_path, shown="faces")
    with pytest.raises(UserError, match="0 runs"):
        plot_regions({}, CAPTION, tmp_path)


def test_mean_maps_and_regions_hold_what_they_show(tmp_path: Path) -> None:
    means = mean_maps(MAPS, np.full((6, 48, 48, 3), 90, np.uint8), EVERYWHERE, GROUPS)
    assert means is not None
    table = pd.read_csv(plot_mean_maps({"a": means, "b": means}, CAPTION, tmp_path, shown="faces")[2])
    assert set(table["group"]) == {"all", *GROUPS} and set(table["run"]) == {"a", "b"}
    first = table.query("run == 'a' and group == 'all' and y == 20").filter(regex="^x")
    np.testing.assert_allclose(first.to_numpy()[0], means.energy["all"][20], atol=1e-4)
    summary = region_summary(region_table(PHOTOS, MAPS, EVERYWHERE), pd.Series(GROUPS, index=PHOTOS["photo"]))
    plotted = pd.read_csv(plot_regions({"a": summary, "b": summary}, CAPTION, tmp_path)[2])
    np.testing.assert_allclose(plotted.query("run == 'b'")["relative"], summary["relative"])


def test_curves_hold_the_means_of_the_photos(tmp_path: Path) -> None:
    scores = np.random.default_rng(1).random((2, 2, 6, STEPS + 1))
    random = compare_with_random(PHOTOS, MAPS, MAPS[None, ::-1], EVERYWHERE)
    checks = Checks(random, curve_table(PHOTOS, scores), check_summary(PHOTOS, random, areas(scores), unit="years"))
    table = pd.read_csv(plot_deletion_curves(checks, CAPTION, tmp_path, score="Expected age (years)")[2])
    means = table.query("order == 'insertion' and map == 'map'")["score"]
    np.testing.assert_allclose(means, scores[1, 0].mean(axis=0))


def test_maps_that_are_zero_everywhere_are_named_on_the_picture_and_counted() -> None:
    """Grad-CAM of a network with one output, say: a grey picture that would look like a map."""
    axes = Figure().subplots()
    plot_map(axes, np.zeros((3, 3)), None, None)
    assert [text.get_text() for text in axes.texts] == [NO_ACTIVATION]
    axes = Figure().subplots()
    plot_map(axes, np.zeros((3, 3)), np.full((48, 48, 3), 120, np.uint8), None, empty=NO_DIFFERENCE)
    assert [text.get_text() for text in axes.texts] == [NO_DIFFERENCE]
    axes = Figure().subplots()
    plot_map(axes, MAPS[0], None, None)
    assert not axes.texts
    assert "2 of 3" in empty_maps_text([np.zeros((2, 2)), MAPS[0], np.zeros((2, 2))]) and empty_maps_text([MAPS[0]]) == ""


def test_empty_maps_change_the_picture_and_not_its_numbers(tmp_path: Path) -> None:
    dead = replace(network("VGG-16", "after"), maps={photo: 0 * heat for photo, heat in zip(PHOTOS["photo"], MAPS)})
    faces = [face("p0", shown=True), face("p3", shown=True)]
    png, _, csv = plot_class_activation([dead], faces, CAPTION, tmp_path, words=WORDS)
    assert (pd.read_csv(csv)["value"] == 0).all() and png.stat().st_size
    plot_map_differences(dead, dead, faces, CAPTION, tmp_path, words=WORDS)
