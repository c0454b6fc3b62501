"""Golden files are renewed by AGEREPRO_RENEW_GOLDEN=1 pytest tests/report/test_tables.py; look at the diff before keeping it."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest

from agerepro.errors import UserError
from agerepro.evaluation.compare import compare
from agerepro.report.results import score_run
from agerepro.report.tables import ENDINGS, FORMS, PrintedTable, banner_of, latex_text, markdown_text, render

GOLDEN = Path(__file__).parent / "golden"
NOTES = (
    "b_c against a: mean difference over 82 folds -0.40 years [-0.60, -0.20], paired t p = 0.00021, Wilcoxon p = 3e-05.",
    "50 % of 2 < 3 & more.",
)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_golden(form, comparison):
    printed = render(comparison, form=form, notes=NOTES)
    file = GOLDEN / f"comparison.{ENDINGS[form]}"
    if os.environ.get("AGEREPRO_RENEW_GOLDEN"):
        file.write_text(printed, encoding="utf-8")
    assert printed == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["text", "md", "tex"])
def test_a_partial_run_says_so_in_every_printed_form(form, comparison):
    assert "vgg16" in banner_of(comparison)
    assert "partial: 61 of 82 folds" in render(comparison, form=form)


def test_banner_of_runs_that_share_it_is_said_once(comparison):
    assert banner_of(comparison.assign(standing="demo: synthetic faces")) == "demo: synthetic faces"
    assert banner_of(comparison.assign(standing="")) == ""
    assert banner_of(comparison) == "vgg16_imdb: partial: 61 of 82 folds"
    first = comparison["experiment"].iloc[0]
    known = comparison.assign(standing=["demo" + "; people unknown" * (name == first) for name in comparison["experiment"]])
    assert banner_of(known) == f"demo; {first}: people unknown"


def test_text_columns_line_up(comparison):
    lines = render(comparison, form="text").splitlines()
    table = [line for line in lines if re.search(r"(folds$|Folds$)", line) and not line.startswith("***")]
    assert len({line.index("aper") for line in table if "Paper" in line}) == 1
    assert len({re.search(r"(61 of 82|82) folds$|Folds$", line).start() for line in table}) == 1


def test_text_has_no_trailing_spaces_and_ends_with_one_newline(comparison):
    for form in FORMS:
        printed = render(comparison, form=form, notes=NOTES)
        assert printed.endswith("\n") and not printed.endswith("\n\n")
        assert not re.search(r"[ \t]+$", printed, re.MULTILINE), form


def test_csv_keeps_every_digit(comparison):
    rows = list(csv.DictReader(render(comparison, form="csv").splitlines()))
    assert float(rows[2]["ours"]) == 2.5049
    assert rows[0]["difference"] == ""
    assert rows[0]["standing"] == "partial: 61 of 82 folds"


def test_a_difference_that_rounds_to_zero_has_a_plus_and_no_minus(comparison):
    printed = render(comparison.assign(difference=-0.001), form="text")
    assert "-0.00" not in printed


def test_latex_escapes_what_latex_acts_on():
    assert latex_text("a_b & 5 % of $x #1 {y}") == r"a\_b \& 5 \% of \$x \#1 \{y\}"
    assert latex_text("-0.10") == "$-$0.10"
    assert latex_text("by -0.40 [-0.6, 3e-05], mode-2") == "by $-$0.40 [$-$0.6, 3e-05], mode-2"
    assert latex_text("1 < 2") == r"1 \textless{} 2"
    assert latex_text("\\") == r"\textbackslash{}"


def test_latex_has_as_many_cells_in_every_row(comparison):
    printed = render(comparison, form="tex", notes=NOTES)
    rows = [line for line in printed.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {7}
    assert printed.count("{") - printed.count(r"\{") == printed.count("}") - printed.count(r"\}")


def test_markdown_escapes_bars():
    assert markdown_text("a|b_c*") == r"a\|b\_c\*"


def test_unknown_form_offers_the_nearest(comparison):
    with pytest.raises(UserError, match="Did you mean 'text'"):
        render(comparison, form="txt")


def test_a_score_with_a_spread_shows_both_in_one_cell(comparison):
    line = comparison.iloc[[2]].assign(unit="percent", paper=61.41, paper_std=4.37, ours=60.1, ours_std=float("nan"))
    assert "61.41 +- 4.37 %   60.10 %" in render(line, form="text")
    assert r"61.41 $\pm$ 4.37 \%" in render(line, form="tex")


def test_pages_below_have_their_own_titles_and_tables(comparison):
    page = PrintedTable("A_title", "demo", ("Who", "5 %"), (1,), (("a", "1"), ("b", "2")), ("A note.",))
    assert render(comparison, form="text", below=[page]).endswith("\nA_title\n\nWho   5 %\n─────────\na       1\n\nb       2\n\nA note.\n")
    assert render(comparison, form="md", below=[page]).endswith(
        "\n\n## A\\_title\n\n**demo**\n\n| Who | 5 % |\n| --- | ---: |\n| a | 1 |\n| b | 2 |\n\n- A note.\n"
    )
    latex = render(comparison, form="tex", below=[page])
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == 2
    assert r"\begin{tabular}{lr}" in latex and latex.count("booktabs") == 1
    assert render(comparison, form="csv", below=[page]) == render(comparison, form="csv")


def test_both_constant_predictors_are_printed_with_errors_of_their_own(make_run):
    run = make_run()
    text = render(compare([score_run(run)]), form="text")
    for label, ages in (
        ("Mean-age predictor, MAE (macro)", run.training_means),
        ("Median-age predictor, MAE (macro)", run.training_medians),
    ):
        off = (run.predictions["age"] - run.predictions["fold"].map(ages)).abs()
        (line,) = (line for line in text.splitlines() if line.strip().startswith(label))
        assert f" {off.groupby(run.predictions['fold']).mean().mean():.2f} " in line
