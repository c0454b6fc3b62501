"""Figures of a data set's ages and groups, and of ages taken for other ages: their CSV against counts made otherwise."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agerepro.errors import UserError
from agerepro.report.figures.distributions import (
    binned,
    plot_age_confusion,
    plot_age_distributions,
    plot_age_histogram,
    plot_group_counts,
    plot_two_ages,
)
from agerepro.report.figures.style import Caption

CAPTION = Caption("vgg16-imdb-agedb", "demo", "leave one person out, 82 folds", "demo: synthetic faces")
AGES = pd.DataFrame(
    {
        "data": ["imdb"] * 3 + ["fgnet"] * 2,
        "age": [50.0, 20.0, 30.0, 1.0, 18.0],
        "photos": [2, 5, 3, 1, 3],
    }
)
GROUPS = ("0-2", "4-6", "8-12", "15-20", "25-32", "38-43", "48-53", "60-100")


def drawn_twice(draw, tmp_path, name):
    """The table beside a figure, drawn twice to the same bytes, with nothing cut off at its edges."""
    first, second = draw(tmp_path / "a"), draw(tmp_path / "b")
    assert [path.name for path in first] == [f"{name}.{ending}" for ending in ("png", "pdf", "csv")]
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(first, second))
    pixels = np.asarray(Image.open(first[0]).convert("L"))
    assert (np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel(), pixels[:, -3:].ravel()]) == 255).all()
    return pd.read_csv(first[2])


def test_two_ages_are_drawn_of_the_photos_that_have_both(tmp_path):
    real, apparent = pd.Series({"a": 30.0, "b": 20.0, "c": 5.0}), pd.Series({"c": 7.5, "a": 33.0, "b": np.nan})
    table = drawn_twice(lambda folder: plot_two_ages("appareal", real, apparent, CAPTION, folder), tmp_path, "real-and-apparent-age")
    assert table.to_dict("list") == {"photo": ["a", "c"], "age": [30.0, 5.0], "apparent_age": [33.0, 7.5]}
    with pytest.raises(UserError, match="No photo of appareal has both"):
        plot_two_ages("appareal", real.head(0), apparent, CAPTION, tmp_path)


def test_a_bar_a_year_counts_the_photos_whose_last_full_year_it_is(tmp_path):
    ages = pd.Series([3.0, 3.99, 4.0, 7.5, np.nan])
    table = drawn_twice(lambda folder: plot_age_histogram("congress", ages, CAPTION, folder), tmp_path, "ages")
    assert table.to_dict("list") == {"age": [3, 4, 5, 6, 7], "photos": [2, 1, 0, 0, 1]}
    with pytest.raises(UserError, match="No photo of congress has an age"):
        plot_age_histogram("congress", pd.Series([np.nan]), CAPTION, tmp_path)


def test_shares_rise_to_one_with_the_age_in_every_data_set(tmp_path):
    table = drawn_twice(lambda folder: plot_age_distributions(AGES, CAPTION, folder), tmp_path, "age-distributions")
    imdb = table[table["data"] == "imdb"].set_index("age")["share"]
    assert imdb.to_dict() == pytest.approx({20: 0.5, 30: 0.8, 50: 1.0})  # 5, 8 and 10 of 10 photos
    assert table[table["data"] == "fgnet"]["share"].tolist() == [0.25, 1.0]
    with pytest.raises(UserError, match="1 to 7 data sets, not 0"):
        plot_age_distributions(AGES[:0], CAPTION, tmp_path)


def test_figure_5_more_than_half_of_fg_net_is_below_20(fgnet_names, tmp_path):
    """koenig2019, section 6: "more than half of the images in FG-NET-AD are labeled with ages below 20"; 63 ages [section 4]."""
    ages = pd.Series([float(re.search(r"[Aa](\d+)", name)[1]) for name in fgnet_names])
    counted = ages.value_counts().rename_axis("age").rename("photos").reset_index().assign(data="fgnet")
    table = pd.read_csv(plot_age_distributions(counted, CAPTION, tmp_path)[2])
    assert table["photos"].sum() == 1002 and len(table) == 63
    assert table.loc[table["age"] < 20, "share"].max() > 0.5


def test_a_group_without_photos_keeps_its_place(tmp_path):
    groups = pd.Series(["0-2"] * 3 + ["25-32"] * 5 + ["60-100"] * 2)
    table = drawn_twice(lambda folder: plot_group_counts("adience", groups, GROUPS, CAPTION, folder), tmp_path, "groups")
    assert table["group"].tolist() == list(GROUPS)
    assert table["photos"].tolist() == [3, 0, 0, 0, 5, 0, 0, 2]
    assert table["share"].tolist() == pytest.approx([0.3, 0, 0, 0, 0.5, 0, 0, 0.2])
    with pytest.raises(UserError, match="groups '33-37', which are none of 0-2"):
        plot_group_counts("adience", pd.Series(["33-37"]), GROUPS, CAPTION, tmp_path)


@pytest.mark.parametrize("years", [1, 5])
def test_every_photo_is_counted_in_the_bin_of_its_age_and_its_prediction(make_run, tmp_path, years):
    frame = make_run(error=12).predictions  # some predictions are below 0
    table = drawn_twice(lambda folder: plot_age_confusion(frame, CAPTION, folder, years=years), tmp_path, "age-confusion")
    edges = np.arange(-100, 201, years)
    counts, _, _ = np.histogram2d(frame["age"], frame["predicted"], bins=(edges, edges))
    rows, columns = np.nonzero(counts)
    expected = {(edges[r], edges[c]): counts[r, c] for r, c in zip(rows, columns)}
    assert {(row.age, row.predicted): row.photos for row in table.itertuples()} == expected


def test_bins_begin_at_whole_multiples():
    frame = pd.DataFrame({"age": [4.99, 5.0, 0.0], "predicted": [-0.1, 9.9, 10.0]})
    assert binned(frame, years=5).to_numpy().tolist() == [[0, -5, 1], [0, 10, 1], [5, 5, 1]]


def test_ages_confused_are_of_a_run_of_ages(make_run, make_group_run, tmp_path):
    with pytest.raises(UserError, match="tells age groups apart"):
        plot_age_confusion(make_group_run().predictions, CAPTION, tmp_path)
    with pytest.raises(UserError, match="Bins of 0 years"):
        plot_age_confusion(make_run().predictions, CAPTION, tmp_path, years=0)
