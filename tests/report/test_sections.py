"""TODO."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agerepro.report.run_result import RunEpochs
from agerepro.report.sections import (
    confusion_pages,
    confusion_table,
    epoch_notes,
    epoch_pages,
    extra_tables,
    gender_pages,
    notes_of,
    paired_notes,
)
from agerepro.report.tables import as_text


def test_three_choices_of_the_epoch_and_what_the_forbidden_one_gains(make_run, with_epochs):
    run = with_epochs(make_run(people=12))
    (page,) = epoch_pages([run])
    assert page.title == "Which epoch is reported" and page.banner == "demo: synthetic faces"
    assert [row[1] for row in page.rows] == [
        "last (reported)",
        "least validation loss inside the fold",
        "best on the held-out person",
        "best on the held-out person less last",
    ]
    assert [row[6] for row in page.rows] == ["yes", "yes", "no: not a valid result", ""]
    assert [row[5] for row in page.rows] == ["3", "2", "3", "-"]
    last, validation = (float(row[3]) for row in page.rows[:2])
    assert validation == pytest.approx(last + 1)
    assert page.rows[3][3:5] == ("+0.00", "[+0.00, +0.00]")


def test_no_validation_part_is_said(make_run, with_epochs):
    (page,) = epoch_pages([with_epochs(make_run(), losses=(float("nan"),) * 3)])
    assert page.rows[1][3:6] == ("not available", "-", "-")
    assert page.notes[-1] == "vgg16-faces2: least validation loss not available, since its folds have no validation part."


def test_outputs_of_the_plain_picture_are_said_where_the_run_averages_two(make_run, with_epochs):
    (page,) = epoch_pages([with_epochs(make_run(), tta="flip_average")])
    assert page.notes[-1].startswith("vgg16-faces2: these are outputs for the plain picture")
    (page,) = epoch_pages([with_epochs(make_run())])
    assert len(page.notes) == 2


def test_runs_without_epochs_to_choose_from_have_no_page(make_run):
    assert epoch_pages([make_run(), replace(make_run("other"), epochs=RunEpochs((), "last", "plain"))]) == []


def test_confusion_matrix_has_its_precision_and_recall(make_group_run, make_run):
    run = make_group_run()
    (page,) = confusion_pages([make_run(), run])
    assert page.headings == ("Experiment", "True group", "0-12", "15-20", "25-100", "Precision", "Recall")
    table = confusion_table(run)
    said = run.predictions[run.predictions["predicted_group"] == "15-20"]
    assert table.loc[1, "precision"] == pytest.approx((said["group"] == "15-20").mean())
    assert page.rows[1][5] == f"{table.loc[1, 'precision']:.3f}"
    assert [row[0] for row in page.rows] == ["adience", "", ""]


def test_errors_by_gender_where_any_is_known(make_run, make_group_run):
    run = make_run()
    photos = list(run.predictions["photo"])
    assert gender_pages([run]) == []
    (page,) = gender_pages([replace(run, genders={photos[0]: "f", photos[1]: "m"}), make_group_run()])
    assert [row[1] for row in page.rows] == ["women", "men", "unknown"]
    assert page.rows[0][3:5] == ("1", "1")
    group = make_group_run()
    (page,) = gender_pages([replace(group, genders=dict.fromkeys(group.predictions["photo"], "m"))])
    assert page.rows[0][2] == "Photos in a wrong group (pooled)" and page.rows[0][5].endswith(" %")


def test_sections_are_printed_with_their_titles_below_each_other(make_group_run, with_epochs):
    text = as_text(extra_tables([with_epochs(make_group_run())]))
    assert text.startswith("*** demo: synthetic faces ***\n")
    assert text.count("***") == 2
    assert "\nWhich epoch is reported\n\n" in text
    assert "best on the held-out people " in text


def test_two_runs_of_ages_differ_in_years_with_three_tests(make_run):
    note, explained = paired_notes([make_run(), make_run("other", error=2)])
    assert note.startswith("other against vgg16-faces2: mean difference over 12 folds -")
    assert " years [" in note
    assert [name for name in ("paired t p = ", "Wilcoxon p = ", "Shapiro-Wilk p = ") if name in note] and note.endswith(".")
    assert explained.startswith("Shapiro-Wilk: a small p speaks against normal differences")


def test_two_runs_of_groups_differ_in_points_of_wrong_photos(make_group_run):
    first = make_group_run()
    note, _ = paired_notes([first, make_group_run("other", right=1.0)])
    wrong = 100 * (first.predictions["group"] != first.predictions["predicted_group"]).mean()
    assert f"mean difference over 50 people -{wrong:.2f} percentage points of wrong photos [" in note


def test_a_run_against_itself_has_nothing_for_shapiro_wilk(make_run):
    (note,) = paired_notes([make_run(), make_run("again")])
    assert note.endswith("+0.00 years [+0.00, +0.00], paired t p = 1, Wilcoxon p = 1.")


def test_runs_on_other_photos_are_not_compared_and_say_why(make_run):
    second = make_run("other")
    moved = second.predictions.assign(age=second.predictions["age"] + 1)
    (note,) = paired_notes([make_run(), replace(second, predictions=moved)])
    assert note.startswith("other against vgg16-faces2: not compared. The runs cannot be paired")


def test_ages_are_not_compared_with_groups(make_run, make_group_run):
    (note,) = paired_notes([make_run(), make_group_run()])
    assert note.startswith("adience against vgg16-faces2: not compared. The runs cannot be paired: one predicts ages")


def test_a_run_of_one_epoch_says_that_there_is_no_choice(make_run):
    run = make_run()
    assert epoch_notes([run]) == []
    assert epoch_notes([replace(run, epochs=RunEpochs((), "last", "plain"))]) == [
        "vgg16-faces2: trained for fewer than two epochs, so there is no choice of an epoch to show."
    ]


def test_protocol_comes_first(make_run, make_group_run):
    assert notes_of([make_run()])[0] == "Protocol: leave one person out."
    first, second, *_ = notes_of([make_run(), make_group_run()])
    assert (first, second) == ("Protocol of vgg16-faces2: leave one person out.", "Protocol of adience: the authors' folds, people apart.")
