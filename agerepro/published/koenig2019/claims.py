"""What koenig2019 prints and can be computed again, in the thesis's order.

An erratum says what comes out instead and which reading we take; the audit computes both sides, so that none can hide another
difference. Names of tables are those of the files beside this one.
"""

from __future__ import annotations

from itertools import pairwise

from agerepro.published.claims import (
    Claim,
    Erratum,
    Paper,
    convolution_parameters,
    dense_parameters,
    distinct,
    falling,
    matrix_accuracy,
    matrix_precision,
    matrix_recall,
    not_among,
    percent_decrease,
    rank,
    repeated_rows,
    rising,
    rows_out_of_order,
)

WIKI_IMAGES = 62_328  # docs/datasets.md
# keras-vggface's counts of its networks without their tops, and Keras's of ResNet-50 for ImageNet without its own.
SENET50_FACES, RESNET50_FACES, RESNET50_IMAGENET = 26_092_144, 23_561_152, 23_587_712
CHILDREN, TEENAGERS, ADULTS = 0, 1, 2  # classes of Table 6
FACES2 = ("ResNet-50-Faces2", "SENet-50-Faces2", "VGG-16-Faces2")
IMDB = ("ResNet-50-IMDB", "SENet-50-IMDB", "VGG-16-IMDB")
OURS = (*FACES2, *IMDB, "VGG-16-IMDB-AgeDB")  # rows of Table 4 that are the thesis's own
EARLIER = ("ResNet/RoR with LSTM attention mechanism", "VGG-16 with Label Distribution Age Encoding", "VGG-16 with Expected Value")
FIGURE_13 = ("002", "003", "004", "005")  # subjects tested there


