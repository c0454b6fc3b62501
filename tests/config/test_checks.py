"""What settings contradict each other or would be ignored: refused, with what to write."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml

from agerepro.config.divisions import OfficialSplit
from agerepro.config.learning import Age
from agerepro.config.loading import experiment_to_dict, read_experiment
from agerepro.errors import UserError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
CASCADE = EXPERIMENTS / "koenig2019" / "vgg16-imdb-agedb.yaml"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["backbone.dropout=0.5", "backbone.dense=[]"], r"`backbone.dropout` is behind dense layers"),
        (["backbone.dense_weights=published", "backbone.weights=none", "stages.imdb.start_from=scratch"], r"`backbone.weights` is none"),
        (
            ["backbone.dense_weights=published", "loss=[squared_error]", "decode=output", "head={regression: {features: stages}}"],
            r"the head of stage 'imdb' other features",
        ),
    ],
)
def test_dropout_and_published_weights_of_no_dense_layers_are_refused(settings: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_experiment(CASCADE, settings=settings)


@pytest.mark.parametrize("protocol", ["leave_one_subject_out", "{subject_kfold: 5}", "{image_kfold: 5}", "official"])
def test_a_shared_stage_on_the_set_that_is_tested_is_refused(protocol: str, tmp_path: Path) -> None:
    path = tmp_path / "leak.yaml"
    settings = "epochs: 1, batch_size: 8, optimizer: {adam: 0.001}"
    path.write_text(
        f"""
faces: {{size: 40}}
backbone: {{name: vgg16}}
stages:
  - {{name: warm, data: fgnet, start_from: scratch, split: {{random: 0.1}}, {settings}}}
  - {{name: between, data: agedb, start_from: warm, {settings}}}
  - {{name: last, data: fgnet, start_from: between, protocol: {protocol}, {settings}}}
""",
        encoding="utf-8",
    )
    with pytest.raises(UserError, match="'warm' trains on fgnet, which stage 'last' tests"):
        read_experiment(path)


TRAINING = "epochs: 1, batch_size: 8, optimizer: {adam: 0.001}"
RESIDUAL = """
faces:    {size: 40}
backbone: {name: vgg16}
stages:
  - PEOPLE
  - {name: real, data: appareal, start_from: people, split: official, TRAINING}
  - {name: twice, data: appareal, target: {age: {residual_of: real}}, start_from: people, split: official, TRAINING}
  - name: last
    data: appareal
    target: {age: {residual_of: real}}
    head: {classification: {ages: {first: -50, last: 50}, label: nearest}}
    start_from: twice
    protocol: official
    epochs: 1
    batch_size: 8
    optimizer: {adam: 0.001}
head: {classification: {ages: {first: -50, last: 100}, label: nearest}}
"""
COLUMN = """
faces:    {size: 40}
backbone: {name: vgg16}
stages:
  - PEOPLE
  - {name: apparent, data: appareal, target: {age: apparent_age}, start_from: people, split: official, TRAINING}
  - name: last
    data: appareal
    start_from: scratch
    protocol: {official: {validation_images: 0}}
    features: {predicted_by: apparent}
    regressor: svr
head: {classification: {ages: {first: 1, last: 100}, label: nearest}}
decode: output
"""
TRUTH = """
faces:    {size: 40}
backbone: {name: vgg16}
stages:
  - {name: last, data: appareal, protocol: {official: {validation_images: 0}}, features: {column: age}, regressor: as_it_is}
