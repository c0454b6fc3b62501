"""What searches chose, counted by hand, and its figure."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from agerepro.report.families import families_of, families_table, family_pages
from agerepro.report.results import plot_figures
from agerepro.report.tables import as_text

CHOSEN = pd.DataFrame(
    [
        (0, 0, "sgd", 0.25),
        (0, 0, "sgd", 0.25),
        (0, 0, "mlp", 0.5),
        (0, 1, "mlp", 1.0),
        (0, 1, "dummy", 0.0),
        (0, 2, "gaussian_process", 1.0),
    ],
    columns=["seed", "fold", "family", "weight"],
)


@pytest.fixture
def searched(make_run):
    return replace(make_run(people=3, done=3, total=3), engine="autosklearn", chosen=CHOSEN)


def test_weights_are_means_over_all_folds_and_a_model_without_weight_counts_nowhere(searched):
    table = families_of(searched).set_index("family")
    assert list(table.index) == ["mlp", "gaussian_process", "sgd"]
    assert table["folds"].tolist() == [2, 1, 1] and set(table["of"]) == {3}
    assert table["mean_weight"].tolist() == pytest.approx([0.5, 1 / 3, 0.5 / 3]) and table["mean_weight"].sum() == pytest.approx(1)


def test_runs_without_a_search_have_neither_table_nor_section(make_run, searched):
    trained = make_run("vgg16-imdb", people=3, done=3, total=3)
    assert families_table([trained]) is None and family_pages([trained]) == []
    (page,) = family_pages([trained, searched])
    assert page.rows[0] == ("vgg16-faces2", "autosklearn", "mlp", "2 of 3", "0.50") and "demo: synthetic faces" in as_text([page])
    assert set(families_table([trained, searched])["experiment"]) == {"vgg16-faces2"}


def test_the_figure_is_drawn_of_the_run_that_searched(searched, make_run, tmp_path):
    trained = make_run("vgg16-imdb", people=3, done=3, total=3)
    drawn = {path.name for path in plot_figures([trained, searched], tmp_path)}
    assert {name for name in drawn if name.startswith("families")} == {f"families-vgg16-faces2.{form}" for form in ("png", "pdf", "csv")}
    assert pd.read_csv(tmp_path / "families-vgg16-faces2.csv")["family"].tolist() == ["mlp", "gaussian_process", "sgd"]
