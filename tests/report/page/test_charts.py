"""The charts: scales and ticks by hand, and numbers that stand in the drawing where they belong."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from agerepro.report.figures.training_curves import StageHistory
from agerepro.report.page.charts import Box, age_chart, age_page, box_plot, cumulative_chart, errors_by_age, training_curves
from agerepro.report.page.svg import Scale, ticks

NAN = float("nan")


def test_a_scale_is_linear_and_may_point_upwards():
    assert [Scale(0, 10, 100, 200)(value) for value in (0, 5, 10)] == [100, 150, 200]
    assert Scale(0, 10, 200, 100)(2.5) == 175
    assert Scale(3, 3, 0, 10)(3) == 0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (0, 0.31, [0, 0.1, 0.2, 0.3]), (1, 20, [5, 10, 15, 20]), (2, 2, [2]), (-3, 3, [-2, 0, 2])],
)
def test_ticks_are_round_numbers_inside(low, high, expected):
    assert ticks(low, high) == expected


def test_a_box_says_its_quartiles_and_marks_the_folds_beyond_the_whiskers():
    errors = np.array([1.0, 2, 3, 4, 5, 20])
    plot = box_plot([Box("a <b>", errors, 4.5), Box("c", errors, NAN)], unit="years")
    # By hand: quartiles at 2.25, 3.5 and 4.75; the upper whisker may reach 4.75 + 1.5 * 2.5 = 8.5, so 20 lies beyond it.
    of_a = plot.description[plot.description.index("a <b>") : plot.description.index("c: ")]
    assert all(number in of_a for number in ("5.83", "2.25", "3.50", "4.75 years", "4.50"))
    assert plot.picture.count('class="outlier') == 2 and plot.picture.count('class="paper"') == 1
    assert "a &lt;b&gt;" in plot.picture and "<b>" not in plot.picture


def test_errors_by_age_begin_with_the_youngest_children(make_run):
    runs = {"a": make_run().predictions, "b": make_run(error=9.0).predictions}
    binned = errors_by_age(runs)
    page = age_page(binned, "")
    assert page.rows[0][0] == "a" and page.rows[0][1] == "0-4"
    assert [row[0] for row in page.rows if row[0]] == ["a", "b"]
    picture = age_chart(binned).picture
    assert picture.count("<circle") == sum(len(table) for table in binned.values())
    assert picture.index(">0-4<") < picture.index(">20-29<")


def test_the_cumulative_score_rises_from_exact_answers_to_all(make_run):
    frame = make_run().predictions
    exact = frame.assign(predicted=frame["age"])
    plot = cumulative_chart({0: ("exact", exact), 1: ("far", frame.assign(predicted=frame["age"] + 30))}, frame)
    lines = re.findall(r'class="run s\d d\d" d="M([^"]+)"', plot.picture)
    heights = [{point.split()[1] for point in line.split("L")} for line in lines]
    assert heights == [{"24"}, {"244"}]  # 100 % is the top, 0 % the bottom of the chart
    assert "exact 100 %, far 0 %" in plot.description


def test_curves_show_the_mean_of_folds_their_band_and_leave_out_what_is_not_there():
    folds = [pd.DataFrame({"epoch": [1, 2], "loss": [3.0 + f, 1.0 + f], "validation_loss": [NAN, NAN]}) for f in (0.0, 1.0, 2.0)]
    plot = training_curves(StageHistory("fgnet, 3 folds", tuple(folds)))
    assert (
        plot is not None and all(part in plot.description for part in ("4.00", "2.00", "2 epochs")) and "validation" not in plot.description
    )
    assert plot.picture.count('class="band') == 1 and plot.picture.count('class="run') == 1
    diverged = pd.DataFrame({"epoch": [1], "loss": [np.inf], "validation_loss": [NAN]})
    assert training_curves(StageHistory("x", (diverged,))) is None
