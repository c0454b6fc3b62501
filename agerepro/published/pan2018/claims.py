"""What pan2018 prints and can be computed again, in the paper's order; equations are computed on a drawn example.

Errata as in koenig2019. Names of tables are those of the files beside this one.
"""

from __future__ import annotations

import numpy as np

from agerepro.published.claims import Claim, Erratum, Paper, distinct, falling, one_of, rank, rising, years_without_row
from agerepro.published.pan2018 import equations as eq

BINS = ("0-19", "20-39", "40-59", "60-69", ">= 80")  # rows of Table 1 without its sum
PROPOSED = "Proposed loss + softmax loss"
RANKING, NOT_RANKING = ("OHRank", "Ranking-CNN", "OR-CNN"), ("RED-SVM", "DEX")  # [4, 5, 33] and [3, 38] of section 4.4.3
BATCH = eq.example_batch()
P = eq.softmax(BATCH.z)
LABEL_ABOVE = eq.means(P)[:, 0] < BATCH.labels  # photos whose mean is below the label
OPPOSITE = (np.arange(1.0, 6.0), np.arange(5.0, 0.0, -1.0))  # ranks of five photos, estimated in exactly the opposite order
OLDEST = 100  # up to which Table 1 should have a row for every age
COUNTED_AGES = ((0, 19), (20, 39), (40, 59), (60, 79), (80, 150))  # of the rows of BINS as read
CONVOLUTION, STEP = 11, 4  # AlexNet's first convolution [27]
HALVINGS = 5  # poolings of VGG-16 [41]


def _counts_by_age(column: str, data: str, name: str, age: str, printed: tuple[str, ...]) -> tuple[Claim, ...]:
    """A claim for each row of Table 1: photos of a data set of these ages in whole years, the fourth row read as 60 to 79."""

    def claim(first: int, last: int, photos: str) -> Claim:
        ages = f"{first} to {last}" if last < OLDEST else f"{first}"
        return Claim(
            f"{column}-{ages.replace(' to ', '-')}",
            f"photos of {name} from {ages} years, counted",
            "Table 1",
            photos,
            lambda paper: int(paper.photos(data)[age].round().between(first, last).sum()),
        )

    return tuple(claim(first, last, photos) for (first, last), photos in zip(COUNTED_AGES, printed, strict=True))


