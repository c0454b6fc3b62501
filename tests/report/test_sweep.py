"""Sweeps as a table and a figure: the scores of their runs, at their values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agerepro.report.loading import load_run
from agerepro.report.sweep import plot_sweep, sweep_folder, sweep_table, write_sweep
from agerepro.runs.plan import RunOptions
from agerepro.runs.sweep import Sweep

FILE = Path("vgg16-faces2.yaml")
VALUES = ("0", "0.1", "0.2")
EACH = tuple(RunOptions(FILE, settings=settings) for settings in (("a=0",), (), ("a=0.2",)))


@pytest.fixture
def swept(make_folder):
    """A sweep of three values, the second the experiment's own and the third not done; its runs; the scored ones."""
    made = {option: make_folder(name=f"run-{n}", error=float(n + 3), seed=n, people=12) for n, option in enumerate(EACH[:2])}
    return Sweep("a", VALUES, EACH, "0.1"), {option: load_run(run.folder, partial=False) for option, run in made.items()}


def test_the_table_holds_the_scores_of_every_run_and_the_own_value(swept):
    sweep, runs = swept
    table = sweep_table([sweep], runs)
    assert list(table["value"]) == list(VALUES) and list(table["own"]) == [False, True, False]
    for row, run in zip(table.to_dict("records"), runs.values()):
        errors = (run.result.predictions["predicted"] - run.result.predictions["age"]).abs()
        assert row["mae"] == pytest.approx(errors.mean()) and row["mae_low"] < row["mae"] < row["mae_high"]
        assert row["cs_5"] == pytest.approx((errors <= 5).mean()) and row["run"] == str(run.run.folder)
    assert np.isnan(table.loc[2, "mae"])


def test_text_csv_and_figure_are_written_and_name_what_is_swept_once(swept, tmp_path):
    sweep, runs = swept
    notes = []
    place = sweep_folder([sweep], [run.run for run in runs.values()])
    text, table = write_sweep([sweep], runs, tmp_path, note=notes.append)
    assert notes == [] and place.name.startswith("sweep-run-0-demo-") and place.parent == next(iter(runs.values())).run.folder.parents[1]
    assert (tmp_path / "sweep.txt").read_text() == text and "0.1 *" in text and "demo: synthetic faces" in text and "a=0" not in text
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "sweep.csv", dtype={"value": str}), table, check_dtype=False)
    first = (tmp_path / "figures" / "sweep.png").read_bytes()
    write_sweep([sweep], runs, tmp_path, note=notes.append)
    assert (tmp_path / "figures" / "sweep.png").read_bytes() == first


def test_values_that_are_no_numbers_stand_side_by_side(swept, tmp_path):
    from agerepro.report.figures.style import Caption

    sweep, runs = swept
    words = Sweep("backbone.name", ("vgg16", "alexnet", "resnet50"), sweep.options, None)
    png, _, csv = plot_sweep(sweep_table([words], runs), Caption("x", "demo", "5 folds"), tmp_path)
    assert png.stat().st_size and list(pd.read_csv(csv)["value"]) == list(words.values)
