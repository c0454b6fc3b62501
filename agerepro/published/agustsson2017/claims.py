"""What agustsson2017 prints and can be computed again, in the paper's order.

Errata as in koenig2019. Names of tables are those of the files beside this one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agerepro.published.claims import Claim, Erratum, Paper, distinct, one_of, rising, rows_missing, rows_out_of_order

if TYPE_CHECKING:
    import pandas as pd

OURS = "APPA-REAL"
NO_LABELS = ("Real GT", "Apparent GT")  # rows of Tables II and III that predict by the other label, not by a model
ORIGINAL_OUTPUTS = "101"  # of DEX at ICCV 2015, as section I says of [33]
YOUNG, ELDERLY = (18, 31), (60, 100)  # years; ours, for "young adults" and "the elderly"
ROUNDED = 3 * 0.005  # years by which three numbers of two digits may miss their sum


CLAIMS: tuple[Claim, ...] = (
    # Section I
    Claim(
        "morph-factor",
        "factor by which MORPH (2006) has more photos than FG-NET (2002)",
        "section I; Table I",
        "55",
        lambda paper: paper.cell("table1", "MORPH2", "faces") / paper.cell("table1", "FG-NET", "faces"),
    ),
    # Table I
    Claim(
        "table1-subjects-at-most-faces",
        "data sets of Table I with more subjects than faces",
        "Table I",
        "none",
        lambda paper: rows_out_of_order(paper.table("table1"), "subjects", "faces"),
    ),
    Claim(
        "real-age-only",
        "earlier data sets of Table I that are not on real age",
        "section II; Table I",
        "none",
        lambda paper: _not_on_real_age(paper),
        erratum=Erratum("GROUPS, PAL, WIT-BD, HOIP, OUI-Adience", "These five have age groups; what none has is apparent age."),
    ),
    Claim(
        "pie-faces",
        "faces of PIE, beside the data set's own count",
        "Table I; [35]",
        "41,638",
        lambda paper: paper.reading("table1", "faces of PIE", "the data set's own count"),
        erratum=Erratum("41,368", "Two digits changed places."),
    ),
    Claim(
        "groups-faces-koenig2019",
        "faces of GROUPS, beside the data set's own count as in koenig2019's tables",
        "Table I",
        "28,231",
        lambda paper: paper.other("koenig2019").reading("table1", "subjects of IoG", "the data set's own count of faces"),
    ),
    Claim(
        "groups-subjects-koenig2019",
        "people of GROUPS, beside koenig2019's Table 1 (IoG)",
        "Table I",
        "28,231",
        lambda paper: paper.other("koenig2019").cell("table1", "IoG", "subjects"),
        erratum=Erratum("23,231", "koenig2019 misprints it. Table I has the number of faces here, as if nobody were on two photos."),
    ),
    Claim(
        "morph-faces-koenig2019",
        "faces of MORPH2, beside koenig2019",
        "Table I",
        "55,134",
        lambda paper: paper.other("koenig2019").cell("table1", "MORPH-II", "images"),
    ),
    Claim(
        "morph-subjects-koenig2019",
        "people of MORPH2, beside koenig2019",
        "Table I",
        "13,618",
        lambda paper: paper.other("koenig2019").cell("table1", "MORPH-II", "subjects"),
    ),
    Claim(
        "morph-subjects-pan2018",
        "people of MORPH2, beside pan2018",
        "Table I",
        "13,618",
        lambda paper: paper.other("pan2018").cell("data", "MORPH II", "subjects"),
        erratum=Erratum("13,617", "The papers differ by one person; both counts are told, and folds follow the list at hand."),
    ),
    Claim(
        "adience-faces-koenig2019",
        "faces of OUI-Adience, beside koenig2019's Table 1",
        "Table I",
        "26,580",
        lambda paper: paper.other("koenig2019").cell("table1", "Adience", "images"),
        erratum=Erratum("163,446", "koenig2019's row repeats CACD's numbers; its text has 26,580."),
    ),
    Claim(
        "adience-faces-koenig2019-text",
        "faces of OUI-Adience, beside koenig2019's text",
        "Table I",
        "26,580",
        lambda paper: paper.other("koenig2019").cell("data", "Adience", "images"),
    ),
    Claim(
        "imdb-wiki-faces-koenig2019",
        "faces of IMDBWIKI, beside koenig2019",
        "Table I",
        "523,051",
        lambda paper: paper.other("koenig2019").cell("table1", "IMDB-Wiki", "images"),
    ),
    Claim(
        "fgnet-koenig2019",
        "faces and people of FG-NET are the same in koenig2019",
        "Table I",
        "yes",
        lambda paper: _is_fgnet_of_koenig2019(paper),
    ),
    # APPA-REAL
    Claim(
        "appa-real-splits",
        "images of APPA-REAL, summed over the split",
        "Table I; section IV-A",
        "7,591",
        lambda paper: sum(paper.row("data", OURS, ["train", "test", "validation"])),
    ),
    Claim(
        "appa-real-pan2018",
        "images of APPA-REAL, beside CLAP2016 in pan2018, the same photos",
        "section II",
        "7,591",
        lambda paper: paper.other("pan2018").cell("table1", "Total Image", "clap2016"),
    ),
    Claim(
        "second-split-name",
        "what the split of 1,500 images is called, beside pan2018",
        "section IV-A",
        "test",
        lambda paper: _name_in_pan2018(paper, paper.cell("data", OURS, "test")),
        erratum=Erratum("validation", "The text has the names in the wrong order: 1,500 validate and 1,978 test."),
    ),
    Claim(
        "votes-in-all",
        'votes in all by 38 an image, "nearly 300,000"',
        "section II",
        "300,000",
        lambda paper: paper.cell("data", OURS, "images") * paper.cell("data", OURS, "votes_per_image"),
        relation="below",
    ),
    Claim(
        "votes-per-image",
        'votes an image, "around", by the rows of the published votes',
        "section II",
        "38",
        lambda paper: _published_votes(paper) / paper.cell("data", OURS, "images"),
        erratum=Erratum("34.3", "Those without outliers, so both may be right. A public notebook's count, not ours."),
    ),
    Claim(
        "standard-error",
        "standard error of an apparent age, years, from the published standard deviations and 38 votes",
        "section II",
        "0.3",
        lambda paper: _published_deviation(paper) / math.sqrt(paper.cell("data", OURS, "votes_per_image")),
        erratum=Erratum("0.69", "A mean standard deviation of 4.25 years needs 200 votes for 0.3. Ours are as published."),
    ),
    Claim(
        "young-look-older",
        "apparent less real age in the figures is above 0 for young adults (18 to 31) on average",
        "section II; Figures 5, 6",
        "yes",
        lambda paper: _apparent_less_real(paper, *YOUNG) > 0,
    ),
    Claim(
        "elderly-look-younger",
        "and below 0 for the elderly (from 60)",
        "section II; Figures 5, 6",
        "yes",
        lambda paper: _apparent_less_real(paper, *ELDERLY) < 0,
    ),
    # Settings
    Claim(
        "dex-outputs",
        "outputs of the original DEX, whose parameters are kept, beside the classes 1 to 100",
        "sections I, IV-A",
        ORIGINAL_OUTPUTS,
        lambda paper: _outputs(paper, "DEX"),
        erratum=Erratum("100", "DEX had ages 0 to 100. We take section IV-A; a stage with other classes gets a new layer."),
    ),
    Claim(
        "classes-hold-youngest",
        "the classes of DEX hold the youngest age of APPA-REAL",
        "section IV-A; Table I",
        "yes",
        lambda paper: paper.cell("settings", "DEX", "first_class") <= paper.cell("data", OURS, "youngest"),
        erratum=Erratum("no", "Age 0 counts as class 1, the nearest, by equation 1; none is predicted below 1 year."),
    ),
    Claim(
        "residuals-span",
        "the classes of Residual DEX span fewer years than those of DEX, as residuals do",
        "sections III-B, IV-A",
        "yes",
        lambda paper: _outputs(paper, "Residual DEX") < _outputs(paper, "DEX"),
        erratum=Erratum("no", "-50 to 50 is one class more. Residuals are smaller than that, see the next line; the classes are kept."),
    ),
    Claim(
        "errors-within-20",
        'largest error of Apparent DEX in Figure 5, years, "most DEX errors are within 20 years"',
        "section III-B; Figure 5",
        "20",
        lambda paper: float(np.abs(_errors(paper, "apparent_dex")).max()),
        relation="below",
    ),
    # Table II
    Claim("text-apparent-dex", "MAE of Apparent DEX", "section IV-C", "4.08", lambda paper: paper.cell("table2", "Apparent DEX", "mae")),
    Claim(
        "text-real-dex-apparent",
        "MAE of Real DEX, apparent age",
        "section IV-C",
        "4.51",
        lambda paper: paper.cell("table2", "Real DEX", "mae"),
    ),
    Claim(
        "text-real-gt", "MAE of the real age as apparent age", "section IV-C", "4.57", lambda paper: paper.cell("table2", "Real GT", "mae")
    ),
    Claim(
        "table2-bold",
        "MAE printed in bold, the lowest of Table II but for the label itself",
        "Table II",
        "4.082",
        lambda paper: min(_predictors(paper, "table2")),
    ),
    Claim(
        "real-dex-beats-real-gt",
        "MAE of Real DEX is below that of the real age, apparent age",
        "section IV-C; Table II",
        "yes",
        lambda paper: paper.cell("table2", "Real DEX", "mae") < paper.cell("table2", "Real GT", "mae"),
    ),
    Claim(
        "residual-apparent-improves",
        "a residual improves Real DEX for the apparent age, and stays behind Apparent DEX",
        "section IV-C; Table II",
        "yes",
        lambda paper: rising(paper.column("table2", "mae", ["Apparent DEX", "Real + Residual DEX", "Real DEX"])),
    ),
    # Table III
    Claim("text-real-dex", "MAE of Real DEX, real age", "section IV-C", "5.47", lambda paper: paper.cell("table3", "Real DEX", "mae")),
    Claim(
        "labels-symmetric",
        "error between the labels is the same in both directions",
        "Tables II, III",
        "yes",
        lambda paper: paper.cell("table2", "Real GT", "mae") == paper.cell("table3", "Apparent GT", "mae"),
    ),
    Claim(
        "real-harder",
        "real age is harder for its own model than apparent age for its own",
        "section IV-C",
        "yes",
        lambda paper: paper.cell("table3", "Real DEX", "mae") > paper.cell("table2", "Apparent DEX", "mae"),
    ),
    Claim(
        "crowd-best",
        "lowest MAE of Table III but for the label itself, of the crowd",
        "section IV-C; Table III",
        "4.573",
        lambda paper: min(_predictors(paper, "table3")),
    ),
    Claim(
        "crowd-ahead",
        "years that the crowd is better than Real DEX",
        "section IV-C; Table III",
        "0.9",
        lambda paper: paper.cell("table3", "Real DEX", "mae") - paper.cell("table3", "Apparent GT", "mae"),
    ),
    Claim(
        "residual-crowd-distance",
        "years between Real + Residual DEX and the crowd",
        "section IV-C; Table III",
        "0.8",
        lambda paper: paper.cell("table3", "Real + Residual DEX", "mae") - paper.cell("table3", "Apparent GT", "mae"),
    ),
    Claim(
        "residual-real-improves",
        "Real DEX lowered by a residual, from 5.468 to 5.352",
        "section IV-C; Table III",
        "5.352",
        lambda paper: min(paper.column("table3", "mae", ["Real DEX", "Real + Residual DEX"])),
        note="0.116 years, called significant; 0.063 in Table II is called marginal. No test is reported.",
    ),
    Claim(
        "apparent-dex-behind",
        "years that Apparent DEX is behind Real DEX, real age",
        "section IV-C; Table III",
        "0.26",
        lambda paper: paper.cell("table3", "Apparent DEX", "mae") - paper.cell("table3", "Real DEX", "mae"),
    ),
    Claim(
        "svr-beats-real-dex",
        "MAE of Apparent DEX + SVR, slightly below that of Real DEX",
        "section IV-C; Table III",
        "5.468",
        lambda paper: paper.cell("table3", "Apparent DEX + SVR", "mae"),
        relation="below",
    ),
    Claim(
        "table3-bold",
        "MAE printed in bold, the lowest of the models of Table III",
        "Table III",
        "5.296",
        lambda paper: min(_models(paper, "table3")),
    ),
    # Earlier states of both tables
    Claim(
        "table2-first-print",
        "rows of Table II that its first print behind the references lacks",
        "Table II; first table behind the references",
        "none",
        lambda paper: rows_missing(paper.table("table2_first_print"), paper.table("table2")),
        erratum=Erratum("Real + Residual DEX", "An earlier state left in the file; Table II is used."),
    ),
    Claim(
        "table3-first-print",
        "rows of Table III that its first print behind the references lacks",
        "Table III; second table behind the references",
        "none",
        lambda paper: rows_missing(paper.table("table3_first_print"), paper.table("table3")),
        erratum=Erratum("Real + Residual DEX, Apparent + Residual DEX", "An earlier state left in the file; Table III is used."),
    ),
    Claim(
        "table3-first-print-bold",
        "MAE printed in bold there, the lowest of its models",
        "second table behind the references",
        "5.426",
        lambda paper: min(_models(paper, "table3_first_print")),
    ),
    Claim(
        "table2-section6",
        "rows of Table II that its print in section VI lacks",
        "Table II; section VI",
        "none",
        lambda paper: rows_missing(paper.table("table2_section6"), paper.table("table2")),
    ),
    Claim(
        "table3-section6",
        "rows of Table III that its print in section VI lacks",
        "Table III; section VI",
        "none",
        lambda paper: rows_missing(paper.table("table3_section6"), paper.table("table3")),
        erratum=Erratum("Real + Residual DEX", "An earlier state left in the file; 5.352 is used, as the text has it."),
    ),
    Claim(
        "prints-agree",
        "rows that the earlier states have are those of Tables II and III",
        "Tables II, III; behind the references; section VI",
        "yes",
        lambda paper: all(
            rows.items() <= paper.table(table).rows.items()
            for table in ("table2", "table3")
            for rows in (paper.table(f"{table}_{state}").rows for state in ("first_print", "section6"))
        ),
    ),
    # Figures 5 and 6
    Claim(
        "figure5-sums",
        "photos of Figure 5 whose Apparent DEX and residual do not give the combined age",
        "Figure 5",
        "none",
        lambda paper: _wrong_sums(paper, "figure5"),
    ),
    Claim(
        "figure5-sorted",
        "Figure 5 is sorted by the error of Apparent + Residual DEX",
        "Figure 5, caption",
        "yes",
        lambda paper: rising(np.abs(_errors(paper, "combined"))),
    ),
    Claim(
        "figure5-evenly",
        "MAE of Apparent + Residual DEX, beside the most that it can be if Figure 5 stands evenly from its best photo to its worst",
        "section IV-D; Figure 5; Table III",
        "5.296",
        lambda paper: float(np.abs(_errors(paper, "combined"))[1:].mean()),
        relation="above",
        erratum=Erratum("4.67", "They are not: photos worse than the twelfth, off by 11.72, exist. Ours has the very worst."),
        note="Between two photos of the sorted list no error is above that of the second: at most the mean of photos 2 to 12, 51.33 / 11.",
    ),
    Claim(
        "figure-number",
        "photos in the figure that section IV-D calls VI",
        "section IV-D; Figure 6",
        "12",
        lambda paper: len(paper.table("figure6").rows),
        erratum=Erratum("6", "Figure 5 is meant, which has twelve."),
    ),
    Claim(
        "residual-right-direction",
        'photos of Figure 5 that the residual moves towards the real age, percent, "most"',
        "section IV-D; Figure 5",
        "50",
        lambda paper: float(100 * np.mean(_residual_is_right(paper))),
        relation="above",
        erratum=Erratum("50.0", "Six of the twelve printed. Over the test split the error still falls, from 5.729 to 5.296."),
    ),
    Claim(
        "residual-wrong-at-end",
        "of the last three photos, those moved the wrong way or not far enough",
        "section IV-D; Figure 5",
        "3",
        lambda paper: int(_is_failure(paper)[-3:].sum()),
        note="All three are moved the wrong way.",
    ),
    Claim(
        "figure6-sums",
        "photos of Figure 6 whose Apparent DEX and residual do not give the combined age",
        "Figure 6",
        "none",
        lambda paper: _wrong_sums(paper, "figure6"),
    ),
    Claim("figure6-sorted", "Figure 6 is sorted by age", "section IV-E", "yes", lambda paper: rising(paper.column("figure6", "real"))),
    # Counted, where data sets are at hand
    Claim(
        "morph-people",
        "people of MORPH2, counted, are as many as here or in pan2018",
        "Table I",
        "yes",
        lambda paper: one_of(distinct(paper.photos("morph")["subject"]), _people_of_morph2(paper)),
        note="13,618 or 13,617; `agerepro data verify morph` prints which.",
    ),
    Claim("appa-real-images", "images of APPA-REAL, counted", "Table I", "7,591", lambda paper: len(paper.photos("appareal"))),
    Claim(
        "appa-real-test",
        "images of APPA-REAL's test split, counted, beside the number that the text gives it",
        "section IV-A",
        "1,500",
        lambda paper: len(_test_photos(paper)),
        erratum=Erratum("1,978", "The names in the text are in the wrong order, see above."),
    ),
    Claim(
        "appa-real-labels",
        "MAE between real and apparent age on the test split, years",
        "Tables II, III",
        "4.573",
        lambda paper: float((_test_photos(paper)["age"] - _test_photos(paper)["apparent_age"]).abs().mean()),
    ),
    Claim(
        "appa-real-largest-difference",
        'largest difference between real and apparent age, years, "even larger than 20"',
        "section II; Figure 3",
        "20",
        lambda paper: float((paper.photos("appareal")["age"] - paper.photos("appareal")["apparent_age"]).abs().max()),
        relation="above",
    ),
)


def _is_fgnet_of_koenig2019(paper: Paper) -> bool:
    other = paper.other("koenig2019").row("table1", "FG-NET-AD", ["images", "subjects"])
    return paper.row("table1", "FG-NET", ["faces", "subjects"]) == other


def _people_of_morph2(paper: Paper) -> list[float]:
    """How many people the papers say that MORPH2 has."""
    return [paper.cell("table1", "MORPH2", "subjects"), paper.other("pan2018").cell("data", "MORPH II", "subjects")]


def _not_on_real_age(paper: Paper) -> str:
    rows = paper.table("table1").rows
    return ", ".join(name for name, row in rows.items() if row["age_type"] != "Real Age" and name != OURS) or "none"


def _name_in_pan2018(paper: Paper, images: float) -> str:
    """What pan2018 calls the part of CLAP2016 with so many images."""
    parts = paper.other("pan2018").table("data").rows["CLAP2016"]
    return next(name for name, count in parts.items() if count == images)


def _published_votes(paper: Paper) -> float:
    return float(paper.reading("data", "votes in all", "rows of the published votes"))


def _published_deviation(paper: Paper) -> float:
    """Mean standard deviation of the votes on an image, years."""
    return float(paper.reading("data", "standard deviation of the votes on an image, years", "labels of ChaLearn 2016, mean"))


def _apparent_less_real(paper: Paper, first: int, last: int) -> float:
    """Mean of apparent less real age, years, over the photos of Figures 5 and 6 of these real ages."""
    rows = [paper.row(figure, row, ["real", "apparent"]) for figure in ("figure5", "figure6") for row in paper.table(figure).rows]
    return float(np.mean([apparent - real for real, apparent in rows if first <= real <= last]))


def _outputs(paper: Paper, model: str) -> float:
    """How many classes a model has."""
    first, last, width = paper.row("settings", model, ["first_class", "last_class", "width"])
    return (last - first) / width + 1


def _errors(paper: Paper, column: str) -> NDArray[Any]:
    """Estimate less real age of Figure 5's photos, years."""
    return np.array(paper.column("figure5", column)) - paper.column("figure5", "real")