CLAIMS: tuple[Claim, ...] = (
    # Section 3
    Claim(
        "classes-hold-youngest",
        "the classes 1, 2, ..., K hold the youngest age of FG-NET",
        "section 3.1; section 4.1",
        "yes",
        lambda paper: paper.cell("data", "FG-NET", "youngest") >= 1,
        erratum=Erratum("no", "Ages begin at 0. Our classes stand for ages, and the expectation is over ages."),
    ),
    Claim(
        "equation-6",
        "both lines of equation 6 are the same loss",
        "equation 6",
        "yes",
        lambda paper: _equation_6_is_the_sum(),
        note="With the sum over all three terms; brackets are missing around them.",
    ),
    Claim(
        "equation-8",
        "equation 8 is the gradient of equation 4 by p",
        "equation 8",
        "yes",
        lambda paper: eq.near(eq.equation_8(P, BATCH.labels), eq.gradient_by_p("mean", BATCH)),
        note="This and the following gradients: central differences on eight drawn photos and nine classes.",
    ),
    Claim(
        "equations-9-10",
        "equations 9 and 10 are the gradient of equation 1",
        "equations 9, 10",
        "yes",
        lambda paper: eq.near(eq.equations_9_and_10(P), eq.jacobian_of_softmax(BATCH.z)),
    ),
    Claim(
        "equation-11",
        "equation 11 is the gradient of equation 4 by z",
        "equation 11",
        "yes",
        lambda paper: eq.near(eq.equation_11(P, BATCH.labels), eq.gradient_by_z("mean", BATCH)),
    ),
    Claim(
        "mean-moves-to-label",
        "a step along equation 11 moves every mean towards its label",
        "section 3.2 (i)",
        "yes",
        lambda paper: _means_move_to_labels(),
    ),
    Claim(
        "outputs-above-mean",
        "where the mean is below the label, all classes above the mean have negative gradients",
        "section 3.2 (i)",
        "yes",
        lambda paper: bool((eq.gradient_by_z("mean", BATCH)[eq.above_mean(P) & LABEL_ABOVE[:, None]] < 0).all()),
    ),
    Claim(
        "probabilities-above-mean",
        "and a step makes all of them more probable",
        "section 3.2 (i)",
        "yes",
        lambda paper: bool((eq.after_step("mean", BATCH) > P)[eq.above_mean(P) & LABEL_ABOVE[:, None]].all()),
        erratum=Erratum("no", "Their outputs rise, but after the softmax a class little above the mean may lose."),
    ),
    Claim(
        "equation-12",
        "equation 12, its middle expression, is the gradient of equation 5 by p",
        "equation 12",
        "yes",
        lambda paper: eq.near(eq.equation_12(P), eq.gradient_by_p("variance", BATCH)),
        note="Its sum over k is 0 for probabilities that sum to 1.",
    ),
    Claim(
        "equation-12-short",
        "and so is its last expression",
        "equation 12",
        "yes",
        lambda paper: eq.near(eq.equation_12_short(P), eq.gradient_by_p("variance", BATCH)),
    ),
    Claim(
        "equation-13",
        "equation 13, its first line, is the gradient of equation 5 by z",
        "equation 13",
        "yes",
        lambda paper: eq.near(eq.equation_13(P), eq.gradient_by_z("variance", BATCH)),
    ),
    Claim(
        "equation-14",
        "equation 14 is the gradient of equation 5 by z",
        "equation 14",
        "yes",
        lambda paper: eq.near(eq.equation_14(P), eq.gradient_by_z("variance", BATCH)),
        note="alpha is the variance of equation 3; the gradient is exact, though alpha is called a constant.",
    ),
    Claim(
        "equation-15",
        "gradients of equation 5 by z are negative within one standard deviation of the mean",
        "equation 15",
        "yes",
        lambda paper: bool((eq.gradient_by_z("variance", BATCH)[eq.within_deviation(P)] < 0).all()),
    ),
    Claim(
        "equation-16",
        "and positive beyond it",
        "equation 16",
        "yes",
        lambda paper: bool((eq.gradient_by_z("variance", BATCH)[~eq.within_deviation(P)] > 0).all()),
    ),
    Claim(
        "probabilities-near-mean",
        "a step makes all classes within one standard deviation more probable",
        "section 3.2 (ii)",
        "yes",
        lambda paper: bool((eq.after_step("variance", BATCH) > P)[eq.within_deviation(P)].all()),
        erratum=Erratum("no", "As above: their outputs rise, not each probability. The variance falls, see below."),
    ),
    Claim(
        "probabilities-far-from-mean",
        "and all classes beyond it less probable",
        "section 3.2 (ii)",
        "yes",
        lambda paper: bool((eq.after_step("variance", BATCH) < P)[~eq.within_deviation(P)].all()),
        erratum=Erratum("no", "As above: an improbable class far away has almost no gradient and may gain with all others."),
    ),
    Claim(
        "variance-falls",
        "a step along equation 14 makes every distribution narrower",
        "section 3.2 (ii)",
        "yes",
        lambda paper: bool((eq.variances(eq.after_step("variance", BATCH)) < eq.variances(P)).all()),
    ),
    # Table 1
    Claim("table1-morph2", "photos of MORPH II, summed over ages", "Table 1", "55,134", lambda paper: _photos_by_age(paper, "morph2")),
    Claim("table1-fgnet", "photos of FG-NET, summed over ages", "Table 1", "1,002", lambda paper: _photos_by_age(paper, "fgnet")),
    Claim("table1-clap2016", "photos of CLAP2016, summed over ages", "Table 1", "7,591", lambda paper: _photos_by_age(paper, "clap2016")),
    Claim(
        "table1-ages",
        f"ages up to {OLDEST} for which Table 1 has no row",
        "Table 1",
        "none",
        lambda paper: years_without_row(paper.table("table1"), OLDEST),
        erratum=Erratum("70-79", "The columns sum to their totals, so 60-69 is a misprint of 60-79."),
    ),
    Claim(
        "table1-text",
        "photos of MORPH II and FG-NET are the same in Table 1 and the text",
        "Table 1; section 4.1",
        "yes",
        lambda paper: paper.row("table1", "Total Image", ["morph2", "fgnet"]) == paper.column("data", "images", ["MORPH II", "FG-NET"]),
    ),
    Claim(
        "clap2016-sets",
        "photos of CLAP2016, summed over its three sets",
        "Table 1; section 4.1",
        "7,591",
        lambda paper: sum(paper.row("data", "CLAP2016", ["training", "validation", "testing"])),
        erratum=Erratum("7,592", "One test photo too many in the text."),
    ),
    Claim(
        "clap2016-testing",
        "test photos of CLAP2016, those of Table 1 that neither train nor validate",
        "section 4.1; Table 1",
        "1,979",
        lambda paper: _rest_of_clap2016(paper),
        erratum=Erratum("1,978", "1,978, as in agustsson2017 and the published labels."),
    ),
    Claim(
        "clap2016-testing-agustsson2017",
        "test photos of CLAP2016, beside APPA-REAL's third number in agustsson2017, the same photos",
        "section 4.1",
        "1,979",
        lambda paper: paper.other("agustsson2017").cell("data", "APPA-REAL", "validation"),
        erratum=Erratum("1,978", "agustsson2017 is right; there 1,978 is called validation by mistake, see its own claims."),
    ),
    Claim(
        "clap2016-training-agustsson2017",
        "training photos of CLAP2016, beside agustsson2017",
        "section 4.1",
        "4,113",
        lambda paper: paper.other("agustsson2017").cell("data", "APPA-REAL", "train"),
    ),
    # Data sets, beside the other papers
    Claim(
        "morph2-images-koenig2019",
        "photos of MORPH II, beside koenig2019",
        "section 4.1",
        "55,134",
        lambda paper: paper.other("koenig2019").cell("table1", "MORPH-II", "images"),
    ),
    Claim(
        "morph2-people-koenig2019",
        "people of MORPH II, beside koenig2019",
        "section 4.1",
        "13,617",
        lambda paper: paper.other("koenig2019").cell("table1", "MORPH-II", "subjects"),
        erratum=Erratum("13,618", "The papers differ by one person; both counts are told, and folds follow the list at hand."),
    ),
    Claim(
        "morph2-people-agustsson2017",
        "people of MORPH II, beside agustsson2017",
        "section 4.1",
        "13,617",
        lambda paper: paper.other("agustsson2017").cell("table1", "MORPH2", "subjects"),
        erratum=Erratum("13,618", "As koenig2019."),
    ),
    Claim(
        "morph2-ages",
        "youngest and oldest age of MORPH II, beside koenig2019",
        "section 4.1",
        "16-77",
        lambda paper: str(paper.other("koenig2019").table("table1").rows["MORPH-II"]["age_range"]),
    ),
    Claim(
        "aadb-images",
        "pictures of AADB, beside those on its lists, training, validation and test, as others counted them",
        "section 4.1",
        "10,000",
        lambda paper: paper.reading("data", "images of AADB", "lists of the release, counted by others"),
        erratum=Erratum("9,958", "A round number in the text: 8,458 + 500 + 1,000."),
    ),
    Claim(
        "fgnet-koenig2019",
        "photos and people of FG-NET are the same in koenig2019",
        "section 4.1",
        "yes",
        lambda paper: _is_fgnet_of_koenig2019(paper),
    ),
    # Section 4.2
    Claim(
        "rho-formula",
        "rho of five photos estimated in the opposite order, -1 by its meaning, by the printed formula",
        "section 4.2",
        "-1",
        lambda paper: eq.printed_rho(*OPPOSITE),
        erratum=Erratum("1", "Differences of ranks sum to 0, so the printed rho is 1 whatever is estimated; d must be squared."),
    ),
    Claim(
        "rho-is-spearman",
        "the printed rho is Spearman's rank correlation",
        "section 4.2",
        "yes",
        lambda paper: bool(np.isclose(eq.printed_rho(*OPPOSITE), eq.spearman(*OPPOSITE))),
        erratum=Erratum("no", "With d squared it is. We report Spearman's, ranks of equal scores averaged."),
    ),
    # Section 4.3
    Claim(
        "alexnet-crop",
        "side of AlexNet's crops, the printed one that its first convolution covers without a rest",
        "section 4.3",
        "224",
        lambda paper: next(side for side in paper.column("settings", "crop") if (side - CONVOLUTION) % STEP == 0),
        erratum=Erratum("227", "The two sizes are in the wrong order: AlexNet takes 227."),
    ),
    Claim(
        "vgg16-crop",
        "side of VGG-16's crops, the printed one that can be halved five times",
        "section 4.3",
        "227",
        lambda paper: next(side for side in paper.column("settings", "crop") if side % 2**HALVINGS == 0),
        erratum=Erratum("224", "The two sizes are in the wrong order: VGG-16 takes 224."),
    ),
    Claim(
        "crops-within-faces",
        "side of the aligned faces, beside the larger crop",
        "section 4.3",
        "256",
        lambda paper: max(paper.column("settings", "crop")),
        relation="below",
    ),
    # Table 2
    Claim(
        "losses-mae-rs",
        "MAE falls from softmax over Euclidean to the proposed loss, RS",
        "section 4.4.1; Table 2",
        "yes",
        lambda paper: falling(paper.column("table2_rs", "mae")),
    ),
    Claim(
        "losses-mae-se",
        "the same, SE",
        "section 4.4.1; Table 2",
        "yes",
        lambda paper: falling(paper.column("table2_se", "mae")),
    ),
    Claim(
        "losses-cs-rs",
        "CS rises in the same order, RS",
        "section 4.4.1; Table 2",
        "yes",
        lambda paper: rising(paper.column("table2_rs", "cs_5")),
    ),
    Claim(
        "losses-cs-se",
        "the same, SE",
        "section 4.4.1; Table 2",
        "yes",
        lambda paper: rising(paper.column("table2_se", "cs_5")),
    ),
    Claim("proposed-rs", "MAE of the proposed loss, RS", "section 4.4.1", "2.5", lambda paper: paper.cell("table2_rs", PROPOSED, "mae")),
    Claim("proposed-se", "MAE of the proposed loss, SE", "section 4.4.1", "3.1", lambda paper: paper.cell("table2_se", PROPOSED, "mae")),
    Claim(
        "se-harder",
        "every loss errs more by SE than by RS",
        "section 4.1; Table 2",
        "yes",
        lambda paper: bool(np.all(np.array(paper.column("table2_se", "mae")) > paper.column("table2_rs", "mae"))),
    ),
    # Figure 3
    Claim(
        "lambda-1-within",
        "lambda 1 chosen, within the weights tried",
        "section 4.4.2",
        "0.2",
        lambda paper: sorted(paper.row("figure3", "lambda_1", ["chosen", "lowest", "highest"]))[1],
    ),
    Claim(
        "lambda-1-fixed",
        "lambda 1 chosen is that fixed while lambda 2 is swept",
        "section 4.4.2; Figure 3",
        "0.2",
        lambda paper: paper.cell("figure3", "lambda_2", "other_weight"),
    ),
    Claim(
        "lambda-2-fixed",
        "lambda 2 chosen is that fixed while lambda 1 is swept",
        "section 4.4.2; Figure 3",
        "0.05",
        lambda paper: paper.cell("figure3", "lambda_1", "other_weight"),
    ),
    # Table 3
    Claim(
        "ranking-usually-better-morph2",
        'pairs of Table 3 in which a ranking method errs less than another, percent, "usually"',
        "section 4.4.3; Table 3",
        "50",
        lambda paper: _percent_of_pairs(paper, "table3_rs", RANKING, NOT_RANKING),
        relation="above",
        note="Without DEX*, which saw more data; with it 4 of 9 pairs. [3] counts as no ranking method, as in the text, against its title.",
    ),
    Claim(
        "ranking-usually-better-with-imdb-wiki",
        "the same with DEX*",
        "section 4.4.3; Table 3",
        "50",
        lambda paper: _percent_of_pairs(paper, "table3_rs", RANKING, (*NOT_RANKING, "DEX*")),
        relation="above",
        erratum=Erratum("44.4", "The sentence holds for methods that saw no IMDB-WIKI."),
    ),
    Claim(
        "ranking-usually-better-fgnet",
        'the same of Table 4, percent, "usually"',
        "section 4.4.3; Table 4",
        "50",
        lambda paper: _percent_of_pairs(paper, "table4", RANKING[:1], NOT_RANKING),
        relation="above",
    ),
    Claim(
        "best-rs",
        "lowest MAE of MORPH II, RS, is the proposed one's",
        "Table 3",
        "2.16",
        lambda paper: min(paper.column("table3_rs", "mae")),
    ),
    Claim(
        "best-se",
        "lowest MAE of MORPH II, SE, is the proposed one's",
        "Table 3",
        "2.79",
        lambda paper: min(paper.column("table3_se", "mae")),
    ),
    Claim(
        "best-without-imdb-wiki-rs",
        "the proposed MAE without IMDB-WIKI, beside DEX with it, RS",
        "section 4.4.3; Table 3",
        "2.41",
        lambda paper: paper.cell("table3_rs", "DEX*", "mae"),
        relation="above",
    ),
    Claim(
        "imdb-wiki-little-by-se",
        'IMDB-WIKI takes off less by SE ("very similar performance") than by RS',
        "section 4.4.3; Table 3",
        "yes",
        lambda paper: _gain_by_imdb_wiki(paper, "table3_se") < _gain_by_imdb_wiki(paper, "table3_rs"),
        note="0.01 beside 0.25 years. The larger gain is where people tested were trained on, so it says little of strangers.",
    ),
    Claim(
        "vgg16-below-alexnet",
        "VGG-16 (Table 3) errs less than AlexNet with the same loss (Table 2), RS and SE",
        "Tables 2 and 3",
        "yes",
        lambda paper: _vgg16_is_below_alexnet(paper),
    ),
    # Table 4
    Claim("best-fgnet", "lowest MAE of FG-NET is the proposed one's", "Table 4", "2.68", lambda paper: min(paper.column("table4", "mae"))),
    Claim(
        "best-fgnet-without-imdb-wiki",
        "the proposed MAE without IMDB-WIKI is the lowest of Table 4 but for DEX* and its own",
        "section 4.4.3; Table 4",
        "4.10",
        lambda paper: min(paper.column("table4", "mae", ["RED-SVM", "OHRank", "DEX", "Proposed"])),
    ),
    Claim(
        "best-of-all-fgnet",
        'place of the proposed MAE without IMDB-WIKI among other methods, "the best among all"',
        "section 4.4.3; Table 4",
        "1",
        lambda paper: rank(paper.cell("table4", "Proposed", "mae"), paper.column("table4", "mae", ["RED-SVM", "OHRank", "DEX", "DEX*"])),
        erratum=Erratum("2", "DEX* has 3.09. With IMDB-WIKI, as DEX*, the proposed loss is first."),
    ),
    Claim(
        "dex-fgnet-koenig2019",
        "MAE of DEX* on FG-NET, beside koenig2019's Table 2",
        "Table 4",
        "3.09",
        lambda paper: paper.other("koenig2019").cell("table2", "VGG-16 with Expected Value", "mae"),
    ),
    # Table 5
    Claim(
        "table5-rising",
        "Table 5 is sorted by epsilon error",
        "Table 5",
        "yes",
        lambda paper: rising(paper.column("table5", "epsilon_error")),
    ),
    Claim(
        "clap2016-outperforms",
        'place on CLAP2016, where the proposed approach "outperforms the state-of-the-art"',
        "abstract; Table 5",
        "1",
        lambda paper: rank(paper.cell("table5", "Proposed", "epsilon_error"), paper.column("table5", "epsilon_error")),
        erratum=Erratum("2", "Behind a fusion of networks trained on more photos of children, as section 4.4.3 says."),
    ),
    Claim(
        "clap2016-single-model",
        "lowest epsilon error of a single model is the proposed one's",
        "Table 5",
        "0.2867",
        lambda paper: min(_epsilon_of_single_models(paper)),
    ),
    Claim(
        "clap2016-second-place",
        "epsilon error of the second-place method [23]",
        "section 4.4.3; Table 5",
        "0.3214",
        lambda paper: next(error for error, rank in _ranked(paper) if rank == "2"),
    ),
    # Table 6
    Claim(
        "aadb-beats-plain-losses",
        "rho of the proposed loss, beside the better of Cls and Reg",
        "Table 6",
        "0.6647",
        lambda paper: max(paper.column("table6", "spearman", ["Cls", "Reg"])),
        relation="below",
    ),
    Claim(
        "aadb-outperforms",
        'place on AADB, where the approach "performs better than the state-of-the-art"',
        "section 5; Table 6",
        "1",
        lambda paper: rank(-paper.cell("table6", "Proposed", "spearman"), [-rho for rho in paper.column("table6", "spearman")]),
        erratum=Erratum("3", 'Section 4.5 says "comparable to these methods", which is right. The abstract has "generalizes well" alone.'),
    ),
    # Counted, where data sets are at hand
    *_counts_by_age("morph2", "morph", "MORPH II", "age", ("7,469", "31,682", "15,649", "334", "0")),
    *_counts_by_age("fgnet", "fgnet", "FG-NET", "age", ("710", "223", "61", "8", "0")),
    *_counts_by_age("clap2016", "clap2016", "CLAP2016", "apparent_age", ("1,394", "4,362", "1,423", "366", "46")),
    Claim(
        "morph2-people",
        "people of MORPH II, counted, are as many as here or in agustsson2017",
        "section 4.1",
        "yes",
        lambda paper: one_of(distinct(paper.photos("morph")["subject"]), _people_of_morph2(paper)),
        note="13,617 or 13,618; `agerepro data verify morph` prints which.",
    ),
    Claim(
        "clap2016-test-counted",
        "test photos of CLAP2016, counted",
        "section 4.1",
        "1,979",
        lambda paper: int((paper.photos("clap2016")["split"] == "test").sum()),
        erratum=Erratum("1,978", "As above."),
    ),
)


