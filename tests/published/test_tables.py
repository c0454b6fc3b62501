"""The papers' tables are as printed, and a wrong file is refused by name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import agerepro.published.tables as tables_module
from agerepro.config.schema import Reproduces
from agerepro.errors import UserError
from agerepro.published.tables import papers, published_columns, published_row, published_table, tables

FIDELITY = Path(__file__).parents[2] / "docs" / "fidelity.md"
EVERY_TABLE = [(paper, table) for paper in papers() for table in tables(paper)]


def row(table, name):
    return published_row(Reproduces(paper="koenig2019", table=table, row=name))


def test_koenig2019_table_4_row_7():
    assert row("table4", "VGG-16-IMDB-AgeDB") == {"mae": 2.68, "median": 2.24, "upper_quartile": 3.35, "lower_quartile": 1.58}


def test_koenig2019_tables_are_all_here():
    named = {"adience", "data", "figure13", "networks", "settings"}  # numbers that stand in the text only
    assert {*named, *(f"table{number}" for number in range(1, 7))} <= set(tables("koenig2019"))


@pytest.mark.parametrize("paper, table", EVERY_TABLE)
def test_every_table_reads_and_says_where_it_is_from(paper, table):
    printed_table = published_table(paper, table)
    assert printed_table.source.startswith(paper)
    assert printed_table.title and printed_table.rows
    assert all(set(reading.says) - {reading.used} for reading in printed_table.readings)  # two readings at least
    for name in printed_table.rows:
        reproduces = Reproduces(paper=paper, table=table, row=name)
        assert set(published_row(reproduces)) <= set(published_columns(reproduces))


@pytest.mark.parametrize(
    ("paper", "table", "name", "printed"),
    [
        ("pan2018", "table2_rs", "Proposed loss + softmax loss", {"mae": 2.514, "cs_5": 88.90}),
        ("pan2018", "table2_se", "Proposed loss + softmax loss", {"mae": 3.086, "cs_5": 83.72}),
        ("pan2018", "table3_rs", "Proposed*", {"mae": 2.16}),
        ("pan2018", "table3_se", "Proposed", {"mae": 2.80}),
        ("pan2018", "table5", "Proposed", {"epsilon_error": 0.2867}),
        ("pan2018", "table6", "Proposed", {"spearman": 0.6647}),
        ("agustsson2017", "table2", "Real + Residual DEX", {"mae": 4.450}),
        ("agustsson2017", "table3", "Apparent + Residual DEX", {"mae": 5.296}),
    ],
)
def test_a_row_is_what_one_experiment_is_scored_for(paper, table, name, printed):
    """Only metrics that scores hold, so that `compare` can set ours beside them."""
    reproduces = Reproduces(paper=paper, table=table, row=name)
    assert published_row(reproduces) == printed
    assert {published_columns(reproduces)[metric].aggregation for metric in printed} == {"pooled"}


def test_pan2018_and_agustsson2017_tables_are_all_here():
    assert {"data", "figure3", "figure4", "settings", "table1", "table4", "table5", "table6"} <= set(tables("pan2018"))
    assert {f"table{number}_{split}" for number in (2, 3) for split in ("rs", "se")} <= set(tables("pan2018"))
    assert {"data", "figure5", "figure6", "settings", "table1", "table2", "table3"} <= set(tables("agustsson2017"))


def test_the_numbers_to_meet_on_the_fidelity_page_are_those_of_the_tables():
    page = FIDELITY.read_text(encoding="utf-8")
    rs, se = published_table("pan2018", "table2_rs").rows, published_table("pan2018", "table2_se").rows
    for name in rs:
        cells = [f"{row[name]['mae']:.3f} | {row[name]['cs_5']:.2f} %" for row in (rs, se)]
        assert f"| {name} | {cells[0]} | {cells[1]} |" in page
    for table in ("table3_rs", "table3_se", "table4"):
        rows = published_table("pan2018", table).rows
        assert f"| `{table}` | {rows['Proposed']['mae']:.2f} | {rows['Proposed*']['mae']:.2f} |" in page
    apparent, real = published_table("agustsson2017", "table2").rows, published_table("agustsson2017", "table3").rows
    for name in {**apparent, **real}:
        cells = [f"{rows[name]['mae']:.3f}".replace("0.000", "0") if name in rows else "" for rows in (apparent, real)]
        assert f"| {name} | {' | '.join(cells)} |".replace("|  |", "| |") in page, name


def lines_of(reference, paper):
    """The cells of the paper's table lines, without reference numbers, thousands commas, percent and plus signs."""
    lines = json.loads((reference / f"{paper}.json").read_text(encoding="utf-8"))["tables"]
    return [[re.sub(r"(?<=\d),(?=\d{3})| ?\[\d+\](, \[\d+\])?$|(?<=\d)[%+]$", "", cell) for cell in line] for line in lines]