decode: output
"""


def written(text: str, folder: Path) -> Path:
    path = folder / "experiment.yaml"
    people = f"{{name: people, data: vggface2, target: identity, start_from: scratch, split: {{random: 0.1}}, {TRAINING}}}"
    path.write_text(text.replace("PEOPLE", people).replace("TRAINING", TRAINING), encoding="utf-8")
    return path


def test_a_residual_and_a_column_are_read_and_again_from_their_resolved_form(tmp_path: Path) -> None:
    settings = ["stages.last.target={age: {column: apparent_age, residual_of: real, residuals: cross_fitted, parts: 3}}"]
    truth = ["stages.last.features={column: apparent_age}"]
    for text, changes in ((RESIDUAL, []), (RESIDUAL, settings), (COLUMN, []), (TRUTH, []), (TRUTH, truth)):
        experiment = read_experiment(written(text, tmp_path), settings=changes)
        again = tmp_path / "again.yaml"
        again.write_text(yaml.safe_dump(experiment_to_dict(experiment)), encoding="utf-8")
        assert read_experiment(again) == experiment
    target = read_experiment(written(RESIDUAL, tmp_path), settings=settings).stages[-1].target
    assert target == Age(column="apparent_age", residual_of="real", residuals="cross_fitted", parts=3)


def test_a_stage_needs_whom_it_starts_from_and_who_predicts_for_it(tmp_path: Path) -> None:
    settings = ["stages.last.target={age: {residual_of: twice}}", "stages.last.start_from=people"]
    experiment = read_experiment(written(RESIDUAL, tmp_path), settings=settings)
    names = {stage.name: [needed.name for needed in experiment.needs(stage)] for stage in experiment.stages}
    assert names == {"people": [], "real": ["people"], "twice": ["people", "real"], "last": ["people", "twice"]}
    settings = ["stages.last.target={age: {residual_of: real, residuals: cross_fitted, parts: 2}}"]
    experiment = read_experiment(written(RESIDUAL, tmp_path), settings=settings)
    named, *parts = experiment.predictors(experiment.stages[-1])
    assert named == experiment.stage("real") and len(parts) == 2
    for number, part in enumerate(parts):  # each differs from the whole in its name and in what it does not see
        assert dataclasses.replace(part, name="real", split=OfficialSplit()) == named
        assert part.split == OfficialSplit(without_part=(number, 2))
    assert len({stage.name for stage in (named, *parts)}) == 3


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("stages.last.target={age: {residual_of: rael}}", r"'rael', which is no earlier stage. Did you mean 'real'\?"),
        ("stages.last.target={age: {residual_of: last}}", r"'last', which is no earlier stage"),
        ("stages.last.target={age: {residual_of: people}}", r"ages that 'people' predicts, but that learns something else"),
        ("stages.last.target={age: {residuals: cross_fitted}}", r"cross-fitted residuals of no stage: write `residual_of`"),
        ("stages.last.target={age: {residual_of: real, parts: 1}}", r"parts = 1 is not allowed.*greater than or equal to 2"),
        ("stages.last.target={age: {residul_of: real}}", r"unknown key 'stages.last.target.*residul_of'. Did you mean 'residual_of'\?"),
        ("stages.last.target={age: {column: aparent_age}}", r"column = 'aparent_age' is not allowed. Did you mean 'apparent_age'\?"),
        ("stages.last.target={age: {residual_of: real, residuals: insample}}", r"Did you mean 'in_sample'\?"),
        ("stages.last.head={classification: {ages: {first: -50, last: 50}}}", r"residuals, which are decimals: write `label: nearest`"),
        ("stages.last.head={classification: {ages: {first: -50, last: 50, step: 0.3}, label: nearest}}", r"steps of 0.3 do not lead"),
        ("stages.people.head={classification: {}}", r"'people' learns names.*leave its `head` out"),
        ("stages.last.head={regression: {}}", r"the loss CrossEntropy does not fit a Regression head \(stage 'last'\)"),
        ("loss=[cross_entropy, {mean: 0.2}, squared_error]", r"the loss SquaredError does not fit a Classification head"),
        ("loss=[{mean: 0}, {variance: 0}]", r"every loss of stage '\w+' weighs 0"),
        ("loss=[{cross_entropy: 0}]", r"weight = 0 is not allowed|greater than 0"),
        ("loss=[{meen: 0.2}]", r"'meen' is not one of cross_entropy, mean"),
        ("stages.real.split={random: 0.1}", r"'real' trains on appareal, which stage 'last' tests.*`split: official` there"),
        ("stages.last.protocol={image_kfold: 5}", r"trains on appareal, which stage 'last' tests"),
        ("decode=output", r"`decode: output` belongs to"),
    ],
)
def test_what_residuals_and_columns_contradict_is_refused(setting: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        read_experiment(written(RESIDUAL, tmp_path), settings=[setting])


@pytest.mark.parametrize("loss", ["mean", "variance"])
def test_losses_of_the_distribution_fit_no_regression_head(loss: str, tmp_path: Path) -> None:
    settings = ["head={regression: {}}", "stages.last.head=null", "decode=output", f"loss=[{loss}]"]
    with pytest.raises(UserError, match=r"(Mean|Variance)Loss does not fit a Regression head"):
        read_experiment(written(RESIDUAL, tmp_path), settings=settings)


CROSS = "stages.last.target={age: {residual_of: %s, residuals: cross_fitted}}"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([CROSS % "real", "stages.real.data=clap2015"], r"cross-fits residuals of 'real', which has to train on the same data with `split"),
        ([CROSS % "real", "stages.real.data=clap2015", "stages.real.split={random: 0.1}"], r"on the same data with `split: official`"),
        ([CROSS % "twice"], r"cross-fits residuals of 'twice', whose own are of photos that 'real' has seen"),
        (
            [CROSS % "twice", "stages.twice.target.age.residuals=cross_fitted", "stages.twice.start_from=real"],
            r"'twice', whose first weights have seen every part in stage 'real': start 'twice' from weights of other data",
        ),
        (
            [CROSS % "twice", "stages.twice.target=age", "stages.people.data=appareal", "stages.people.split=official"],
            r"'twice', whose first weights have seen every part in stage 'people'",
        ),
    ],
)
def test_cross_fitting_wants_the_same_data_the_authors_lists_and_cross_fitting_below(
    settings: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=said):
        read_experiment(written(RESIDUAL, tmp_path), settings=settings)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("stages.last.features={column: apparent_age, predicted_by: apparent}", r"write `column` or `predicted_by` in `features`, and one"),
        ("stages.last.features={column: ''}", r"write `column` or `predicted_by` in `features`, and one"),
        ("stages.last.features={predicted_by: aparent}", r"'aparent', which is no earlier stage. Did you mean 'apparent'\?"),
        ("stages.last.features={predicted_by: people}", r"ages that 'people' predicts, but that learns something else"),
        ("stages.last.features={column: weight}", r"column = 'weight' is not allowed"),
        ("stages.last.regressor=ridge", r"takes one number a photo: its regressor may be svr, flaml or as_it_is"),
        ("stages.last.regressor=autosklearn", r"takes one number a photo: its regressor may be svr, flaml or as_it_is"),
        ("stages.last.regressor=as_it_si", r"'as_it_si' is not one of ridge"),
        ("stages.last.target={age: {residual_of: apparent}}", r"takes one number a photo and learns no residuals"),
        ("stages.last.head={regression: {}}", r"has `features` and a `head`"),
        ("stages.last.protocol=official", r"set the protocol's share of it to 0"),
        ("stages.last.start_from=people", r"looks at no network: leave `start_from` out"),
        ("stages.last.loss=[squared_error]", r"fitted by its regressor and by no loss: leave its `loss` out"),
        (
            "stages.last.features={predicted_by: apparent, pooling: max}",
            r"unknown key 'stages.last.features.pooling'. Allowed: column, pred",
        ),
        ("stages.last.features={layer: last_conv, poolin: max}", r"Did you mean 'pooling'\?"),
        ("decode=expectation", r"`decode: output` belongs to"),
    ],
)
def test_what_a_regression_on_one_number_contradicts_is_refused(setting: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        read_experiment(written(COLUMN, tmp_path), settings=[setting])


@pytest.mark.parametrize("features", ["null", "{layer: last_conv}"])
def test_as_it_is_without_a_column_is_refused(features: str, tmp_path: Path) -> None:
    settings = ["stages.last.regressor=as_it_is", f"stages.last.features={features}", "head={regression: {}}", "loss=[squared_error]"]
    with pytest.raises(UserError, match=r"predicts one number as it is: write `features: \{column"):
        read_experiment(written(COLUMN, tmp_path), settings=settings)


GROUPS = "{age_groups: [0-20, 21-110]}"
ONLY_GROUPS = [f"stages.{stage}.target={GROUPS}" for stage in ("imdb", "agedb", "fgnet")] + ["decode=argmax"]
YEARS = ["loss=[squared_error]", "decode=output"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["stages.fgnet.target=identity"], r"the last stage tells people apart"),
        (["stages.fgnet.start_from=imdb"], r"'agedb' is nothing that stage 'fgnet' builds on"),
        (
            ["stages.fgnet.epochs=0", "stages.fgnet.start_from=weights"],
            r"'fgnet' trains for no epoch, and nobody has trained its last layer",
        ),
        (
            ["stages.fgnet.epochs=0", "stages.fgnet.start_from=scratch"],
            r"'fgnet' trains for no epoch, and nobody has trained its last layer",
        ),
        (["stages.fgnet.epochs=0", f"stages.agedb.target={GROUPS}"], r"the last layer of 'agedb' stands for something else"),
        (["stages.fgnet.epochs=0", "stages.agedb.target={age: score}"], r"the last layer of 'agedb' stands for something else"),
        (
            [
                "stages.fgnet.epochs=0",
                "head.classification.ages={first: 0, last: 9}",
                "stages.agedb.head.classification.ages={first: 1, last: 9}",
            ],
            r"the last layer of 'agedb' stands for something else",
        ),
        (
            ["stages.agedb.epochs=0", "head={regression: {init: ridge}}", "backbone.dense=[]", "stages.agedb.start_from=weights", *YEARS],
            r"'agedb' trains for no epoch",
        ),
        ([*ONLY_GROUPS, "head={classification: {label: nearest}}"], r"no stage learns by the experiment's `head`"),
        ([*ONLY_GROUPS, "loss=[{mean: 0.2}]"], r"no stage learns by the experiment's `loss`"),
        ([*ONLY_GROUPS, "sample_weights=age_std"], r"no stage learns ages in years, which alone `sample_weights` weigh"),
        (["loss=[{mean: 0.2}]", *(f"stages.{s}.loss=[cross_entropy]" for s in ("imdb", "agedb", "fgnet"))], r"by the experiment's `loss`"),
        (["stages.agedb.loss=[squared_error]"], r"SquaredError does not fit a Classification head \(stage 'agedb'\)"),
        (["stages.agedb.loss=[]"], r"stages.agedb.loss = \(\) is not allowed|at least 1 item"),
        ([f"stages.agedb.target={GROUPS}", "stages.agedb.loss=[mean]"], r"'agedb' learns names.*leave its `loss` out"),
        (["loss=[mean, {mean: 0.1}]"], r"the loss mean stands twice"),
        (["stages.agedb.loss=[cross_entropy, cross_entropy]"], r"the loss cross_entropy stands twice"),
        (["loss=[cross_entropy, {mean: {units: 2}}]"], r"unknown key 'loss.1.units'. Did you mean 'unit'\? Allowed: unit, weight"),
        (["stages.fgnet.loss=[cross_entropy, {variance: {units: 2}}]"], r"Did you mean 'unit'\? Allowed: unit, weight"),
        (["head={regression: {statistics: [std]}}", *YEARS], r"`head.regression.statistics` are taken of stages"),
        (["head={regression: {features: {layer: last_conv}, statistics: [std]}}", *YEARS], r"`head.regression.statistics` are taken of st"),
        (["head={regression: {features: {layer: last_conv}, input_sizes: [64]}}", *YEARS], r"leave `head.regression.input_sizes` out"),
        (["stages.fgnet.target={age: {parts: 3}}"], r"write `residuals: cross_fitted`, too"),
        (["stages.fgnet.optimizer={sgd: {learning_rate: 0.1, nesterov: true}}"], r"write `momentum`, or leave `nesterov` out"),
        (["stages.fgnet.target={age: score}", "sample_weights=age_std"], r"learns a score, whose uncertainty nobody tells"),
        (["stages.agedb.split={official: {without_part: [0, 2]}}"], r"leaves out a part of its training images.*see `parts`"),
        (["stages.agedb.split={official: {withoutpart: [0, 2]}}"], r"Allowed: fraction\."),
        (["stages.agedb.name=imdb-without-1-of-5"], r"a name that is kept for"),
        (["stages.agedb.name=a/b seed 1"], r"take letters, digits, `_` and `-` only"),
        (["stages.agedb.name="], r"stages.1.name = None is not allowed"),
        (["stages.agedb.name=scratch"], r"'scratch' has a name that means something else in `start_from`"),
        (["stages.agedb.name=imdb"], r"'imdb' stands twice"),
        (["head.classification.ages={first: 100, last: 1}"], r"ages from 100 to 1 are no two classes: put the younger age first"),
        (["stages.agedb.head.classification.ages={first: 5, last: 5}"], r"ages from 5 to 5 are no two classes"),
        (["seeds=[0, 1, 0]"], r"has one of them twice"),
        (["seeds.0.x=1"], r"nothing can be set below '0'"),
        (
            ["stages.fgnet.schedule=constant", "stages.fgnet.schedule.constant.x=1"],
            r"unknown key 'stages.fgnet.schedule.x'. There are none",
        ),
    ],
)
def test_what_contradicts_itself_or_would_be_ignored_is_refused(settings: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_experiment(CASCADE, settings=settings)


def test_a_stage_that_is_not_trained_is_tested_where_its_last_layer_is_trained_or_fitted() -> None:
    assert read_experiment(CASCADE, settings=["stages.fgnet.epochs=0"]).stages[-1].epochs == 0
    ridge = ["head={regression: {init: ridge}}", "backbone.dense=[]", "stages.fgnet.epochs=0", "stages.agedb.target=identity", *YEARS]
    assert read_experiment(CASCADE, settings=ridge).stages[-1].head is None
