from __future__ import annotations

from dataclasses import replace

from agerepro.report.notes import epoch_notes, notes_of, paired_notes
from agerepro.report.run_result import RunEpochs


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
