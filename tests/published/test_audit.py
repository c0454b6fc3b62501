"""Audits: agreement by rounding, each paper's known misprints and no others, planted errors found, text and JSON."""

from __future__ import annotations

import json
import lzma
import re
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

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


def without_data(paper: str) -> Paper:
    return Paper(partial(published_table, paper), lambda data, labels: None)


NO_DATA = without_data("koenig2019")
UNCOUNTED = {"agedb-images", "agedb-people", "imdb-images-used"}  # claims over data sets that have no file list here
COUNTED = [
    pytest.param(paper, claim, id=f"{paper}-{claim.id}") for paper in CLAIMS for claim in claims_of(paper) if claim.id not in UNCOUNTED
]
FIDELITY = Path(__file__).parents[2] / "docs" / "fidelity.md"
OPPOSITE = {"above": "below", "below": "above"}


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
    assert misprints("koenig2019", claims=73) == {
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


# fidelity: what is known to be wrong in these papers, found by computing.
def test_pan2018_misprints_and_nothing_else():
    assert misprints("pan2018", claims=82) == {
        "classes-hold-youngest": "no",
        "probabilities-above-mean": "no",
        "probabilities-near-mean": "no",
        "probabilities-far-from-mean": "no",
        "table1-ages": "70-79",
        "clap2016-sets": "7,592",
        "clap2016-testing": "1,978",
        "clap2016-testing-agustsson2017": "1,978",
        "morph2-people-koenig2019": "13,618",
        "morph2-people-agustsson2017": "13,618",
        "aadb-images": "9,958",
        "rho-formula": "1",
        "rho-is-spearman": "no",
        "alexnet-crop": "227",
        "vgg16-crop": "224",
        "ranking-usually-better-with-imdb-wiki": "44.4",
        "best-of-all-fgnet": "2",
        "clap2016-outperforms": "2",
        "aadb-outperforms": "3",
    }


def test_agustsson2017_misprints_and_nothing_else():
    assert misprints("agustsson2017", claims=60) == {
        "real-age-only": "GROUPS, PAL, WIT-BD, HOIP, OUI-Adience",
        "pie-faces": "41,368",
        "groups-subjects-koenig2019": "23,231",
        "morph-subjects-pan2018": "13,617",
        "adience-faces-koenig2019": "163,446",
        "second-split-name": "validation",
        "votes-per-image": "34.3",
        "standard-error": "0.69",
        "dex-outputs": "100",
        "classes-hold-youngest": "no",
        "residuals-span": "no",
        "table2-first-print": "Real + Residual DEX",
        "table3-first-print": "Real + Residual DEX, Apparent + Residual DEX",
        "table3-section6": "Real + Residual DEX",
        "figure5-evenly": "4.6664",
        "figure-number": "6",
        "residual-right-direction": "50",
    }


def misprints(paper: str, *, claims: int) -> dict[str, str]:
    """What an audit without data gives for the known misprints; none may be unexpected."""
    findings = audit(claims_of(paper), without_data(paper))
    assert len(findings) == claims
    assert not [finding.claim.id for finding in findings if finding.status in UNEXPECTED]
    return {finding.claim.id: finding.computed for finding in findings if finding.status is ClaimStatus.KNOWN}


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
    tables |= {(name, "exact"): coerce(table, PHOTOS) for name, table in counted_sets().items()}
    return {paper: Paper(partial(published_table, paper), lambda name, labels: tables.get((name, labels))) for paper in CLAIMS}


def counted_sets() -> dict[str, pd.DataFrame]:
    """MORPH II, CLAP2016 and APPA-REAL with the counts and the mean difference that papers print, an age for each of Table 1's rows."""
    ages = [19.4, 19.6, 59.4, 79.4, 96.0]  # in whole years the last or the first of their row
    splits = np.repeat(["train", "validation", "test"], [4113, 1500, 1978])
    older = {"age": 40.0, "apparent_age": 44.573}
    return {
        "morph": photos("morph", age=np.repeat(np.round(ages[:4]), [7469, 31682, 15649, 334]), subject=np.arange(55134) % 13617),
        "clap2016": photos("clap2016", apparent_age=np.repeat(ages, [1394, 4362, 1423, 366, 46]), split=splits),
        "appareal": photos("appareal", split=splits, age=40.0, apparent_age=np.where(splits == "test", older["apparent_age"], 61.0)),
    }


def photos(name: str, **columns: object) -> pd.DataFrame:
    table = pd.DataFrame(columns)
    return table.assign(photo=[f"{name}/{number}" for number in range(len(table))])


def test_koenig2019_counts_from_file_lists(at_hand):
    findings = {finding.claim.id: finding for finding in audit(claims_of("koenig2019"), at_hand["koenig2019"])}
    assert {id for id, finding in findings.items() if finding.missing} == UNCOUNTED
    assert not [id for id, finding in findings.items() if finding.status in UNEXPECTED]
    counted = ["adience-images-used", "adience-children", "adience-teenagers", "adience-adults", "fgnet-images", "fgnet-people",
               "fgnet-youngest", "fgnet-oldest", "fgnet-outputs", "fgnet-above-50", "figure13-training-above-30"]  # fmt: skip
    assert [findings[id].computed for id in counted] == [
        "17,417", "1,667", "152", "2,571", "1,002", "82", "0", "69", "63", "1.75", "10.8",
    ]  # fmt: skip


@pytest.mark.parametrize("paper", ["pan2018", "agustsson2017"])
def test_what_is_counted_in_data_sets_agrees_with_tables_of_these_counts(paper, at_hand):
    findings = audit(claims_of(paper), at_hand[paper])
    assert {finding.status for finding in findings} == {ClaimStatus.AGREES, ClaimStatus.KNOWN}
    counted = {finding.claim.id: finding.computed for finding in findings}
    expected = {
        "pan2018": {"fgnet-60-79": "8", "clap2016-60-79": "366", "clap2016-80": "46", "morph2-80": "0"},
        "agustsson2017": {"appa-real-labels": "4.573"},
    }
    assert counted.items() >= expected[paper].items()


@pytest.mark.parametrize(("paper", "claim"), [("pan2018", "morph2-people"), ("agustsson2017", "morph-people")])
@pytest.mark.parametrize(("people", "computed"), [(13617, "yes"), (13618, "yes"), (13619, "13,619")])
def test_either_number_of_people_of_morph_is_as_published(paper, claim, people, computed):
    """Copies differ by one person, as the papers do: neither is news, a third number is."""
    copy = photos("morph", subject=np.arange(55134) % people)
    looked_at = replace(without_data(paper), find_photos=lambda data, labels: copy if data == "morph" else None)
    finding = check_claim(next(each for each in claims_of(paper) if each.id == claim), looked_at)
    assert (finding.computed, finding.status in UNEXPECTED) == (computed, computed != "yes")


def changed(printed: str, digits: int) -> str:
    """Another answer of the same kind: a larger number, the other truth, another text."""
    try:
        return f"{float(printed.replace(',', '')) * 1.5 + 3:.{digits}f}"
    except ValueError:
        return {"yes": "no", "none": "something"}.get(printed, "none")


@pytest.mark.parametrize(("paper", "claim"), COUNTED)
def test_a_wrong_number_in_a_claim_is_found(paper, claim, at_hand):
    """Whatever is planted as printed, nothing stored says that it agrees."""
    wrong = replace(claim, erratum=None)  # a misprint that nobody knew of is unexpected
    if claim.relation != "equal" and not claim.erratum:
        wrong = replace(wrong, relation=OPPOSITE[claim.relation])
    elif claim.relation == "equal" and not (claim.erratum and claim.printed == "yes"):  # a truth has no third value
        wrong = replace(wrong, printed=changed(claim.printed, decimals(claim.printed)))
    assert check_claim(wrong, at_hand[paper]).status is ClaimStatus.DISAGREES


def with_cell(table: str, row: str, column: str, value: float | str, *, paper: str = "koenig2019", of: str | None = None) -> Paper:
    """A paper to look at, one cell of whose tables, or of those of another paper `of`, is changed."""
    changed_paper = of or paper
    printed = published_table(changed_paper, table)
    other: PublishedTable = replace(printed, rows={**printed.rows, row: {**printed.rows[row], column: value}})

    def find(name: str, asked: str) -> PublishedTable:
        return other if (name, asked) == (changed_paper, table) else published_table(name, asked)

    return Paper(partial(find, paper), lambda data, labels: None, find)


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


@pytest.mark.parametrize(
    ("paper", "cell", "claims"),
    [
        ("pan2018", ("table1", "60-69", "morph2", 343), {"table1-morph2"}),
        ("pan2018", ("data", "CLAP2016", "testing", 1977), {"clap2016-sets"}),  # a misprint, but another one
        ("pan2018", ("settings", "AlexNet", "crop", 256), {"crops-within-faces"}),
        ("pan2018", ("table2_rs", "Euclidean loss", "mae", 3.389), {"losses-mae-rs"}),
        ("pan2018", ("table2_se", "Softmax loss", "cs_5", 75.24), {"losses-cs-se"}),
        ("pan2018", ("table2_se", "Proposed loss + softmax loss", "mae", 3.186), {"proposed-se"}),
        ("pan2018", ("table3_rs", "Proposed*", "mae", 2.61), {"best-rs", "imdb-wiki-little-by-se"}),
        ("pan2018", ("table4", "DEX*", "mae", 2.09), {"best-fgnet"}),
        ("pan2018", ("table5", "DeepAge", "epsilon_error", 0.2573), {"table5-rising", "clap2016-single-model", "clap2016-outperforms"}),
        ("pan2018", ("table6", "Proposed", "spearman", 0.6747), {"aadb-outperforms"}),
        ("agustsson2017", ("table1", "MORPH2", "faces", 5513), {"morph-factor", "table1-subjects-at-most-faces"}),
        ("agustsson2017", ("data", "APPA-REAL", "train", 4131), {"appa-real-splits"}),
        ("agustsson2017", ("table3", "Real + Residual DEX", "mae", 5.252), {"residual-crowd-distance", "table3-bold"}),
        ("agustsson2017", ("table2", "Real GT", "mae", 4.537), {"text-real-gt", "labels-symmetric", "prints-agree"}),
        ("agustsson2017", ("figure5", "4", "residual_dex", 1.04), {"figure5-sums", "residual-right-direction"}),
        ("agustsson2017", ("figure5", "12", "combined", 30.72), {"figure5-sums", "figure5-sorted", "figure5-evenly"}),
        ("agustsson2017", ("figure6", "2", "residual_dex", -1.22), {"figure6-sums"}),
    ],
)  # fmt: skip
def test_a_wrong_number_in_a_table_of_another_paper_is_found(paper, cell, claims):
    findings = audit(claims_of(paper), with_cell(*cell, paper=paper))
    assert {finding.claim.id for finding in findings if finding.status in UNEXPECTED} >= claims


@pytest.mark.parametrize(
    ("paper", "of", "cell", "claims"),
    [
        ("pan2018", "koenig2019", ("table1", "MORPH-II", "subjects", 13617), {"morph2-people-koenig2019"}),  # agreement is news, too
        ("pan2018", "koenig2019", ("table1", "MORPH-II", "age_range", "15-77"), {"morph2-ages"}),
        ("pan2018", "agustsson2017", ("data", "APPA-REAL", "train", 4112), {"clap2016-training-agustsson2017"}),
        ("agustsson2017", "pan2018", ("table1", "Total Image", "clap2016", 7592), {"appa-real-pan2018"}),
        ("agustsson2017", "koenig2019", ("table1", "IMDB-Wiki", "images", 523015), {"imdb-wiki-faces-koenig2019"}),
    ],
)
def test_a_count_changed_in_one_paper_is_found_in_the_other(paper, of, cell, claims):
    findings = audit(claims_of(paper), with_cell(*cell, paper=paper, of=of))
    assert {finding.claim.id for finding in findings if finding.status in UNEXPECTED} == claims


IN_WORDS = {
    "koenig2019": {"fgnet-second-best", "vggfaces2-larger", "adience-children", "adience-teenagers", "adience-adults"},
    "pan2018": {"rho-formula", "morph2-ages"},  # by the meaning of a correlation; "from 16 to 77"
    "agustsson2017": set(),
}


@pytest.mark.parametrize("paper", CLAIMS)
def test_what_a_claim_prints_stands_in_the_paper(paper, reference):
    """Numbers printed as digits; the others are said in words, are cells of koenig2019's Table 6 summed, or are counts of its folds."""
    sections = json.loads((reference / f"{paper}.json").read_text(encoding="utf-8"))["numbers"]
    numbers = set().union(*sections.values())
    numbers |= {number.replace(",", "") for number in numbers} | {f"{int(number):,}" for number in numbers if number.isdigit()}
    for claim in claims_of(paper):
        if claim.id not in IN_WORDS[paper] and re.search(r"\d", claim.printed):
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
def test_the_fidelity_page_has_the_counts_of_an_audit_without_data(paper):
    page = " ".join(FIDELITY.read_text(encoding="utf-8").split())
    findings = audit(claims_of(paper), without_data(paper))
    count = Counter(finding.status for finding in findings)
    said = f"of {len(findings)} claims,? {count[ClaimStatus.AGREES]} agree and {count[ClaimStatus.KNOWN]} disagree as known without data"
    assert re.search(said, page, re.IGNORECASE)


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