def _people_of_morph2(paper: Paper) -> list[float]:
    """How many people the papers say that MORPH II has."""
    return [paper.cell("data", "MORPH II", "subjects"), paper.other("agustsson2017").cell("table1", "MORPH2", "subjects")]


def _equation_6_is_the_sum() -> bool:
    weights = (0.2, 0.05)
    total = eq.softmax_loss(P, BATCH.labels) + weights[0] * eq.mean_loss(P, BATCH.labels) + weights[1] * eq.variance_loss(P)
    return bool(np.isclose(total, eq.joint_loss_by_photo(P, BATCH.labels, weights), rtol=1e-12))


def _is_fgnet_of_koenig2019(paper: Paper) -> bool:
    other = paper.other("koenig2019").row("table1", "FG-NET-AD", ["images", "subjects"])
    return paper.row("data", "FG-NET", ["images", "subjects"]) == other


def _means_move_to_labels() -> bool:
    before, after = eq.means(P)[:, 0], eq.means(eq.after_step("mean", BATCH))[:, 0]
    return bool(np.all((after > before) == LABEL_ABOVE) and np.all(after != before))


def _photos_by_age(paper: Paper, data: str) -> float:
    return sum(paper.column("table1", data, BINS))


def _rest_of_clap2016(paper: Paper) -> float:
    return paper.cell("table1", "Total Image", "clap2016") - sum(paper.row("data", "CLAP2016", ["training", "validation"]))