def _residual_is_right(paper: Paper) -> NDArray[Any]:
    """Which photos of Figure 5 have a residual towards the real age."""
    return np.asarray(np.sign(paper.column("figure5", "residual_dex")) == -np.sign(_errors(paper, "apparent_dex")))


def _is_failure(paper: Paper) -> NDArray[Any]:
    """Which photos of Figure 5 are moved the wrong way, or not as far as the real age."""
    moved = np.abs(paper.column("figure5", "residual_dex"))
    return np.asarray(~_residual_is_right(paper) | (moved < np.abs(_errors(paper, "apparent_dex"))))


def _wrong_sums(paper: Paper, figure: str) -> str:
    """Numbers of the photos whose sum is off by more than rounding of its three numbers allows, or "none"."""
    numbers = {row: paper.row(figure, row, ["apparent_dex", "residual_dex", "combined"]) for row in paper.table(figure).rows}
    wrong = [row for row, (first, residual, combined) in numbers.items() if abs(first + residual - combined) > ROUNDED]
    return ", ".join(wrong) or "none"


def _predictors(paper: Paper, table: str) -> list[float]:
    """MAE of all rows but that of the label itself."""
    return [mae for mae in paper.column(table, "mae") if mae > 0]


def _test_photos(paper: Paper) -> pd.DataFrame:
    photos = paper.photos("appareal")
    return photos[photos["split"] == "test"]


def _models(paper: Paper, table: str) -> list[float]:
    """MAE of the rows that are models."""
    return paper.column(table, "mae", [row for row in paper.table(table).rows if row not in NO_LABELS])