def cells_of(paper, table):
    """A row's name and its numbers with as many digits as the paper has."""
    return {
        name: [float(cell) for cell in row.values() if not isinstance(cell, str)]
        for name, row in published_table(paper, table).rows.items()
    }


def numbers_in(cells):
    return [float(cell) for cell in cells if re.fullmatch(r"-?\d+(\.\d+)?", cell)]


def test_pan2018_tables_1_to_3_as_printed(reference):
    lines = {line[0].replace("$\\geq 80$", ">= 80"): line[1:] for line in lines_of(reference, "pan2018")[:9]}
    assert {name: numbers_in(lines[name]) for name in published_table("pan2018", "table1").rows} == cells_of("pan2018", "table1")
    rs, se = cells_of("pan2018", "table2_rs"), cells_of("pan2018", "table2_se")
    assert {name: numbers_in(lines[name]) for name in rs} == {name: rs[name] + se[name] for name in rs}
    printed = [
        (name, mae, split)
        for name, *more in lines_of(reference, "pan2018")[9:18]
        for mae, split in [*zip(*(cell.split("/") for cell in more))]
    ]
    ours = [
        (name, f"{row['mae']:.2f}", split.upper())
        for split in ("rs", "se")
        for name, row in published_table("pan2018", f"table3_{split}").rows.items()
    ]
    assert sorted(ours) == sorted(printed)


def test_pan2018_tables_4_to_6_as_printed(reference):
    lines = lines_of(reference, "pan2018")
    assert {line[0]: numbers_in(line[1:]) for line in lines[18:24]} == cells_of("pan2018", "table4")
    challenge = published_table("pan2018", "table5")
    assert [[row["rank"], name, f"{row['epsilon_error']:.4f}", row["single_model"]] for name, row in challenge.rows.items()] == lines[24:33]
    assert [row["spearman"] for row in published_table("pan2018", "table6").rows.values()] == numbers_in(lines[33])


def test_agustsson2017_table_1_as_printed(reference):
    lines = {line[0]: line[1:] for line in lines_of(reference, "agustsson2017")[:17]}
    lines["APPA-REAL"] = lines.pop("APPA-REAL (ours)")
    for name, row in published_table("agustsson2017", "table1").rows.items():
        printed = [cell for column, cell in zip(("faces", "subjects", "age_range", "age_type", "controlled"), lines[name]) if column in row]
        assert [str(cell).removesuffix("+") for cell in row.values()] == printed, name


def test_agustsson2017_tables_2_and_3_in_all_their_states(reference):
    lines = lines_of(reference, "agustsson2017")
    two_cells = [(re.sub(r" \(.*\)", "", line[0]), float(line[1])) for line in lines if len(line) == 2]
    states = ("table2", "table3", "table2_first_print", "table3_first_print", "table2_section6", "table3_section6")
    assert [(name, mae) for table in states for name, (mae,) in cells_of("agustsson2017", table).items()] == two_cells


def test_agustsson2017_figure_5_as_printed(reference):
    labels = {"GT Real": "real", "GT Apparent": "apparent", "Real DEX": "real_dex", "Apparent DEX": "apparent_dex",
              "Residual DEX": "residual_dex", "Apparent + Residual DEX": "combined"}  # fmt: skip
    columns = {column: [row[column] for row in published_table("agustsson2017", "figure5").rows.values()] for column in labels.values()}
    lines = [line for line in lines_of(reference, "agustsson2017") if len(line) == 13]
    assert {line[0] for line in lines} == set(labels)
    assert all(numbers_in(line[1:]) == columns[labels[line[0]]] for line in lines)


def test_agustsson2017_figure_6_and_texts_of_both_papers_stand_there(reference):
    """Figure 6 is no table in the text; its numbers, and those of the other tables of settings and counts, are at least all printed."""
    for paper, names in {"pan2018": ("data", "figure3", "settings"), "agustsson2017": ("data", "figure6", "settings")}.items():
        sections = json.loads((reference / f"{paper}.json").read_text(encoding="utf-8"))["numbers"]
        printed = {float(number.replace(",", "")) for numbers in sections.values() for number in numbers}
        in_words = {"folds": 5, "raters": 5}  # "five-fold", "five different raters"
        for table in names:
            for name, row in published_table(paper, table).rows.items():
                missing = {column for column, cell in row.items() if abs(cell) not in printed and in_words.get(column) != cell}
                assert not missing, (paper, table, name)


NUMBER = re.compile(r"-?\d+\.\d+%?")