def _percent_of_pairs(paper: Paper, table: str, better: tuple[str, ...], others: tuple[str, ...]) -> float:
    """Percent of the pairs of one method each in which the first has the lower MAE."""
    pairs = [first < second for first in paper.column(table, "mae", better) for second in paper.column(table, "mae", others)]
    return 100 * sum(pairs) / len(pairs)


def _gain_by_imdb_wiki(paper: Paper, table: str) -> float:
    """Years that pre-training on IMDB-WIKI takes off the proposed MAE."""
    return paper.cell(table, "Proposed", "mae") - paper.cell(table, "Proposed*", "mae")


def _vgg16_is_below_alexnet(paper: Paper) -> bool:
    return all(paper.cell(f"table3_{split}", "Proposed", "mae") < paper.cell(f"table2_{split}", PROPOSED, "mae") for split in ("rs", "se"))


def _epsilon_of_single_models(paper: Paper) -> list[float]:
    rows = paper.table("table5").rows
    return paper.column("table5", "epsilon_error", [name for name, row in rows.items() if row["single_model"] == "YES"])


def _ranked(paper: Paper) -> list[tuple[float, str]]:
    """Epsilon error and printed rank of each row of Table 5."""
    return [(paper.cell("table5", name, "epsilon_error"), str(row["rank"])) for name, row in paper.table("table5").rows.items()]
