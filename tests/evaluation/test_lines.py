from __future__ import annotations

import pytest

from agerepro.evaluation.lines import LINES, in_unit, line_for, unit_of_score


def test_precision_and_recall_of_any_group_have_a_line():
    line = line_for("pooled", "recall_25-32")
    assert line is not None
    assert (line.label, line.unit, line.key) == ("Recall of 25-32 (pooled)", "share", ("pooled", "recall_25-32"))
    assert line_for("macro", "recall_25-32") is None
    assert line_for("pooled", "nothing") is None


def test_listed_lines_show_each_score_once():
    shown = [key for line in LINES for key in (line.key, line.spread_key) if key[1]]
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize(
    "value, unit, of, found",
    [(0.9, "percent", "share", 90), (61.41, "share", "percent", 0.6141), (2, "years", "years", 2), (3, "", "none", 3)],
)
def test_shares_and_percents_become_one_another(value, unit, of, found):
    assert in_unit(value, unit, of=of) == pytest.approx(found)


def test_percents_are_shares_in_a_scores_table():
    assert [unit_of_score(line) for line in LINES[:1]] == ["years"]
    assert {unit_of_score(line) for line in LINES if line.unit == "percent"} == {"share"}
