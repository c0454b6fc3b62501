"""Tables and notes below the comparison, of runs by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations

import pytest

from agerepro.evaluation.significance import paired
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
    people_notes,
)
from agerepro.report.tables import as_text


def test_three_choices_of_the_epoch_and_what_the_forbidden_one_gains(make_run, with_epochs):
    run = with_epochs(make_run(people=12))
    (page,) = epoch_pages([run])
    assert page.banner == "demo: synthetic faces"
    assert ["reported" in row[1] for row in page.rows] == [True, False, False, False]
    assert ["held-out person" in row[1] for row in page.rows] == [False, False, True, True]
    assert [row[6].partition(":")[0] for row in page.rows] == ["yes", "yes", "no", ""]
    assert [row[5] for row in page.rows] == ["3", "2", "3", "-"]
    last, validation = (float(row[3]) for row in page.rows[:2])
    assert validation == pytest.approx(last + 1)
    assert page.rows[3][3:5] == ("+0.00", "[+0.00, +0.00]")


def test_the_gain_over_fewer_than_ten_folds_has_no_interval(make_run, with_epochs):
    (page,) = epoch_pages([with_epochs(make_run(people=9, done=9, total=9))])
    assert [row[4] == "-" for row in page.rows] == [False, False, False, True]
    assert "fewer than 10" in page.notes[0]


def test_no_validation_part_is_said(make_run, with_epochs):
    (page,) = epoch_pages([with_epochs(make_run(), losses=(float("nan"),) * 3)])
    assert page.rows[1][3:6] == ("not available", "-", "-")
    assert page.notes[-1].startswith("vgg16-faces2: ") and "no validation part" in page.notes[-1]


def test_outputs_of_the_plain_picture_are_said_where_the_run_averages_two(make_run, with_epochs):
    (page,) = epoch_pages([with_epochs(make_run(), tta="flip_average")])
    assert page.notes[-1].startswith("vgg16-faces2: ") and "mirror image" in page.notes[-1]
    (page,) = epoch_pages([with_epochs(make_run())])
    assert len(page.notes) == 2


def test_runs_without_epochs_to_choose_from_have_no_page(make_run):
    assert epoch_pages([make_run(), replace(make_run("other"), epochs=RunEpochs((), "last", "none"))]) == []


def test_confusion_matrix_has_its_precision_and_recall(make_group_run, make_run):
    run = make_group_run()
    (page,) = confusion_pages([make_run(), run])
    assert page.headings == ("Experiment", "True group", "0-12", "15-20", "25-100", "Precision", "Recall")
    table = confusion_table(run)
    given = run.predictions[run.predictions["predicted_group"] == "15-20"]
    assert table.loc[1, "precision"] == pytest.approx((given["group"] == "15-20").mean())
    assert page.rows[1][5] == f"{table.loc[1, 'precision']:.3f}"
    assert [row[0] for row in page.rows] == ["adience", "", ""]


def test_errors_by_gender_where_any_is_known(make_run, make_group_run):
    run = make_run()
    photos = list(run.predictions["photo"])
    assert gender_pages([run]) == []
    (page,) = gender_pages([replace(run, genders={photos[0]: "f", photos[1]: "m"}), make_group_run()])
    assert [row[1] for row in page.rows] == ["women", "men", "unknown"]
    assert page.rows[0][3:5] == ("1", "1")
    assert page.rows[0][6] == "-" and "fewer than 10" in page.notes[0]  # one woman
    group = make_group_run()
    (page,) = gender_pages([replace(group, genders=dict.fromkeys(group.predictions["photo"], "m"))])
    assert "wrong group" in page.rows[0][2] and page.rows[0][5].endswith(" %")


def test_sections_are_printed_with_their_titles_below_each_other(make_group_run, with_epochs):
    text = as_text(extra_tables([with_epochs(make_group_run())]))
    assert text.startswith("*** demo: synthetic faces ***\n")
    assert text.count("***") == 2
    assert text.count("\n\n") >= 2 and "held-out people " in text


def test_two_runs_of_ages_differ_in_years_with_three_tests(make_run):
    runs = [make_run(), make_run("other", error=2)]
    test = paired(runs[1].predictions, runs[0].predictions)
    note, explanation = paired_notes(runs)
    assert note.startswith("other against vgg16-faces2: ") and "12 folds" in note
    assert f"{test.difference:+.2f} years [{test.low:+.2f}, {test.high:+.2f}]" in note
    assert re.findall(r"p = ([\d.e-]+\d)", note) == [f"{p:.2g}" for p in (test.t_p, test.wilcoxon_p, test.shapiro_p)]
    assert "Holm" not in note and explanation.startswith("Shapiro-Wilk")


def test_p_values_of_three_pairs_are_corrected_for_three(make_run):
    """Holm by hand: the least of three p-values is multiplied by 3, the next by 2, and none falls below a lesser one's."""
    runs = [make_run(people=30, done=30, total=30), *(make_run(f"run{e}", error=e, people=30, done=30, total=30) for e in (2.5, 3.5))]
    notes = paired_notes(runs)[:3]
    tests = [paired(second.predictions, first.predictions) for first, second in combinations(runs, 2)]
    for place, name in enumerate(("t_p", "wilcoxon_p")):
        alone = [getattr(test, name) for test in tests]
        least, middle, most = sorted(alone)
        corrected = {least: 3 * least, middle: max(3 * least, 2 * middle), most: max(3 * least, 2 * middle, most)}
        printed = [re.findall(r"p = ([\d.e-]+\d)", note)[place] for note in notes]
        assert printed == [f"{min(corrected[p], 1):.2g}" for p in alone]
    assert all("Holm over 3 pairs" in note for note in notes)