CLAIMS: tuple[Claim, ...] = (
    # Table 1
    Claim(
        "table1-by-year",
        "Table 1 is sorted by year of publication",
        "Table 1, caption",
        "yes",
        lambda paper: rising(paper.column("table1", "year")),
    ),
    Claim(
        "table1-rows-differ",
        "data sets of Table 1 with the same images, subjects and ages",
        "Table 1",
        "none",
        lambda paper: repeated_rows(paper.table("table1"), "images", "subjects", "age_range"),
        erratum=Erratum("Adience = CACD", "The Adience row repeats CACD's numbers; we take those of section 3."),
    ),
    Claim(
        "table1-subjects-at-most-images",
        "data sets of Table 1 with more subjects than images",
        "Table 1",
        "none",
        lambda paper: rows_out_of_order(paper.table("table1"), "subjects", "images"),
        erratum=Erratum("IoG", "The row mixes up photos and people: 5,080 photos show 28,231 faces."),
    ),
    Claim(
        "iog-faces",
        "people of IoG, beside the data set's own count of faces",
        "Table 1; [15]",
        "23,231",
        lambda paper: paper.reading("table1", "subjects of IoG", "the data set's own count of faces"),
        erratum=Erratum("28,231", "23 for 28 is a slip of one digit; IoG's own number is used."),
    ),
    Claim(
        "adience-images",
        "images of Adience, Table 1 beside the text",
        "Table 1; section 3",
        "163,446",
        lambda paper: paper.cell("data", "Adience", "images"),
        erratum=Erratum("26,580", "The text is right; Table 1 has CACD's number."),
    ),
    Claim(
        "adience-subjects",
        "subjects of Adience, Table 1 beside the text",
        "Table 1; section 3",
        "2,000",
        lambda paper: paper.cell("data", "Adience", "subjects"),
        erratum=Erratum("2,284", "The text is right; Table 1 has CACD's number."),
    ),
    Claim(
        "fgnet-table1-text",
        "images and subjects of FG-NET-AD are the same in Table 1 and the text",
        "Table 1; section 3",
        "yes",
        lambda paper: paper.row("table1", "FG-NET-AD", ["images", "subjects"]) == paper.row("data", "FG-NET-AD", ["images", "subjects"]),
    ),
    Claim(
        "agedb-table1-text",
        "images of AgeDB, Table 1 beside the text",
        "Table 1; section 3",
        "16,488",
        lambda paper: paper.cell("data", "AgeDB", "images"),
    ),
    Claim(
        "imdb-wiki-sum",
        "images of IMDB-Wiki are those of IMDB (section 3) and of WIKI (62,328)",
        "Table 1; section 3",
        "523,051",
        lambda paper: paper.cell("data", "IMDB", "images") + WIKI_IMAGES,
        note="WIKI's number is the data set's own, see docs/datasets.md.",
    ),
    Claim(
        "imdb-wiki-subjects",
        'subjects of IMDB-Wiki, "more than 20,000", beside Table 1',
        "section 3; Table 1",
        "20,000",
        lambda paper: paper.cell("table1", "IMDB-Wiki", "subjects"),
        relation="above",
    ),
    Claim(
        "vggfaces2-larger",
        "images of VGGFaces-2, beside those of VGGFaces that it is larger than",
        "section 2",
        "2,600,000",
        lambda paper: paper.cell("data", "VGGFaces-2", "images"),
        relation="above",
    ),
    Claim(
        "imdb-wiki-largest",
        'images of IMDB-Wiki, the most of Table 1, "the largest"',
        "section 3; Table 1",
        "523,051",
        lambda paper: max(paper.column("table1", "images")),
    ),
    Claim(
        "fgnet-images-per-person",
        "images of FG-NET-AD for each person, on average",
        "section 3",
        "12",
        lambda paper: paper.cell("data", "FG-NET-AD", "images") / paper.cell("data", "FG-NET-AD", "subjects"),
    ),
    Claim(
        "fgnet-folds",
        "folds of Leave One Person Out, beside the subjects",
        "section 3",
        "82",
        lambda paper: paper.cell("data", "FG-NET-AD", "subjects"),
    ),
    # Section 4
    Claim(
        "imdb-outputs",
        "outputs for IMDB, beside the whole years from 0 to 100 that cleaning keeps",
        "section 4; section 3",
        "91",
        lambda paper: paper.cell("data", "IMDB", "oldest") - paper.cell("data", "IMDB", "youngest") + 1,
        erratum=Erratum("101", "Not explained in the thesis; our setting `ages` takes the ages observed by default."),
    ),
    Claim(
        "vgg16-parameters",
        "parameters of VGG-16 with dense 512 and 256 and 100 outputs without bias",
        "section 4",
        "27,717,184",
        lambda paper: _vgg16_parameters_below_outputs() + 256 * 100,
    ),
    Claim(
        "vgg16-parameters-outputs",
        "outputs of VGG-16 for IMDB, beside those that its count of parameters leaves (256 weights each)",
        "section 4",
        "91",
        lambda paper: (paper.cell("networks", "VGG-16", "parameters") - _vgg16_parameters_below_outputs()) / 256,
        erratum=Erratum("100.000", "The count fits 100 outputs without bias, none of 91, 63, 8 and 3; we count a stage's own outputs."),
    ),
    Claim(
        "senet50-parameters",
        "parameters of SENet-50 with 100 outputs without bias",
        "section 4",
        "26,296,944",
        lambda paper: SENET50_FACES + 2048 * 100,
        note="26,092,144 is the count of keras-vggface's SENet-50 without its top.",
    ),
    Claim(
        "resnet50-parameters",
        "parameters of ResNet-50 with face weights and 100 outputs without bias",
        "section 4",
        "23,867,786",
        lambda paper: RESNET50_FACES + 2048 * 100,
        note="23,561,152 is the count of keras-vggface's ResNet-50 without its top.",
        erratum=Erratum("23,765,952", "No number of outputs fits, with bias or without: see the next two lines. We print our counts."),
    ),
    Claim(
        "resnet50-parameters-outputs",
        "outputs of ResNet-50 for IMDB, beside those that its count of parameters leaves (2,049 weights each)",
        "section 4",
        "91",
        lambda paper: (paper.cell("networks", "ResNet-50", "parameters") - RESNET50_FACES) / 2049,
        erratum=Erratum("149.65", "Not a whole number, so this is no plain softmax on the network with face weights."),
    ),
    Claim(
        "resnet50-parameters-imagenet",
        "parameters of Keras's ImageNet ResNet-50 with dense layers of 128, 128 and 10",
        "section 4",
        "23,867,786",
        lambda paper: RESNET50_IMAGENET + dense_parameters(2048, 128) + dense_parameters(128, 128) + dense_parameters(128, 10),
        note="The only simple sum that fits. The thesis does not describe it; arithmetic, not knowledge of what was run.",
    ),
    Claim(
        "grid-learning-rates",
        "learning rates that are not in the grid of 0.1, 0.01, 0.001 and 0.0001",
        "section 4",
        "none",
        lambda paper: not_among(paper.column("settings", "learning_rate"), [0.1, 0.01, 0.001, 0.0001]),
    ),
    Claim(
        "grid-batch-sizes",
        "batch sizes that are not in the grid of 12, 32, 48 and 64",
        "section 4",
        "none",
        lambda paper: not_among(paper.column("settings", "batch_size"), [12, 32, 48, 64]),
        erratum=Erratum("16", "FG-NET-AD was trained with 16, or the grid's 12 stands for 16; we train with 16."),
    ),
    Claim(
        "flattened-dimensions",
        "flattened features of the last layer (7 x 7 x 512), beside the observations that they exceed",
        "section 5, Regression Model Results",
        "1,002",
        lambda paper: 7 * 7 * 512,
        relation="above",
    ),
    # Tables 2 to 4
    Claim("table2-rising", "Table 2 is sorted by MAE", "Table 2", "yes", lambda paper: rising(paper.column("table2", "mae"))),
    Claim("table3-falling", "Table 3 is sorted by accuracy", "Table 3", "yes", lambda paper: falling(paper.column("table3", "accuracy"))),
    Claim(
        "table2-in-table4",
        "the earlier results of Table 4 are those of Table 2",
        "Table 2; Table 4",
        "yes",
        lambda paper: paper.column("table2", "mae") == paper.column("table4", "mae", EARLIER),
    ),
    Claim(
        "figure11-red",
        "whose result is the red line, beside Table 4",
        "Figure 11, caption",
        "[47]",
        lambda paper: paper.table("table4").cited["ResNet/RoR with LSTM attention mechanism"],
    ),
    Claim(
        "figure11-green",
        "whose result is the green line, beside Table 4",
        "Figure 11, caption",
        "[38]",
        lambda paper: paper.table("table4").cited["VGG-16 with Label Distribution Age Encoding"],
        erratum=Erratum("[2]", "Tables 2 and 4 are right: section 2 says that [38] did not evaluate on FG-NET."),
    ),
    Claim(
        "figure11-blue",
        "whose result is the blue line, beside Table 4",
        "Figure 11, caption",
        "[40]",
        lambda paper: paper.table("table4").cited["VGG-16 with Expected Value"],
    ),
    Claim(
        "table4-quartiles",
        "rows of Table 4 whose lower quartile, median and upper quartile do not rise",
        "Table 4",
        "none",
        lambda paper: rows_out_of_order(paper.table("table4"), "lower_quartile", "median", "upper_quartile"),
    ),
    Claim(
        "table4-bold-mae",
        "MAE printed in bold, the lowest of all experiments",
        "Table 4, caption",
        "2.68",
        lambda paper: min(paper.column("table4", "mae", OURS)),
    ),
    Claim(
        "table4-bold-median",
        "median printed in bold, the lowest of all experiments",
        "Table 4, caption",
        "2.24",
        lambda paper: min(paper.column("table4", "median", OURS)),
    ),
    Claim(
        "table4-bold-upper-quartile",
        "upper quartile printed in bold, the lowest of all experiments",
        "Table 4, caption",
        "3.35",
        lambda paper: min(paper.column("table4", "upper_quartile", OURS)),
    ),
    Claim(
        "table4-bold-lower-quartile",
        "lower quartile printed in bold, the lowest of all experiments",
        "Table 4, caption",
        "1.58",
        lambda paper: min(paper.column("table4", "lower_quartile", OURS)),
        erratum=Erratum("1.54", "The whole row is bold; the lowest lower quartile is that of VGG-16-IMDB."),
    ),
    Claim(
        "mode-a-order",
        "on face features VGG-16 errs least and ResNet-50 most",
        "section 5; Table 4",
        "yes",
        lambda paper: falling(paper.column("table4", "mae", FACES2)),
    ),
    Claim(
        "largest-decrease",
        'relative decrease of ResNet-50\'s MAE by IMDB, percent, "around"',
        "section 5; Table 4",
        "65",
        lambda paper: _decrease_by_imdb(paper, "ResNet-50"),
    ),
    Claim(
        "largest-decrease-of-all",
        "this is the largest decrease of the three networks",
        "section 5; Table 4",
        "yes",
        lambda paper: _is_largest_decrease(paper),
    ),
    Claim(
        "mode-b-order",
        "after IMDB VGG-16 again has the lowest error of the three",
        "section 5; Table 4",
        "yes",
        lambda paper: falling(paper.column("table4", "mae", IMDB)),
    ),
    Claim(
        "vgg16-spread-after-imdb",
        "VGG-16's errors vary less after IMDB (upper less lower quartile)",
        "section 5; Table 4",
        "yes",
        lambda paper: _quartile_range(paper, "VGG-16-Faces2") >= _quartile_range(paper, "VGG-16-IMDB"),
    ),
    Claim(
        "vgg16-spread-after-agedb",
        "VGG-16's errors vary less after AgeDB (upper less lower quartile)",
        "section 5; Table 4",
        "yes",
        lambda paper: _quartile_range(paper, "VGG-16-IMDB") >= _quartile_range(paper, "VGG-16-IMDB-AgeDB"),
    ),
    Claim(
        "agedb-gain",
        "years that fine-tuning on AgeDB takes off the MAE",
        "section 5; Table 4",
        "0.09",
        lambda paper: paper.cell("table4", "VGG-16-IMDB", "mae") - paper.cell("table4", "VGG-16-IMDB-AgeDB", "mae"),
    ),
    Claim(
        "fgnet-second-best",
        'place of the best MAE among the results of Table 2, "second-best"',
        "sections 1 and 5; Table 2",
        "2",
        lambda paper: rank(paper.cell("table4", "VGG-16-IMDB-AgeDB", "mae"), paper.column("table2", "mae")),
    ),
    # Table 5
    Claim(
        "table5-best",
        "MAE printed in bold, the lowest of the regression models",
        "Table 5",
        "3.98",
        lambda paper: min(paper.column("table5", "mae")),
    ),
    Claim(
        "table5-best-r2",
        "R2 printed in bold, the highest of the regression models",
        "Table 5",
        "0.45",
        lambda paper: max(paper.column("table5", "r2")),
    ),
    Claim(
        "regression-behind-softmax",
        "the best regression does not outperform the softmax's MAE",
        "section 5; Tables 4 and 5",
        "2.68",
        lambda paper: min(paper.column("table5", "mae")),
        relation="above",
    ),
    Claim(
        "flattened-worst",
        "flattened features have the highest MAE and the lowest R2",
        "section 5; Table 5",
        "yes",
        lambda paper: _has_worst_scores(paper),
    ),
    # Table 6
    Claim(
        "matrix-accuracy",
        "accuracy on fold 1 in three groups, percent, beside the matrix",
        "section 6; Table 6",
        "92.59",
        lambda paper: matrix_accuracy(paper.matrix("table6")),
        erratum=Erratum("92.12", "The matrix is used: its rows are the photos of the fold, see the counts below."),
    ),
    Claim("matrix-precision-children", "precision of 0-12", "section 6; Table 6", "0.95", lambda paper: _precision(paper, CHILDREN)),
    Claim(
        "matrix-recall-children",
        "recall of 0-12",
        "section 6; Table 6",
        "0.98",
        lambda paper: _recall(paper, CHILDREN),
        erratum=Erratum("0.987", "The text cuts the decimals off; rounded it is 0.99."),
    ),
    Claim(
        "matrix-precision-adults",
        'precision of 25-100, "equally high"',
        "section 6; Table 6",
        "0.95",
        lambda paper: _precision(paper, ADULTS),
    ),
    Claim("matrix-recall-adults", "recall of 25-100", "section 6; Table 6", "0.92", lambda paper: _recall(paper, ADULTS)),
    Claim(
        "matrix-precision-order",
        "precision is highest for 0-12 and lowest for 15-20",
        "section 6; Table 6",
        "yes",
        lambda paper: falling([_precision(paper, index) for index in (CHILDREN, ADULTS, TEENAGERS)]),
    ),
    Claim(
        "matrix-recall-order",
        "recall is highest for 0-12 and lowest for 15-20",
        "section 6; Table 6",
        "yes",
        lambda paper: falling([_recall(paper, index) for index in (CHILDREN, ADULTS, TEENAGERS)]),
    ),
    # Adience, from its fold files
    Claim(
        "adience-accuracy-order",
        "1-off accuracy, beside the accuracy that it contains",
        "section 5",
        "61.41",
        lambda paper: paper.cell("adience", "VGG-16-IMDB-AgeDB", "one_off_accuracy"),
        relation="above",
    ),
    Claim(
        "adience-images-used",
        "images of Adience after cleaning, with labels that are a piece of a group's text",
        "section 3",
        "17,417",
        lambda paper: len(paper.photos("adience", labels="substring")),
        note='"3" is in "(25, 32)", so three-year-olds count as 25-32; exact labels give 17,393.',
    ),
    Claim(
        "table6-row-sums",
        "the rows of Table 6 sum to 1,667, 152 and 2,571",
        "Table 6",
        "yes",
        lambda paper: [sum(row) for row in paper.matrix("table6")] == [1667, 152, 2571],
    ),
    Claim(
        "adience-children",
        "sum of Table 6's first row, beside the photos of 0-12 in fold_0_data.txt",
        "Table 6",
        "1,667",
        lambda paper: _photos_of_first_fold(paper, "0-2", "4-6", "8-12"),
    ),
    Claim(
        "adience-teenagers",
        "sum of Table 6's second row, beside the photos of 15-20 in fold_0_data.txt",
        "Table 6",
        "152",
        lambda paper: _photos_of_first_fold(paper, "15-20"),
    ),
    Claim(
        "adience-adults",
        "sum of Table 6's third row, beside the photos of 25-100 in fold_0_data.txt",
        "Table 6",
        "2,571",
        lambda paper: _photos_of_first_fold(paper, "25-32", "38-43", "48-53", "60-100"),
        note="2,558 by exact labels; thirteen three-year-olds come in by the rule that gives 17,417.",
    ),
    # FG-NET-AD, from its file names
    Claim("fgnet-images", "images of FG-NET-AD, counted", "Table 1; section 3", "1,002", lambda paper: len(paper.photos("fgnet"))),
    Claim(
        "fgnet-people",
        "subjects of FG-NET-AD, counted",
        "Table 1; section 3",
        "82",
        lambda paper: distinct(paper.photos("fgnet")["subject"]),
    ),
    Claim(
        "fgnet-youngest", "youngest age of FG-NET-AD", "Table 1; section 3", "0", lambda paper: float(paper.photos("fgnet")["age"].min())
    ),
    Claim("fgnet-oldest", "oldest age of FG-NET-AD", "Table 1; section 3", "69", lambda paper: float(paper.photos("fgnet")["age"].max())),
    Claim(
        "fgnet-outputs",
        "outputs for FG-NET-AD, beside its distinct ages",
        "section 4",
        "63",
        lambda paper: distinct(paper.photos("fgnet")["age"]),
    ),
    Claim(
        "fgnet-centre",
        'age that FG-NET-AD "centers around", beside its mean',
        "section 3, Label Distribution",
        "20",
        lambda paper: float(paper.photos("fgnet")["age"].mean()),
        erratum=Erratum("15.8", "Loosely said: the mean is 15.8 years, the median 13. Our figures are drawn from the ages."),
    ),
    Claim(
        "fgnet-below-20",
        'images of FG-NET-AD below 20 years, percent, "more than half"',
        "section 6",
        "50",
        lambda paper: float(100 * (paper.photos("fgnet")["age"] < 20).mean()),
        relation="above",
    ),
    Claim(
        "fgnet-above-50",
        "images for each label above 50 years",
        "section 6",
        "1.75",
        lambda paper: _photos_a_label_above_50(paper),
        note="For each of the twelve ages above 50 that occur; over all nineteen years 51 to 69 it would be 1.1.",
    ),
    Claim(
        "figure13-training-above-30",
        'training images above 30 years without subjects 2 to 5, percent, "only"',
        "section 6, Figure 13",
        "10",
        lambda paper: _percent_above_30(paper, tested=False),
        erratum=Erratum("10.8", "The text cuts the decimals off."),
    ),
    Claim(
        "figure13-test-above-30",
        'images of subjects 2 to 5 above 30 years, percent, "more than"',
        "section 6, Figure 13",
        "50",
        lambda paper: _percent_above_30(paper, tested=True),
        relation="above",
    ),
    # AgeDB and IMDB, where they are at hand
    Claim("agedb-images", "images of AgeDB, counted", "Table 1; section 3", "16,488", lambda paper: len(paper.photos("agedb"))),
    Claim("agedb-people", "subjects of AgeDB, counted", "Table 1", "568", lambda paper: distinct(paper.photos("agedb")["subject"])),
    Claim("imdb-images-used", "images of IMDB after cleaning", "section 3", "171,858", lambda paper: len(paper.photos("imdb"))),
)


