"""Audits: agreement by rounding, koenig2019's known misprints and no others, planted errors found, text and JSON."""

from __future__ import annotations

import json
import lzma
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from agerepro.datasets import adience, catalog
from agerepro.errors import UserError
from agerepro.published.audit import (
    CLAIMS,
    UNEXPECTED,
    ClaimStatus,
    Finding,
    agrees,
    as_json,
    as_text,
    audit,
    check_claim,
    claims_of,
    decimals,
    summary,
    value_text,
)
from agerepro.published.claims import Claim, Erratum, Paper, convolution_parameters, matrix_accuracy, matrix_precision, matrix_recall
from agerepro.published.koenig2019.claims import RESNET50_FACES, SENET50_FACES
from agerepro.published.tables import PublishedTable, published_table
from agerepro.tables import PHOTOS, coerce

NO_DATA = Paper(lambda table: published_table("koenig2019", table), lambda data, labels: None)
UNCOUNTED = {"agedb-images", "agedb-people", "imdb-images-used"}  # claims over data sets that have no file list here
COUNTED = [pytest.param(claim, id=claim.id) for claim in claims_of("koenig2019") if claim.id not in UNCOUNTED]


@pytest.mark.parametrize(
    ("value", "printed", "relation", "agreement"),
    [
        (0.954, "0.95", "equal", True),
        (0.956, "0.95", "equal", False),
        (2.675, "2.68", "equal", True),  # half a unit, either way
        (92.12, "92.59", "equal", False),
        (64.7, "65", "equal", True),
        (27717184, "27,717,184", "equal", True),
        (27717185, "27,717,184", "equal", False),
        (0.0525, "0.05", "above", True),
        (0.05, "0.05", "above", False),
        (0.0414, "0.05", "below", True),
        (True, "yes", "equal", True),
        (False, "yes", "equal", False),
        ("IoG", "none", "equal", False),
        ("none", "none", "equal", True),
    ],
)
def test_agreement_is_rounding_to_the_printed_digits(value, printed, relation, agreement):
    assert agrees(value, printed, relation) is agreement


def test_digits_and_words():
    assert [decimals(printed) for printed in ("0.50", "65", "27,717,184", "[38]", "none")] == [2, 0, 0, 0, 0]
    values = (True, "IoG", 0.98740, 1667, 2.5, 12345.0)
    assert [value_text(value, 2) for value in values] == ["yes", "IoG", "0.987", "1,667", "2.5", "12,345"]


def claim(printed, compute, computed=None):
    return Claim("x", "a claim", "section 1", printed, compute, erratum=computed and Erratum(computed, "a reading"))


@pytest.mark.parametrize(
    ("printed", "computed", "status"),
    [
        ("3", None, ClaimStatus.AGREES),
        ("4", None, ClaimStatus.DISAGREES),
        ("4", "3", ClaimStatus.KNOWN),
        ("4", "5", ClaimStatus.DISAGREES),  # the erratum that we know is another one
        ("3", "4", ClaimStatus.NO_MISPRINT),
    ],
)
def test_statuses(printed, computed, status):
    assert check_claim(claim(printed, lambda paper: 1 + 2, computed), NO_DATA).status is status


@pytest.mark.parametrize(
    ("compute", "cause"),
    [
        (lambda paper: 1 / 0, "division by zero"),
        (lambda paper: matrix_recall(paper.matrix("table6"), 7), "index 7"),
        (lambda paper: paper.cell("table4", "VGG", "mae"), "'VGG'"),
        (lambda paper: paper.cell("table1", "Adience", "age_range"), "'16-62' is no number"),
        (lambda paper: "a text" if paper.table("tabel4") else "", "Did you mean 'table4'"),
        (lambda paper: 3, "could not convert"),
    ],
)
def test_what_cannot_be_computed_names_its_claim(compute, cause):
    with pytest.raises(UserError, match=f"Claim x.*{re.escape(cause)}"):
        check_claim(claim("a text", compute), NO_DATA)


def test_without_data_what_is_counted_is_not_checked():
    finding = check_claim(claim("3", lambda paper: 1 + len(paper.photos("fgnet"))), NO_DATA)
    assert (finding.status, finding.computed, finding.missing) == (ClaimStatus.NOT_CHECKED, "", "fgnet")


# fidelity: what is known to be wrong in the thesis, found by computing.
def test_koenig2019_misprints_and_nothing_else():
    findings = audit(claims_of("koenig2019"), NO_DATA)
    assert len(findings) == 73
    assert {finding.claim.id: finding.computed for finding in findings if finding.status is ClaimStatus.KNOWN} == {
        "table1-rows-differ": "Adience = CACD",
        "table1-subjects-at-most-images": "IoG",
        "iog-faces": "28,231",
        "adience-images": "26,580",
        "adience-subjects": "2,284",
        "imdb-outputs": "101",
        "vgg16-parameters-outputs": "100",
        "resnet50-parameters": "23,765,952",
        "resnet50-parameters-outputs": "149.7",
        "grid-batch-sizes": "16",
        "figure11-green": "[2]",
        "table4-bold-lower-quartile": "1.54",
        "matrix-accuracy": "92.118",
        "matrix-recall-children": "0.987",
    }
    assert all(finding.status not in UNEXPECTED for finding in findings)


