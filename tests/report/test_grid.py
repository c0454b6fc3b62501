"""The grid search as a table: what is chosen, and what it says of cells that diverged."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from agerepro.config.learning import SGD, Adam
from agerepro.errors import CheckFailed
from agerepro.report.figures.style import Caption
from agerepro.report.grid import choose_cell, mean_losses, write_grid

CAPTION = Caption("vgg16-imdb-agedb", "demo", "stage fgnet, 1 epoch, folds 0-1", "demo: synthetic faces")


def rows(losses: dict[tuple[float, int], list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"learning_rate": rate, "batch": batch, "fold": fold, "validation_loss": loss}
            for (rate, batch), folds in losses.items()
            for fold, loss in enumerate(folds)
        ]
    )


# Means by hand: 3.5, 3.0, infinite, 3.25.
LOSSES = rows({(0.01, 12): [3.0, 4.0], (0.01, 32): [2.0, 4.0], (0.1, 12): [2.0, math.inf], (0.1, 32): [3.0, 3.5]})


def test_the_cell_with_the_least_mean_over_folds_is_chosen_and_one_diverged_fold_rules_a_cell_out() -> None:
    best = choose_cell(LOSSES)
    assert (best.learning_rate, best.batch, best.validation_loss) == (0.01, 32, 3.0)
    assert best.as_settings("fgnet", Adam(0.1)) == ["stages.fgnet.batch_size=32", "stages.fgnet.optimizer={adam: {learning_rate: 0.01}}"]
    assert "backbone_lr_multiplier: 0.0001" in best.as_settings("fgnet", Adam(0.1, 0.0001))[1]


def test_what_is_chosen_keeps_the_optimizer_with_its_other_settings_as_yaml_reads_them() -> None:
    _, said = replace(choose_cell(LOSSES), learning_rate=0.00001).as_settings("fgnet", SGD(0.1, momentum=0.9, nesterov=True))
    key, _, text = said.partition("=")
    assert key == "stages.fgnet.optimizer"
    assert yaml.safe_load(text) == {"sgd": {"learning_rate": 0.00001, "momentum": 0.9, "nesterov": True}}


def test_equal_cells_give_the_gentler_one() -> None:
    assert choose_cell(rows({(0.1, 12): [2.0], (0.01, 64): [2.0], (0.01, 32): [2.0]})).batch == 32


def test_a_grid_that_diverged_everywhere_is_found_wanting() -> None:
    with pytest.raises(CheckFailed, match="lower learning rates"):
        choose_cell(rows({(0.1, 12): [math.inf]}))


def test_table_and_heat_map_say_banner_folds_and_what_diverged(tmp_path: Path) -> None:
    notes: list[str] = []
    text = write_grid(LOSSES, tmp_path, CAPTION, note=notes.append)
    assert "demo: synthetic faces" in text and "mean over 2 folds" in text and "diverged" in text and "3.000 *" in text
    assert text.index("0.1 ") < text.index("0.01 ")
    assert {file.name for file in tmp_path.iterdir()} == {"grid.csv", "grid.txt", "heat-map.csv", "heat-map.png", "heat-map.pdf"}
    assert mean_losses(LOSSES).loc[0.1, 12] == math.inf and notes == []


def test_a_table_that_cannot_be_saved_is_returned_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("not a folder")
    notes: list[str] = []
    assert "3.000 *" in write_grid(LOSSES, folder, CAPTION, note=notes.append)
    assert len(notes) == 1 and str(folder) in notes[0]