@pytest.fixture(scope="module")
def thesis(reference):
    """The numbers that the thesis prints: `tables`, a list of cells for each line, and `numbers` by section."""
    return json.loads((reference / "koenig2019.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("table", ["table2", "table3", "table4", "table5"])
def test_every_row_is_printed_so_in_the_thesis(thesis, table):
    """Each row's numbers are the cells of a printed table line that begins or goes on with the row's name."""
    lines = thesis["tables"]
    for name, values in published_table("koenig2019", table).rows.items():
        named = [cells for cells in lines if any(re.search(rf"(^|\) ){re.escape(name)}( \[\d+\])?$", cell) for cell in cells)]
        printed = [[float(cell.rstrip("%")) for cell in cells if NUMBER.fullmatch(cell)] for cells in named]
        assert list(values.values()) in printed, name


def test_table_1_as_printed(thesis):
    printed_table = published_table("koenig2019", "table1")
    for name, cells in printed_table.rows.items():
        printed = next(line for line in thesis["tables"] if line[0] == f"{name} {printed_table.cited[name]}")
        assert [str(cell) for cell in cells.values()] == [cell.replace(",", "") for cell in printed[1:]]


@pytest.mark.parametrize("table", ["adience", "data", "figure13", "networks", "settings"])
def test_numbers_of_the_text_stand_there(thesis, table):
    """Every number of these tables is in the paper's text, as digits, with a thousands comma, or in millions."""
    millions = {2600000: "2.6", 3300000: "3.3"}
    numbers = set().union(*thesis["numbers"].values())
    for name, row in published_table("koenig2019", table).rows.items():
        for value in row.values():
            subjects = set(str(value).split(", "))  # "2, 3, 4, 5"
            forms = {f"{value:,}" if isinstance(value, int) else f"{value:0<5}", millions.get(value)}
            assert subjects <= numbers or forms & numbers, (name, value)


def test_koenig2019_section_4_settings_row_by_row():
    rows = published_table("koenig2019", "settings").rows
    assert [row["epochs"] for row in rows.values()] == [20, 60, 60, 60, 30, 20, 20, 20, 20]
    assert rows["b: FG-NET-AD, SENet-50"] == {"epochs": 20, "batch_size": 16, "learning_rate": 0.01, "patience": 3}


def test_table_6_accuracy_precision_and_recall_of_its_readings():
    printed_table = published_table("koenig2019", "table6")
    groups = list(printed_table.rows)
    matrix = [[printed_table.rows[true][predicted] for predicted in groups] for true in groups]
    assert [sum(line) for line in matrix] == [1667, 152, 2571]
    readings = {reading.about: reading.says["the matrix"] for reading in printed_table.readings}
    assert readings["accuracy on fold 1, percent"] == round(100 * sum(matrix[i][i] for i in range(3)) / 4390, 2)
    for index in (0, 2):
        column = sum(line[index] for line in matrix)
        precision = next(value for about, value in readings.items() if about.startswith(f"precision of the group {groups[index]}"))
        assert precision == round(matrix[index][index] / column, 3)
        assert readings[f"recall of the group {groups[index]}"] == round(matrix[index][index] / sum(matrix[index]), 3)


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'koenig2019'"):
        published_row(Reproduces(paper="konig2019", table="table4", row="x"))
    with pytest.raises(UserError, match="Did you mean 'table4'"):
        row("tabel4", "x")
    with pytest.raises(UserError, match="Did you mean 'VGG-16-Faces2'"):
        row("table4", "vgg-16-Faces2")


def test_text_columns_are_no_numbers():
    assert set(row("table1", "AgeDB")) == {"year", "images", "subjects"}


GOOD = """
paper: made2030
table: table1
title: A table
source: made2030, Table 1
columns: {mae: {label: MAE, unit: years, aggregation: macro}}
rows: {first: {mae: 3}}
"""


@pytest.fixture
def made_paper(tmp_path, monkeypatch):
    """Write made2030/table1.yaml and read it as if it were in the package."""

    def write(text):
        (tmp_path / "made2030").mkdir(exist_ok=True)
        (tmp_path / "made2030" / "table1.yaml").write_text(text, encoding="utf-8")
        monkeypatch.setattr(tables_module.resources, "files", lambda package: tmp_path)
        published_table.cache_clear()
        return published_table("made2030", "table1")

    yield write
    published_table.cache_clear()


def test_another_paper_needs_only_a_file(made_paper):
    assert made_paper(GOOD).rows == {"first": {"mae": 3}}


@pytest.mark.parametrize(
    "change, message",
    [
        (("rows: {first: {mae: 3}}", "rows: {first: {maee: 3}}"), "Did you mean 'mae'"),
        (("{mae: 3}", "{mae: three}"), "does not fit the unit years"),
        (("unit: years", "unit: parsecs"), "is not a published table"),
        (("title:", "titel:"), "is not a published table"),
        (("table: table1", "table: table2"), "says it is made2030 table2"),
        (("rows:", "cited: {second: '[1]'}\nrows:"), "does not have: 'second'"),
        (("rows:", "readings: [{about: x, says: {a: 1, b: 2}, used: c}]\nrows:"), "reading used, 'c'"),
    ],
)
def test_a_wrong_file_is_told_in_words(made_paper, change, message):
    with pytest.raises(UserError, match=message):
        made_paper(GOOD.replace(*change))
