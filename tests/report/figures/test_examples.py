"""Figures of single photos: their distributions, and the faces predicted best and worst."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agerepro.errors import UserError
from agerepro.report.figures.examples import (
    Example,
    best_and_worst,
    plot_compared_examples,
    plot_example_distributions,
    plot_faces,
)
from agerepro.report.figures.style import Caption

CAPTION = Caption("vgg16-faces2", "demo", "leave one person out, 12 folds")


def border_is_white(path):
    pixels = np.asarray(Image.open(path).convert("L"))
    return (np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel(), pixels[:, -3:].ravel()]) == 255).all()


@pytest.mark.parametrize(("count", "groups"), [(6, ()), (4, ()), (6, ("0-2", "4-6", "8-12", "60-100", "101-110"))])
def test_each_distribution_lies_in_the_csv_with_its_truth(tmp_path, count, groups):
    generator = np.random.default_rng(2)
    values = np.arange(len(groups) or 70)
    shares = generator.dirichlet(np.ones(len(values)), count)
    name = "set/a-name-that-is-longer-than-its-panel-is-wide-{}.jpg"
    examples = [Example(name.format(i), shares[i], values, float(values[-1]), float(values[i % len(values)])) for i in range(count)]
    first, second = (
        plot_example_distributions(examples, CAPTION, tmp_path / folder, chosen="Photos chosen by hand", groups=groups)
        for folder in ("a", "b")
    )
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(first, second))
    assert border_is_white(first[0])
    table = pd.read_csv(first[2])
    rows = table[table["photo"] == name.format(3)]
    np.testing.assert_allclose(rows["probability"], shares[3])
    assert rows["value"].tolist() == values.tolist()
    assert set(rows["truth"]) == {values[-1]} and set(rows["predicted"]) == {values[3 % len(values)]}


def test_no_example_is_refused(tmp_path):
    with pytest.raises(UserError, match="no example photos"):
        plot_example_distributions([], CAPTION, tmp_path, chosen="")


def test_best_and_worst_are_the_ends_of_the_errors_over_seeds(make_run):
    frame = make_run(seeds=2).predictions
    chosen = best_and_worst(frame, count=4)
    errors = (frame["predicted"] - frame["age"]).abs().groupby(frame["photo"]).mean().sort_values()
    assert chosen["which"].tolist() == ["best"] * 4 + ["worst"] * 4
    assert chosen["photo"].tolist() == [*errors.index[:4], *errors.index[::-1][:4]]
    np.testing.assert_allclose(chosen["error"], errors[chosen["photo"]])


def test_of_few_photos_none_is_both_best_and_worst(make_run):
    frame = make_run().predictions.head(5)
    chosen = best_and_worst(frame, count=6)
    assert len(chosen) == 4 and chosen["photo"].is_unique


def test_groups_have_no_best_face(make_group_run):
    with pytest.raises(UserError, match="tells age groups apart"):
        best_and_worst(make_group_run().predictions)


def test_only_the_pictures_given_are_shown(make_run, tmp_path):
    chosen = best_and_worst(make_run().predictions)
    pure = {photo: np.full((20, 20, 3), (0, 200, 40), np.uint8) for photo in chosen["photo"]}
    first, second = (plot_faces(chosen, pure, CAPTION, tmp_path / name) for name in ("a", "b"))
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(first, second))
    assert border_is_white(first[0])
    pixels = np.asarray(Image.open(first[0]).convert("RGB")).astype(int)
    shown = (np.abs(pixels - (0, 200, 40)).max(axis=2) < 3).mean()
    assert shown > 0.25  # twelve squares of the page
    assert pd.read_csv(first[2])["photo"].tolist() == chosen["photo"].tolist()
    lacking = {photo: picture for photo, picture in pure.items() if photo != chosen["photo"][2]}
    with pytest.raises(UserError, match=f"There is no picture of {chosen['photo'][2]}"):
        plot_faces(chosen, lacking, CAPTION, tmp_path)


def test_compared_examples_hold_truths_and_every_run_and_name_a_photo_without_a_picture(tmp_path):
    frame = pd.DataFrame({"photo": [f"set/{n}.jpg" for n in range(8)], "real age": 30.0, "apparent age": 33.2, "a": 31.04, "b": 29.0})
    pictures = {photo: np.full((20, 20, 3), (0, 200, 40), np.uint8) for photo in frame["photo"][1:]}
    options = {"truths": ["real age", "apparent age"], "runs": ["a", "b"], "chosen": "Photos chosen by hand"}
    first, second = (plot_compared_examples(frame, pictures, CAPTION, tmp_path / name, **options) for name in ("x", "y"))
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(first, second))
    assert border_is_white(first[0])
    pd.testing.assert_frame_equal(pd.read_csv(first[2]), frame)
    with pytest.raises(UserError, match="no photos, or no runs"):
        plot_compared_examples(frame.head(0), {}, CAPTION, tmp_path, **options)
