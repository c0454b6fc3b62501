"""Printed tables for the page: sections, and what happens to them on a phone."""

from __future__ import annotations

from agerepro.report.html.printed import on_phones, sections, with_standing_above
from agerepro.report.page import Page

PAGE = Page("t", "", ("Run", "Score", "Paper"), (2,), (("a", "x", "1"), ("", "y", "-"), ("b", "x", "2")))


def test_rows_without_a_first_cell_belong_to_the_run_above():
    first, second = sections(PAGE)
    assert (first.label, len(first.rows), second.label, len(second.rows)) == ("a", 2, "b", 1)
    assert first.rows[1] == (("Score", "y", False), ("Paper", "-", True))


def test_profile_and_folds_move_above_the_rows():
    page = Page("t", "", ("Run", "Score", "Profile", "Folds"), (1,), (("a", "1", "demo", "82 folds"), ("", "2", "demo", "82 folds")))
    moved = with_standing_above(page)
    assert moved.headings == ("Run", "Score") and moved.rows == (("a · demo · 82 folds", "1"), ("", "2"))


def test_small_tables_stay_long_words_stack_and_wide_tables_scroll():
    assert on_phones(PAGE) == "compact"
    assert on_phones(Page("t", "", ("Run", "Score"), (), (("a", "MAE (macro), bootstrap interval"),))) == "stack"
    assert on_phones(Page("t", "", tuple("abcdefghij"), (), (tuple("abcdefghij"),))) == "wide"
