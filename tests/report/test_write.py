"""Reports printed and written: where the files go, and what is printed where nothing can be written."""

from __future__ import annotations

import errno

import pytest

from agerepro.errors import UserError
from agerepro.io import finished_by
from agerepro.report.loading import load_run
from agerepro.report.page.write import write_page
from agerepro.report.write import results_folder, write_figures, write_report
from agerepro.runs.layout import inputs_digest
from agerepro.tables import PHOTOS, SCORES, read_table, write_table


@pytest.fixture
def without_figures(monkeypatch):
    """Plotting takes half a second a figure, and these tests look at none."""
    monkeypatch.setattr("agerepro.report.results.plot_figures", lambda runs, folder: [])
    monkeypatch.setattr("agerepro.report.write.plot_run", lambda run, folder: [])
    monkeypatch.setattr("agerepro.report.write.plot_compared", lambda runs, folder, faces="": [])


def report(runs, **options):
    """What is printed, what is noted, and where the results are."""
    printed, notes = [], []
    place = write_report(runs, out=printed.append, note=notes.append, **options)
    return printed, notes, place


def test_the_printed_table_is_the_written_one(make_folder, without_figures):
    run = load_run(make_folder().folder, partial=False)
    printed, notes, place = report([run])
    assert place == run.run.folder / "results" and notes == []
    assert printed[0] + "\n" == (place / "table.txt").read_text(encoding="utf-8") and str(place) in printed[1]
    for style in ("csv", "md", "tex"):
        (text,), _, _ = report([run], style=style)
        assert text + "\n" == (place / f"table.{style}").read_text(encoding="utf-8")


def test_tables_on_fewer_photos_lie_beside_the_others_and_say_so(make_folder, without_figures):
    made = [make_folder(), make_folder(name="other", error=2.0)]
    photos = made[0].photos.assign(age_std=[1.0 if number % 2 else 5.0 for number in range(len(made[0].photos))])
    for run in made:
        write_table(run.folder / "photos.csv", photos, PHOTOS)
    runs = [load_run(run.folder, partial=False) for run in made]
    _, _, place = report(runs[:1], within_std=1)
    assert place == made[0].folder / "results-std-1"
    sure = runs[0].result.predictions.merge(photos.loc[photos["age_std"] == 1, ["photo"]], on="photo")
    scores = read_table(place / "scores.csv", SCORES)
    pooled = scores[(scores["aggregation"] == "pooled") & (scores["metric"] == "mae")]["value"].item()
    assert pooled == pytest.approx((sure["predicted"] - sure["age"]).abs().mean())
    _, _, both = report(runs, within_std=2.5)
    assert both.parent == made[0].folder.parents[1] and both.name.startswith("results-demo-") and both.name.endswith("-std-2.5")
    for ending in ("txt", "md", "tex"):
        text = " ".join((both / f"table.{ending}").read_text(encoding="utf-8").split())
        assert f"{len(sure)} of {len(photos)} photos" in text and "2.5 years" in text, ending


def test_results_of_several_runs_lie_beside_them(make_folder):
    runs = [load_run(make_folder(name=name).folder, partial=False) for name in ("one", "other")]
    place = results_folder(runs)
    assert place.parent == runs[0].run.folder.parents[1] and place.name.startswith("results-demo-")
    assert results_folder(runs[:1]) == runs[0].run.folder / "results"


@pytest.mark.parametrize("several", [False, True])
def test_what_cannot_be_saved_is_noted_and_the_table_is_printed(make_folder, without_figures, several):
    made = [make_folder(), make_folder(name="other")][: 2 if several else 1]
    runs = [load_run(run.folder, partial=False) for run in made]
    results_folder(runs).write_text("not a folder")
    (table,), (note,), place = report(runs)
    assert "MAE (macro)" in table and str(place) in note


def test_a_disk_that_is_full_after_the_table_loses_nothing_printed(make_folder, monkeypatch):
    def full(run, folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("agerepro.report.results.plot_figures", lambda runs, folder: [])
    monkeypatch.setattr("agerepro.report.write.plot_run", full)
    printed, (note,), place = report([load_run(make_folder().folder, partial=False)])
    assert "MAE (macro)" in printed[0] and "No space left on device" in note and str(place) in note
    assert (place / "table.txt").is_file()


def test_figures_of_one_run_that_cannot_be_saved_do_not_stop_those_of_the_next(make_folder, monkeypatch):
    runs = [load_run(make_folder(name=name).folder, partial=False) for name in ("one", "other")]
    (runs[0].run.folder / "results").write_text("not a folder")
    monkeypatch.setattr("agerepro.report.write.plot_run", lambda run, folder: folder.mkdir(parents=True))
    monkeypatch.setattr("agerepro.report.write.plot_compared", lambda runs, folder, faces: None)
    notes = []
    write_figures(runs, note=notes.append)
    assert len(notes) == 1 and str(runs[0].run.folder / "results") in notes[0]
    assert (runs[1].run.folder / "results" / "figures").is_dir()


def test_a_page_of_other_folds_is_noted_where_it_stays_and_one_of_these_never(make_folder, add_maps, without_figures):
    made = make_folder()
    run = load_run(made.folder, partial=False)
    _, notes, place = report([run])
    write_page([run], None, faces="out")
    assert notes == [] and report([run])[1] == []
    add_maps(made)
    write_page([run], None, faces="out")  # another size than before
    assert finished_by(place) == inputs_digest(run.run, run.experiment)  # what collect has done stays done
    assert report([run])[1] == []
    page = place / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace(inputs_digest(run.run, run.experiment), "of-other-folds"), encoding="utf-8")
    (note,) = report([run])[1]
    assert str(page) in note and "agerepro report" in note
    assert report([run], page="follows")[1] == []


def test_a_mistake_of_the_user_is_no_note(make_folder, without_figures):
    run = load_run(make_folder().folder, partial=False)
    with pytest.raises(UserError, match="both named vgg16-faces2"):
        report([run, run])