def _vgg16_parameters_below_outputs() -> int:
    """Parameters of VGG-16's convolutions and of dense layers of 512 and 256."""
    channels = [3, 64, 64, 128, 128, *[256] * 3, *[512] * 6]
    convolutions = sum(convolution_parameters(3, inputs, outputs) for inputs, outputs in pairwise(channels))
    return convolutions + dense_parameters(7 * 7 * 512, 512) + dense_parameters(512, 256)


def _decrease_by_imdb(paper: Paper, network: str) -> float:
    """Percent that tuning on IMDB takes off a network's MAE."""
    return percent_decrease(paper.cell("table4", f"{network}-Faces2", "mae"), paper.cell("table4", f"{network}-IMDB", "mae"))


def _is_largest_decrease(paper: Paper) -> bool:
    return _decrease_by_imdb(paper, "ResNet-50") >= max(_decrease_by_imdb(paper, network) for network in ("SENet-50", "VGG-16"))


def _quartile_range(paper: Paper, row: str) -> float:
    """Upper less lower quartile of a row of Table 4, years."""
    return paper.cell("table4", row, "upper_quartile") - paper.cell("table4", row, "lower_quartile")


def _has_worst_scores(paper: Paper) -> bool:
    mae, r2 = paper.column("table5", "mae"), paper.column("table5", "r2")
    return paper.row("table5", "VGG-16-IMDB-AgeDB Flattened", ["mae", "r2"]) == [max(mae), min(r2)]


def _precision(paper: Paper, index: int) -> float:
    return matrix_precision(paper.matrix("table6"), index)


def _recall(paper: Paper, index: int) -> float:
    return matrix_recall(paper.matrix("table6"), index)


def _photos_of_first_fold(paper: Paper, *groups: str) -> int:
    """Photos of fold_0_data.txt with one of these labels, labels read as in the thesis."""
    photos = paper.photos("adience", labels="substring")
    return int(((photos["split"] == "0") & photos["group"].isin(groups)).sum())


def _percent_above_30(paper: Paper, *, tested: bool) -> float:
    """Percent of FG-NET's photos above 30 years, of the subjects that Figure 13 tests or of all others."""
    photos = paper.photos("fgnet")
    ages = photos.loc[photos["subject"].isin(FIGURE_13) == tested, "age"]
    return float(100 * (ages > 30).mean())


def _photos_a_label_above_50(paper: Paper) -> float:
    ages = paper.photos("fgnet")["age"]
    return len(ages[ages > 50]) / distinct(ages[ages > 50])
