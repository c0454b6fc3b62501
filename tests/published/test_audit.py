"""TODO."""

from __future__ import annotations

import json
import lzma
import re
from dataclasses import replace

import pandas as pd
import pytest

from agerepro.datasets import adience, catalog
from agerepro.errors import UserError
from agerepro.published.audit import UNEXPECTED, ClaimStatus, Finding, agrees, as_json, as_text, audit, decimals, finding, in_words
from agerepro.published.claims import OPERATIONS, Claim, Erratum, Sources, audited, claims_of, parse_claims
from agerepro.published.tables import PublishedTable, published_table
from agerepro.tables import PHOTOS, coerce

NO_DATA = Sources(lambda table: published_table("koenig2019", table), lambda data, labels: None)
UNCOUNTED = {"agedb-images", "agedb-people", "imdb-images-used"}  # claims over data sets that have no file list here
COUNTED = [pytest.param(claim, id=claim.id) for claim in claims_of("koenig2019") if claim.id not in UNCOUNTED]


@pytest.mark.parametrize(
    ("value", "printed", "relation", "within", "verdict"),
    [
        (0.954, "0.95", "equal", None, True),
        (0.956, "0.95", "equal", None, False),
        (2.675, "2.68", "equal", None, True),  # half a unit, either way
        (92.12, "92.59", "equal", None, False),
        (64.7, "65", "equal", None, True),
        (27717184, "27,717,184", "equal", None, True),
        (27717185, "27,717,184", "equal", None, False),
        (2.5, "2", "equal", 0.5, True),
        (0.0525, "0.05", "above", None, True),
        (0.05, "0.05", "above", None, False),
        (0.0414, "0.05", "below", None, True),
        (True, "yes", "equal", None, True),
        (False, "yes", "equal", None, False),
        ("IoG", "none", "equal", None, False),
        ("none", "none", "equal", None, True),
    ],
)
def test_agreement_is_rounding_to_the_printed_digits(value, printed, relation, within, verdict):
    assert agrees(value, printed, relation, within) is verdict


def test_digits_and_words():
    assert [decimals(printed) for printed in ("0.50", "65", "27,717,184", "[38]", "none")] == [2, 0, 0, 0, 0]
    assert [in_words(value, 2) for value in (True, "IoG", 0.98740, 1667, 2.5, 12345.0)] == ["yes", "IoG", "0.987", "1,667", "2.5", "12,345"]


def claim(printed, compute, found=None):
    return Claim("x", "a claim", "section 1", printed, compute, misprint=found and Erratum(found, "a reading"))


@pytest.mark.parametrize(
    ("printed", "found", "verdict"),
    [
        ("3", None, ClaimStatus.AGREES),
        ("4", None, ClaimStatus.DISAGREES),
        ("4", "3", ClaimStatus.KNOWN),
        ("4", "5", ClaimStatus.DISAGREES),  # the misprint that we know is another one
        ("3", "4", ClaimStatus.NO_MISPRINT),
    ],
)
def test_verdicts(printed, found, verdict):
    assert finding(claim(printed, {"sum": [1, 2]}, found), NO_DATA).verdict is verdict


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        ({"ratio": [1, 0]}, "Claim x cannot be computed: .*division by zero"),
        ({"difference": [1]}, "Claim x cannot be computed"),
        ({"matrix_recall": [{"matrix": "table6"}, 7]}, "Claim x cannot be computed"),
        ({"repeated_rows": [{"table": "table1"}, "pictures"]}, "Claim x cannot be computed: 'pictures'"),
        ({"cell": ["table4", "VGG", "mae"]}, "Claim x: table4: there is no 'VGG'"),
        ({"equal": {"cell": ["table4", "VGG-16-IMDB", "mea"]}}, "Claim x: table4, row VGG-16-IMDB: there is no 'mea'"),
    ],
)
def test_what_cannot_be_computed_names_its_claim(compute, message):
    with pytest.raises(UserError, match=message):
        finding(claim("1", compute), NO_DATA)


def test_without_data_what_is_counted_is_not_checked():
    found = finding(claim("3", {"sum": [1, {"count": {"data": "fgnet", "where": {}}}]}), NO_DATA)
    assert (found.verdict, found.computed, found.missing) == (ClaimStatus.NOT_CHECKED, "", "fgnet")