def test_pairs_that_cannot_be_compared_do_not_count_for_the_correction(make_run, make_group_run):
    notes = paired_notes([make_run(), make_run("other", error=2), make_group_run()])
    (unpaired,) = (note for note in notes if note.startswith("Not compared"))
    assert unpaired.endswith(": vgg16-faces2, other; adience.")
    assert not any("Holm" in note for note in notes)


def test_fewer_than_ten_people_have_a_difference_without_an_interval(make_run):
    note, *_ = paired_notes([make_run(people=9, done=9, total=9), make_run("other", error=2, people=9, done=9, total=9)])
    assert "[" not in note and "fewer than 10 people" in note and "nan" not in note


def test_two_runs_of_groups_differ_in_points_of_wrong_photos(make_group_run):
    first = make_group_run()
    note, _ = paired_notes([first, make_group_run("other", right=1.0)])
    wrong = 100 * (first.predictions["group"] != first.predictions["predicted_group"]).mean()
    assert "50 people" in note and f"-{wrong:.2f} percentage points" in note


def test_a_run_against_itself_has_nothing_for_shapiro_wilk(make_run):
    (note,) = paired_notes([make_run(), make_run("again")])
    assert "+0.00 years [+0.00, +0.00]" in note and note.count("p = 1") == 2 and "Shapiro" not in note


def test_runs_on_other_photos_are_not_compared_and_say_why(make_run):
    second = make_run("other")
    moved = second.predictions.assign(age=second.predictions["age"] + 1)
    (note,) = paired_notes([make_run(), replace(second, predictions=moved)])
    assert note.startswith("other against vgg16-faces2: not compared") and "fold 0" in note


def test_ages_are_not_compared_with_groups(make_run, make_group_run):
    (note,) = paired_notes([make_run(), make_group_run()])
    assert note.startswith("adience against vgg16-faces2: not compared") and "groups" in note


def test_a_run_of_one_epoch_says_that_there_is_no_choice(make_run):
    run = make_run()
    assert epoch_notes([run]) == []
    (note,) = epoch_notes([replace(run, epochs=RunEpochs((), "last", "none"))])
    assert note.startswith("vgg16-faces2: ")


def test_protocol_comes_first(make_run, make_group_run):
    assert "leave one person out" in notes_of([make_run()])[0]
    first, second, *_ = notes_of([make_run(), make_group_run()])
    assert "vgg16-faces2: leave one person out" in first and "adience: the authors' folds" in second


def test_unknown_people_are_counted_in_a_note_and_no_fold_is_one_person(make_run):
    run = make_run()
    nobody = replace(run, predictions=run.predictions.assign(subject=""), people="people unknown")
    assert run.one_person_a_fold and not nobody.one_person_a_fold
    assert nobody.standing == "demo: synthetic faces; people unknown"
    photos = run.predictions["photo"].nunique()
    assert people_notes([run]) == []
    (note,) = people_notes([nobody])
    assert f"{photos} of {photos} tested photos" in note and note in notes_of([nobody])


def test_photos_of_nobody_known_have_no_count_of_people(make_run):
    run = make_run()
    genders = dict.fromkeys(run.predictions["photo"], "f")
    known, nobody = (replace(run, genders=genders, predictions=run.predictions.assign(**who)) for who in ({}, {"subject": ""}))
    assert [gender_pages([result])[0].rows[0][4] for result in (known, nobody)] == ["12", "-"]
