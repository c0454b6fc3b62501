"""`agerepro sweep`: what it runs, prints and ends with; nothing is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agerepro.cli.main import agerepro_command
from agerepro.report.loading import load_run
from agerepro.runs.layout import Run
from agerepro.runs.local import FoldsFailed
from tests.report.run_folders import make_folder as make_folder
from tests.report.run_folders import make_folder_in as make_folder_in

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "pan2018" / "table2-mean-variance-se.yaml"


@pytest.fixture
def sweep(make_folder, monkeypatch):
    """The command over two values whose runs are made by hand; `fails` makes the first of them fail. Also the settings that were run."""
    monkeypatch.setattr("agerepro.report.sweep.plot_sweep", lambda table, caption, folder: [])
    asked = []

    def call(fails=False):
        folders = {settings: make_folder(name=settings or "own").folder for settings in ("loss.mean.weight=0", "")}

        def run_experiments(options, reporter):
            asked.extend(option.settings for option in options)
            if fails:
                raise FoldsFailed({Run(folders["loss.mean.weight=0"]): {"fold 0": "The loss became nan."}})
            yield from ()

        monkeypatch.setattr("agerepro.runs.local.run_experiments", run_experiments)
        monkeypatch.setattr("agerepro.runs.sweep.run_of", lambda option: Run(folders["".join(option.settings)]))
        words = ["sweep", str(EXPERIMENT), "--profile", "demo", "--over", "loss.mean.weight=0,0.2"]
        return CliRunner().invoke(agerepro_command, words), folders, asked

    return call


def test_every_value_is_run_once_and_its_scores_are_printed(sweep):
    result, folders, asked = sweep()
    assert result.exit_code == 0, result.output
    assert asked == [("loss.mean.weight=0",), ()]
    for folder in folders.values():
        predictions = load_run(folder, partial=False).result.predictions
        assert f"{(predictions['predicted'] - predictions['age']).abs().mean():.2f}" in result.stdout
    assert "0.2 *" in result.stdout and "Next: agerepro table" in result.stderr


def test_a_value_that_diverged_is_missing_in_the_table_and_found_wanting(sweep):
    result, _, _ = sweep(fails=True)
    assert isinstance(result.exception, FoldsFailed)
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("loss.mean.weight")]
    assert line.split() == ["loss.mean.weight", "0", *"-----"] and "0.2 *" in result.stdout