# fidelity: what is known to be wrong in the thesis, found by computing.
def test_koenig2019_misprints_and_nothing_else():
    found = {
        finding.claim.id: finding.computed for finding in audit(claims_of("koenig2019"), NO_DATA) if finding.verdict is ClaimStatus.KNOWN
    }
    assert found == {
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
    assert all(finding.verdict not in UNEXPECTED for finding in audit(claims_of("koenig2019"), NO_DATA))


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
    return Sources(NO_DATA.table, lambda name, labels: tables.get((name, labels)))


def test_koenig2019_counts_from_file_lists(at_hand):
    found = {finding.claim.id: finding for finding in audit(claims_of("koenig2019"), at_hand)}
    assert {id for id, finding in found.items() if finding.missing} == UNCOUNTED
    assert not [id for id, finding in found.items() if finding.verdict in UNEXPECTED]
    counted = ["adience-images-used", "adience-children", "adience-teenagers", "adience-adults", "fgnet-images", "fgnet-people",
               "fgnet-youngest", "fgnet-oldest", "fgnet-outputs", "fgnet-above-50", "figure13-training-above-30"]  # fmt: skip
    assert [found[id].computed for id in counted] == [
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
        planted = replace(claim, printed=changed(claim.printed, decimals(claim.printed)), misprint=None)
    else:
        planted = replace(claim, relation="below")
    assert finding(planted, at_hand).verdict is ClaimStatus.DISAGREES


def planted(table: str, row: str, column: str, value: float) -> Sources:
    found = published_table("koenig2019", table)
    other: PublishedTable = replace(found, rows={**found.rows, row: {**found.rows[row], column: value}})
    return Sources(lambda name: other if name == table else published_table("koenig2019", name), lambda data, labels: None)


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
    found = {finding.claim.id for finding in audit(claims_of("koenig2019"), planted(*cell)) if finding.verdict in UNEXPECTED}
    assert found >= claims


def test_what_a_claim_prints_stands_in_the_thesis(reference):
    """Numbers printed as digits; the others are said in words, are cells of Table 6 summed, or are counts of its folds."""
    sections = json.loads((reference / "koenig2019.json").read_text(encoding="utf-8"))["numbers"]
    numbers = set().union(*sections.values())
    in_words = {"fgnet-second-best", "vggfaces2-larger", "adience-children", "adience-teenagers", "adience-adults"}
    for claim in claims_of("koenig2019"):
        if claim.id not in in_words and re.search(r"\d", claim.printed):
            assert claim.printed.strip("[]") in numbers, claim.id


def test_parameters_of_the_trunks_are_those_of_the_original_program(reference):
    layouts = {net: json.loads(lzma.decompress((reference / f"{net}.json.xz").read_bytes())) for net in ("senet50", "resnet50", "vgg16")}
    parameters = {net: layout["variants"]["notop"]["parameters"] for net, layout in layouts.items()}
    for net, literal in (("senet50", "26092144"), ("resnet50", "23561152")):
        assert str(parameters[net]) == literal
        assert any(literal in str(claim.compute) for claim in claims_of("koenig2019"))
    convolutions = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), *[(256, 256)] * 2, (256, 512), *[(512, 512)] * 5]
    ours = sum(OPERATIONS["convolution_parameters"](3, *sizes) for sizes in convolutions)
    assert ours == parameters["vgg16"]


def test_the_row_of_three_groups_is_what_the_matrix_makes():
    row = published_table("koenig2019", "adience_three_groups").rows["VGG-16-IMDB-AgeDB"]
    matrix = {"matrix": "table6"}
    computed = {"accuracy": {"matrix_accuracy": matrix}}
    for index, group in enumerate(("0-12", "15-20", "25-100")):
        computed |= {f"{score}_{group}": {f"matrix_{score}": [matrix, index]} for score in ("precision", "recall")}
    assert set(computed) == set(row)
    assert all(finding(claim(str(row[name]), compute), NO_DATA).verdict is ClaimStatus.AGREES for name, compute in computed.items())


@pytest.mark.parametrize("paper", audited())
def test_every_misprint_has_another_value_and_a_reading(paper):
    for claim in claims_of(paper):
        if claim.misprint:
            assert claim.misprint.found != claim.printed and claim.misprint.reading