@pytest.fixture(scope="module")
def at_hand(fgnet_names, write_adience_folds, tmp_path_factory):
    """Photos tables of FG-NET from its file names and of Adience from fold files of its counts, without a picture."""
    data = tmp_path_factory.mktemp("data")
    (data / "fgnet").mkdir()
    for name in fgnet_names:
        (data / "fgnet" / name).touch()
    folds = write_adience_folds(data / "adience")
    tables = {
        ("fgnet", "exact"): catalog.read("fgnet", data).table,
        ("adience", "substring"): adience.survey(folds, labels="substring").photos.table,
    }
    return Paper(NO_DATA.table, lambda name, labels: tables.get((name, labels)))


def test_koenig2019_counts_from_file_lists(at_hand):
    findings = {finding.claim.id: finding for finding in audit(claims_of("koenig2019"), at_hand)}
    assert {id for id, finding in findings.items() if finding.missing} == UNCOUNTED
    assert not [id for id, finding in findings.items() if finding.status in UNEXPECTED]
    counted = ["adience-images-used", "adience-children", "adience-teenagers", "adience-adults", "fgnet-images", "fgnet-people",
               "fgnet-youngest", "fgnet-oldest", "fgnet-outputs", "fgnet-above-50", "figure13-training-above-30"]  # fmt: skip
    assert [findings[id].computed for id in counted] == [
        "17,417", "1,667", "152", "2,571", "1,002", "82", "0", "69", "63", "1.75", "10.8",
    ]  # fmt: skip


def changed(printed: str, digits: int) -> str:
    """Another answer of the same kind: a larger number, the other truth, another text."""
    try:
        return f"{float(printed.replace(',', '')) * 1.5 + 3:.{digits}f}"
    except ValueError:
        return {"yes": "no", "none": "something"}.get(printed, "none")


@pytest.mark.parametrize("claim", COUNTED)
def test_a_wrong_number_in_a_claim_is_found(claim, at_hand):
    """Whatever is planted as printed, nothing stored says that it agrees."""
    if claim.relation == "equal":
        wrong = replace(claim, printed=changed(claim.printed, decimals(claim.printed)), erratum=None)
    else:
        wrong = replace(claim, relation="below")
    assert check_claim(wrong, at_hand).status is ClaimStatus.DISAGREES


def with_cell(table: str, row: str, column: str, value: float) -> Paper:
    printed = published_table("koenig2019", table)
    other: PublishedTable = replace(printed, rows={**printed.rows, row: {**printed.rows[row], column: value}})
    return Paper(lambda name: other if name == table else published_table("koenig2019", name), lambda data, labels: None)


@pytest.mark.parametrize(
    ("cell", "claims"),
    [
        (("table6", "15-20", "15-20", 63), {"matrix-accuracy", "table6-row-sums"}),  # also where a misprint is known
        (("table4", "ResNet-50-IMDB", "mae", 4.83), {"largest-decrease"}),
        (("table4", "VGG-16-Faces2", "median", 2.24), {"table4-quartiles"}),
        (("table4", "VGG-16-IMDB", "mae", 2.67), {"agedb-gain", "table4-bold-mae"}),
        (("table2", "VGG-16 with Expected Value", "mae", 3.90), {"table2-in-table4"}),
        (("table3", "Shallow CNNs", "accuracy", 65.7), {"table3-falling"}),
        (("table1", "MORPH-II", "subjects", 136180), {"table1-subjects-at-most-images"}),
        (("networks", "VGG-16", "parameters", 27717185), {"vgg16-parameters-outputs"}),
        (("settings", "c: AgeDB, VGG-16", "learning_rate", 0.0002), {"grid-learning-rates"}),
    ],
)
def test_a_wrong_number_in_a_table_is_found(cell, claims):
    findings = audit(claims_of("koenig2019"), with_cell(*cell))
    assert {finding.claim.id for finding in findings if finding.status in UNEXPECTED} >= claims


def test_what_a_claim_prints_stands_in_the_thesis(reference):
    """Numbers printed as digits; the others are said in words, are cells of Table 6 summed, or are counts of its folds."""
    sections = json.loads((reference / "koenig2019.json").read_text(encoding="utf-8"))["numbers"]
    numbers = set().union(*sections.values())
    in_words = {"fgnet-second-best", "vggfaces2-larger", "adience-children", "adience-teenagers", "adience-adults"}
    for claim in claims_of("koenig2019"):
        if claim.id not in in_words and re.search(r"\d", claim.printed):
            assert claim.printed.strip("[]") in numbers, claim.id


def test_parameters_of_the_backbones_are_those_of_the_original_program(reference):
    layouts = {net: json.loads(lzma.decompress((reference / f"{net}.json.xz").read_bytes())) for net in ("senet50", "resnet50", "vgg16")}
    parameters = {net: layout["variants"]["notop"]["parameters"] for net, layout in layouts.items()}
    assert (parameters["senet50"], parameters["resnet50"]) == (SENET50_FACES, RESNET50_FACES)
    convolutions = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), *[(256, 256)] * 2, (256, 512), *[(512, 512)] * 5]
    assert sum(convolution_parameters(3, *sizes) for sizes in convolutions) == parameters["vgg16"]


def test_the_row_of_three_groups_is_what_the_matrix_makes():
    row = published_table("koenig2019", "adience_three_groups").rows["VGG-16-IMDB-AgeDB"]
    matrix = NO_DATA.matrix("table6")
    computed = {"accuracy": matrix_accuracy(matrix)}
    for index, group in enumerate(("0-12", "15-20", "25-100")):
        computed |= {f"precision_{group}": matrix_precision(matrix, index), f"recall_{group}": matrix_recall(matrix, index)}
    assert set(computed) == set(row)
    assert all(agrees(value, str(row[name])) for name, value in computed.items())


@pytest.mark.parametrize("paper", CLAIMS)
def test_every_claim_has_an_id_of_its_own_and_every_erratum_another_value_and_a_reading(paper):
    ids = [claim.id for claim in claims_of(paper)]
    assert len(set(ids)) == len(ids)
    for claim in claims_of(paper):
        if claim.erratum:
            assert claim.erratum.computed != claim.printed and claim.erratum.reading


def test_unknown_papers_offer_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'koenig2019'"):
        claims_of("konig2019")


def test_another_paper_needs_only_claims():
    """teh2018, Table VII: MAE of five seeds on ChaLearn 2015; its mean, standard deviation, p-value, and photos of a bin by hand."""
    rows = {
        "baseline": dict(zip("12345", [3.825, 3.892, 4.051, 3.987, 3.991])),
        "ours": dict(zip("12345", [3.806, 3.850, 3.883, 3.883, 3.776])),
    }
    seeds = replace(published_table("koenig2019", "table4"), paper="made2030", table="seeds", rows=rows, cited={}, readings=())
    photos = coerce(pd.DataFrame({"photo": list("abcd"), "age": [25.0, 30, 41, 20], "split": ["test", "test", "test", "train"]}), PHOTOS)
    claims = [
        claim("3.949", lambda paper: float(np.mean(paper.row("seeds", "baseline")))),
        claim("0.090", lambda paper: float(np.std(paper.row("seeds", "baseline"), ddof=1))),
        claim("0.041", lambda paper: float(stats.ttest_rel(paper.row("seeds", "baseline"), paper.row("seeds", "ours")).pvalue)),
        claim("2", lambda paper: int((paper.photos("made").query("split == 'test'")["age"] < 40).sum())),
    ]
    findings = audit(claims, Paper({"seeds": seeds}.__getitem__, lambda data, labels: photos))
    assert [finding.status for finding in findings] == [ClaimStatus.AGREES] * 4


FINDINGS = [
    Finding(Claim("sum", "a sum", "Table 1", "3.0", lambda paper: 3, note="A note."), "3", ClaimStatus.AGREES),
    Finding(
        Claim("half", "more than half, " * 5 + "as it says", "section 2", "50", lambda paper: 51, relation="above"),
        "",
        ClaimStatus.NOT_CHECKED,
        "fgnet",
    ),
    Finding(Claim("mean", "a mean", "Table 2", "4", lambda paper: 5, erratum=Erratum("5", "Ours is 5.")), "5", ClaimStatus.KNOWN),
    Finding(Claim("other", "another", "Table 2", "4", lambda paper: 6), "6", ClaimStatus.DISAGREES),
]


def test_text_has_a_line_a_claim_its_reading_and_note_by_number_and_counts():
    heading, *lines = as_text("made2030", FINDINGS).splitlines()
    cells = [re.split(r"  +", line) for line in lines]
    assert [row[2:5] for row in cells if row[0].isdigit()] == [
        ["3.0", "3", "agree"],
        ["> 50", "-", "not checked (give --data)"],
        ["4", "5", "DISAGREE (known)"],
        ["4", "6", "DISAGREE"],
    ]
    assert {line.index(source) for line, source in zip(lines, ("Table 1", "section 2"))} == {heading.index("source")}
    assert lines[2].strip().endswith("as it says")  # a long claim goes on in its column
    assert ["", "3", "Ours is 5."] in cells and ["", "1", "A note."] in cells
    assert lines[-1] == summary("made2030", FINDINGS)


def test_counts_and_what_to_give():
    assert re.findall(r"\d+ \w+", summary("made", FINDINGS)) == ["4 claims", "1 agree", "1 disagree", "1 disagree", "1 not"]
    assert "--data with fgnet" in summary("made", FINDINGS) and "--data" not in summary("made", FINDINGS[:1])


def test_json():
    rows = json.loads(as_json([("made2030", finding) for finding in FINDINGS]))
    assert [row["expected"] for row in rows] == [True, True, True, False]
    assert (rows[1]["printed"], rows[1]["recomputed"], rows[1]["missing"]) == ("> 50", None, "fgnet")
    assert rows[2]["reading"] == "Ours is 5." and rows[0]["paper"] == "made2030"