# Another paper needs no new code: its sums, seeds, tests, columns and splits are claims over its tables and photos.
MADE = """
paper: made2030
claims:
  - {id: adds, says: first and residual make combined, source: F, printed: none, compute: {rows_not_adding_up: [{table: figure}, combined, 0.011, first, residual]}}
  - {id: mean, says: mean of five seeds, source: T, printed: "3.949", compute: {mean: {row: [seeds, baseline]}}}
  - {id: sd, says: standard deviation, source: T, printed: "0.090", compute: {sd: {row: [seeds, baseline]}}}
  - {id: paired, says: p of a paired test, source: T, printed: "0.041", compute: {paired_t_p: [{row: [seeds, baseline]}, {row: [seeds, ours]}]}}
  - {id: welch, says: p if unpaired, source: T, printed: "0.05", relation: above, compute: {welch_p: [{row: [seeds, baseline]}, {row: [seeds, ours]}]}}
  - {id: normal, says: normal, source: T, printed: "0.05", relation: above, compute: {shapiro_p: {row: [seeds, baseline]}}}
  - {id: gain, says: percent less, source: T, printed: "2.7", compute: {percent_decrease: [{mean: {row: [seeds, baseline]}}, {mean: {row: [seeds, ours]}}]},
     misprint: {found: "2.8", reading: ours}}
  - {id: total, says: column sum, source: T, printed: "1,002", compute: {sum: {column: [ages, fgnet]}}}
  - {id: bin, says: photos of a bin, source: T, printed: "2", compute: {count: {data: made, where: {age: {above: 19, below: 40}, split: {in: [test]}}}}}
"""  # noqa: E501


def made_table(name: str) -> PublishedTable:
    rows = {
        "figure": {"a": {"first": 26.04, "residual": -2.04, "combined": 24.00}, "b": {"first": 4.98, "residual": -0.96, "combined": 4.03}},
        "seeds": {
            "baseline": dict(zip("12345", [3.825, 3.892, 4.051, 3.987, 3.991])),
            "ours": dict(zip("12345", [3.806, 3.850, 3.883, 3.883, 3.776])),
        },
        "ages": {"0-19": {"fgnet": 710}, "20-39": {"fgnet": 223}, "40-59": {"fgnet": 61}, "60-79": {"fgnet": 8}},
    }[name]
    return replace(published_table("koenig2019", "table4"), paper="made2030", table=name, rows=rows, cited={}, readings=())


def test_another_paper_needs_only_claims():
    photos = coerce(pd.DataFrame({"photo": list("abcd"), "age": [25.0, 30, 41, 20], "split": ["test", "test", "test", "train"]}), PHOTOS)
    found = audit(parse_claims(MADE, "made2030/claims.yaml").claims, Sources(made_table, lambda data, labels: photos))
    assert [finding.verdict for finding in found] == [ClaimStatus.AGREES] * 6 + [ClaimStatus.KNOWN] + [ClaimStatus.AGREES] * 2


FINDINGS = [
    Finding(Claim("sum", "a sum", "Table 1", "3.0", 3, note="A note."), "3", ClaimStatus.AGREES),
    Finding(Claim("half", "more than half, in words that do not fit into one line of the table that is printed", "section 2", "50", 51,
                  relation="above"), "", ClaimStatus.NOT_CHECKED, "fgnet"),
    Finding(Claim("mean", "a mean", "Table 2", "4", 5, misprint=Erratum("5", "Ours is 5.")), "5", ClaimStatus.KNOWN),
    Finding(Claim("other", "another", "Table 2", "4", 6), "6", ClaimStatus.DISAGREES),
]  # fmt: skip

TEXT = """\
   claim                                                          printed  recomputed  verdict                    source
1  a sum                                                          3.0      3           agree                      Table 1
2  more than half, in words that do not fit into one line of the  > 50     -           not checked (give --data)  section 2
     table that is printed
3  a mean                                                         4        5           DISAGREE (known)           Table 2
4  another                                                        4        6           DISAGREE                   Table 2

Known misprints and contradictions, and how we read them:
  3  Ours is 5.

Notes:
  1  A note.

made2030: 4 claims, 1 agree, 1 disagree as known, 1 disagree unexpectedly, 1 not checked (give --data with fgnet)."""


def test_text():
    assert as_text("made2030", FINDINGS) == TEXT


def test_text_where_all_agree():
    assert as_text("made2030", FINDINGS[:1]).endswith(
        "\n\nmade2030: 1 claims, 1 agree, 0 disagree as known, 0 disagree unexpectedly, 0 not checked."
    )


def test_json():
    rows = json.loads(as_json([("made2030", finding) for finding in FINDINGS]))
    assert [row["expected"] for row in rows] == [True, True, True, False]
    assert (rows[1]["printed"], rows[1]["recomputed"], rows[1]["missing"]) == ("> 50", None, "fgnet")
    assert rows[2]["reading"] == "Ours is 5." and rows[0]["paper"] == "made2030"
