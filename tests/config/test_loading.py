"""Experiment files: what is read, what is refused, and how an error helps."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from agerepro.config.divisions import (
    PROTOCOLS,
    GroupSplit,
    ImageKFold,
    LeaveOneSubjectOut,
    OfficialLists,
    OfficialSplit,
    PredefinedFolds,
    RandomParts,
    SubjectKFold,
    validation_share,
)
from agerepro.config.fields import RENAMED
from agerepro.config.learning import (
    SGD,
    Adam,
    Age,
    AgeGroups,
    Cosine,
    CrossEntropy,
    Identity,
    MeanLoss,
    Optimizer,
    Plateau,
    Regression,
    RMSprop,
    Schedule,
    Steps,
    Target,
)
from agerepro.config.loading import experiment_to_dict, profiles_of, read_experiment, settings_that_name, to_dict
from agerepro.config.schema import SVR, AutoSklearn, Flaml, RegressionStage
from agerepro.errors import UserError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
CASCADE = EXPERIMENTS / "koenig2019" / "vgg16-imdb-agedb.yaml"


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*/*.yaml")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_experiment_reads_under_every_profile_and_again_from_its_resolved_form(path: Path, tmp_path: Path) -> None:
    for profile in profiles_of(path):
        experiment = read_experiment(path, profile=profile)
        again = tmp_path / f"{profile}.yaml"
        again.write_text(yaml.safe_dump(experiment_to_dict(experiment)))
        assert read_experiment(again) == experiment


def test_the_cascade_has_the_settings_of_the_thesis() -> None:
    # koenig2019, section 4, Training Procedures
    experiment = read_experiment(CASCADE)
    assert [(s.name, s.epochs, s.batch_size, s.optimizer, s.schedule, s.train) for s in experiment.stages] == [
        ("imdb", 60, 32, Adam(learning_rate=0.0001), Plateau(5), "all"),
        ("agedb", 30, 32, Adam(learning_rate=0.0001), Plateau(3), "all"),
        ("fgnet", 20, 16, Adam(learning_rate=0.0001), Plateau(3), "all"),
    ]
    assert experiment.stages[-1].protocol == LeaveOneSubjectOut(validation_subjects=0.1)
    assert (experiment.backbone.dense, experiment.augment.size, experiment.faces.margin) == ((512, 256), 224, 0.4)


def test_mode_a_has_the_settings_of_the_thesis() -> None:
    (stage,) = read_experiment(EXPERIMENTS / "koenig2019" / "vgg16-faces2.yaml").stages
    assert (stage.train, stage.epochs, stage.batch_size, stage.optimizer) == ("head", 20, 48, Adam(learning_rate=0.001))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("faces.magrin=0.3", r"\.yaml:\d+: unknown key 'faces.magrin'. Did you mean 'margin'\?"),
        ("stages.fgnet.batch_sise=3", r"unknown key 'stages.fgnet.batch_sise'. Did you mean 'batch_size'\?"),
        ("stages.fgnt.batch_size=1", r"no stage 'fgnt'. Did you mean 'fgnet'\?"),
        ("backbone.name=vgg61", r"'vgg61' is not allowed. Did you mean 'vgg16'\?"),
        ("stages.fgnet.optimizer={adma: 0.1}", r"'adma' is not one of adam"),
        ("stages.fgnet.optimizer={adam: 1e-3}", r"YAML reads this as text; write 0.001"),
        ("stages.fgnet.epochs=many", r"stages.fgnet.epochs = 'many' is not allowed"),
        ("stages.fgnet.epochs=true", r"stages.fgnet.epochs = True is not allowed"),
        ("augment.flip=2", r"augment.flip = 2 is not allowed.*less than or equal to 1"),
        ("stages.imdb.start_from=agedbb", r"starts from 'agedbb', which is no earlier stage"),
        ("head=regression", r"the loss CrossEntropy does not fit a Regression head"),
        ("stages.fgnet.split={random: 0.2}", r"has both a split and a protocol"),
        ("stages.imdb.split=null", r"changes its rate by the validation loss but has no validation part"),
        ("stages.fgnet.optimizer={sgd: {momentum: 0.9}}", r"'stages.fgnet.optimizer.*learning_rate' is missing"),
        ("stages.fgnet.optimizer={sgd: {learning_rate: 0.1, momentun: 0.9}}", r"Did you mean 'momentum'\?"),
        ("stages.fgnet.schedule=steps", r"write either `every: EPOCHS` or `at: \[EPOCH, ...\]`"),
        ("stages.fgnet.schedule={steps: {every: 5, at: [10]}}", r"write either `every: EPOCHS` or `at: \[EPOCH, ...\]`"),
        ("stages.fgnet.schedule={steps: {at: [15, 10]}}", r"at epochs \[15, 10\]: write each once, in rising order"),
        ("stages.fgnet.schedule={cosine: 0.1}", r"from the rate 0.0001 to 0.1, which is no fall"),
        ("stages.fgnet.schedule={constant: 3}", r"constant takes no value"),
        ("augment.random_crop=0", r"augment.random_crop = 0 is not allowed"),
        ("backbone.dropout=1", r"backbone.dropout = 1 is not allowed"),
        ("backbone.dense_weights=publishd", r"'publishd' is not allowed. Did you mean 'published'\?"),
        ("loss.mean.weight=0.1", r"no entry 'mean'"),
        ("loss.cross_entropi.weight=0.1", r"no entry 'cross_entropi'. Did you mean 'cross_entropy'\?"),
        ("nonsense", r"write KEY=VALUE"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_write(setting: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_experiment(CASCADE, settings=[setting])


@pytest.mark.parametrize("written", ["{mean: {weight: 0.2, unit: 2}}", "{mean: 0.2}", "mean"])
def test_a_loss_is_set_by_its_kind(written: str, tmp_path: Path) -> None:
    text = CASCADE.read_text(encoding="utf-8")
    path = tmp_path / "losses.yaml"
    path.write_text(text.replace("loss: [cross_entropy]", f"loss: [cross_entropy, {written}, {{variance: {{weight: 0.05}}}}]", 1))
    before = read_experiment(path).loss
    plain, mean, variance = read_experiment(path, settings=["loss.mean.weight=0"]).loss
    assert (plain, variance) == (before[0], before[2])
    assert mean == dataclasses.replace(before[1], weight=0.0)  # its other settings stay
    assert read_experiment(path, settings=["loss.cross_entropy.weight=0.5"]).loss[0] == CrossEntropy(0.5)


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


def test_an_unknown_profile_and_a_missing_file_are_named() -> None:
    with pytest.raises(UserError, match=r"no profile 'dmeo'. Did you mean 'demo'"):
        read_experiment(CASCADE, profile="dmeo")
    with pytest.raises(UserError, match="There is no experiment file"):
        read_experiment(Path("nowhere.yaml"))


def test_a_repeated_key_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("faces: {}\nbackbone: {name: vgg16}\nfaces: {}\n")
    with pytest.raises(UserError, match=r"twice.yaml:3: 'faces' is given twice \(first in line 1\)"):
        read_experiment(path)


def test_an_error_inside_a_profile_points_at_the_profile_s_line(tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"
    text = CASCADE.read_text()
    path.write_text(text.replace("width: 0.125", "widht: 0.125"))
    line = 1 + next(i for i, row in enumerate(path.read_text().splitlines()) if "widht" in row)
    with pytest.raises(UserError, match=rf"profile.yaml:{line}: unknown key 'backbone.widht'"):
        read_experiment(path, profile="demo")
    read_experiment(path)  # the paper's profile is not touched


@pytest.mark.parametrize("old", sorted(RENAMED))
def test_an_old_key_or_value_is_told_its_new_name(old: str, tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(CASCADE.read_text(encoding="utf-8").replace("epochs: 60", f"epochs: 60, {old}: 3"), encoding="utf-8")
    with pytest.raises(UserError, match=rf"old\.yaml:\d+: unknown key 'stages.imdb.{old}'.*{re.escape(RENAMED[old])}"):
        read_experiment(path)


@pytest.mark.parametrize(
    ("setting", "new"),
    [("stages.fgnet.protocol={kfold: 5}", "subject_kfold"), ("head=value", "regression"), ("stages.fgnet.train=classifier", "head")],
)
def test_an_old_kind_is_told_its_new_name(setting: str, new: str) -> None:
    with pytest.raises(UserError, match=f"is now called {new}"):
        read_experiment(CASCADE, settings=[setting])


@pytest.mark.parametrize(
    ("text", "protocol"),
    [
        ("{image_kfold: 5}", ImageKFold(folds=5, validation_images=0.1, seed=0)),
        ("official", OfficialLists(validation_images=0.1, seed=0)),
        ("{random: {repeats: 3}}", RandomParts(test=0.2, validation=0.1, unit="images", seed=0, repeats=3)),
        ("{random: {unit: subjects, seed: 4}}", RandomParts(unit="subjects", seed=4)),
        ("{predefined_folds: {subjects_may_repeat: true}}", PredefinedFolds(subjects_may_repeat=True)),
        ("{leave_one_subject_out: {seed: 7}}", LeaveOneSubjectOut(seed=7)),
    ],
)
def test_a_protocol_by_its_name_and_again_from_its_resolved_form(text: str, protocol: object, tmp_path: Path) -> None:
    experiment = read_experiment(CASCADE, settings=[f"stages.fgnet.protocol={text}"])
    assert experiment.stages[-1].protocol == protocol
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(experiment_to_dict(experiment)))
    assert read_experiment(tmp_path / "again.yaml") == experiment


@pytest.mark.parametrize(
    ("text", "optimizer", "schedule"),
    [
        ("{adam: 0.001}", Adam(0.001), None),
        # pan2018, section 4.2: AlexNet. Momentum is not in the paper.
        ("{sgd: {learning_rate: 0.001, momentum: 0.9}}", SGD(0.001, momentum=0.9), ("{steps: 10}", Steps(every=10))),
        # teh2018
        ("{rmsprop: 0.0001}", RMSprop(0.0001), ("{steps: {at: [10, 15]}}", Steps(at=(10, 15), factor=0.1))),
        ("{sgd: 0.1}", SGD(0.1), ("{cosine: {to: 0.001}}", Cosine(0.001))),
        ("{sgd: 0.1}", SGD(0.1), ("cosine", Cosine(0.0))),
        ("{sgd: 0.1}", SGD(0.1), ("constant", None)),
    ],
)
def test_an_optimizer_and_a_schedule_by_name_and_again_from_the_resolved_form(
    text: str, optimizer: Optimizer, schedule: tuple[str, Schedule | None] | None, tmp_path: Path
) -> None:
    said, meant = schedule or ("null", None)
    experiment = read_experiment(CASCADE, settings=[f"stages.fgnet.optimizer={text}", f"stages.fgnet.schedule={said}"])
    stage = experiment.stages[-1]
    assert (stage.optimizer, stage.schedule) == (optimizer, meant)
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(experiment_to_dict(experiment)))
    assert read_experiment(tmp_path / "again.yaml") == experiment


def test_only_a_plateau_asks_for_a_validation_part() -> None:
    settings = ["stages.fgnet.protocol={leave_one_subject_out: {validation_subjects: 0.0}}", "stages.fgnet.schedule={steps: 10}"]
    assert read_experiment(CASCADE, settings=settings).stages[-1].schedule == Steps(every=10)


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        ("{random: {valdation: 0.2}}", r"\.yaml:\d+: unknown key 'stages.fgnet.protocol.valdation'. Did you mean 'validation'\?"),
        ("{random: {unit: people}}", r"unit = 'people' is not allowed"),
        ("{random: {test: 0.6, validation: 0.4}}", r"leaves nothing to train on"),
        ("{random: {validation: 0}}", r"changes its rate by the validation loss but has no validation part"),
        ("{image_kfold: {folds: 5, validation_images: 0}}", r"has no validation part"),
        ("{image_kfold: 1}", r"greater than or equal to 2"),
    ],
)
def test_a_wrong_protocol_is_named_with_what_to_write(protocol: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_experiment(CASCADE, settings=[f"stages.fgnet.protocol={protocol}"])


def test_the_page_on_protocols_names_each_with_its_options_and_its_examples_read() -> None:
    page = (EXPERIMENTS.parent / "docs" / "protocols.md").read_text(encoding="utf-8")
    rows = {row.split("|")[1].strip(" `"): row for row in page.partition("```")[0].splitlines() if row.startswith("| `")}
    assert set(rows) == set(PROTOCOLS)
    for name, kind in PROTOCOLS.items():
        for option in dataclasses.fields(kind):
            shown = option.name if option.default is dataclasses.MISSING else f"{option.name}: {yaml.safe_dump(option.default).split()[0]}"
            assert f"`{shown}" in rows[name], f"{name}: {shown}"
    examples = re.findall(r"^protocol: (.*)$", page, re.MULTILINE)
    kinds = {
        type(read_experiment(CASCADE, settings=["stages.fgnet.schedule=null", f"stages.fgnet.protocol={text}"]).stages[-1].protocol)
        for text in examples
    }
    assert kinds == set(PROTOCOLS.values())


def test_the_authors_may_have_a_list_to_choose_by_where_no_share_is_held_out() -> None:
    settings = ["stages.fgnet.protocol={official: {validation_images: 0}}", "stages.agedb.split={official: {fraction: 0}}"]
    settings += [f"stages.{stage}.checkpoint_selection=best_validation" for stage in ("agedb", "fgnet")]
    assert read_experiment(CASCADE, settings=settings).stages[-1].schedule == Plateau(3)


def test_the_share_that_is_held_out_to_choose_by() -> None:
    divisions = (None, GroupSplit(0.3), LeaveOneSubjectOut(0.1), ImageKFold(2, 0.25), OfficialLists(0.0), RandomParts(validation=0.15))
    assert [validation_share(division) for division in divisions] == [0, 0.3, 0.1, 0.25, 0, 0.15]


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


def test_another_kind_takes_the_place_of_the_one_in_the_file(tmp_path: Path) -> None:
    years = ["loss=[squared_error]", "decode=output"]
    for setting in ("head={regression: {features: stages}}", "head.regression.features=stages"):
        assert read_experiment(CASCADE, settings=[setting, *years]).head == Regression(features="stages")
    path = tmp_path / "profile.yaml"
    text = CASCADE.read_text(encoding="utf-8").partition("profiles:")[0]
    path.write_text(
        text + "profiles:\n  years:\n    head: {regression: {features: stages}}\n    loss: [squared_error]\n    decode: output\n"
    )
    assert read_experiment(path, profile="years").head == Regression(features="stages")
    assert read_experiment(CASCADE, settings=["stages.fgnet.protocol.subject_kfold.folds=3"]).stages[-1].protocol == SubjectKFold(folds=3)


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


def test_a_number_that_yaml_reads_as_text_is_told_as_one_that_it_does_not() -> None:
    with pytest.raises(UserError, match=r"write 1\.0e\+30"):
        read_experiment(CASCADE, settings=("stages.imdb.optimizer={adam: 1e30}",))
    assert yaml.safe_load("1.0e+30") == 1e30


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


@pytest.mark.parametrize("last", ["classification", "regression"])
def test_a_stage_with_a_head_and_a_loss_of_its_own_stands_beside_others(last: str, tmp_path: Path) -> None:
    years = "head={regression: {}}", "loss=[absolute_error, {squared_error: 0.5}]"
    classes = "head=classification", "loss=[cross_entropy]"
    its, others = (years, classes) if last == "regression" else (classes, years)
    settings = [*others, *(f"stages.fgnet.{setting}" for setting in its), "decode=output" if last == "regression" else "decode=rounded"]
    experiment = read_experiment(CASCADE, settings=settings)
    own, shared = (experiment.as_of(experiment.stage(name)) for name in ("fgnet", "agedb"))
    assert {type(loss) for loss in shared.loss} == {type(loss) for loss in experiment.loss} != {type(loss) for loss in own.loss}
    assert isinstance(own.head, Regression) == (last == "regression") and shared.head == experiment.head
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(experiment_to_dict(experiment)))
    assert read_experiment(tmp_path / "again.yaml") == experiment


@pytest.mark.parametrize(
    ("short", "further", "meant"),
    [
        ("target={age: apparent_age}", "target.age.residual_of=agedb", {"target": Age("apparent_age", residual_of="agedb")}),
        ("optimizer={adam: 0.002}", "optimizer.adam.backbone_lr_multiplier=0.5", {"optimizer": Adam(0.002, backbone_lr_multiplier=0.5)}),
        ("optimizer={sgd: 0.002}", "optimizer.sgd.momentum=0.9", {"optimizer": SGD(0.002, momentum=0.9)}),
        ("optimizer={sgd: 0.002}", "optimizer.adam=0.1", {"optimizer": Adam(0.1)}),
        ("schedule={plateau: 7}", "schedule.plateau.factor=0.2", {"schedule": Plateau(7, 0.2)}),
        ("schedule=cosine", "schedule.cosine.to=0.00001", {"schedule": Cosine(0.00001)}),
        ("protocol={subject_kfold: 4}", "protocol.subject_kfold.seed=2", {"protocol": SubjectKFold(4, seed=2)}),
        ("loss=[{mean: 0.3}]", "loss.mean.unit=2", {"loss": (MeanLoss(0.3, unit=2.0),)}),
        (f"target={GROUPS}", "target.age_groups.labels=[0-50, 51-110]", {"target": AgeGroups(("0-50", "51-110"))}),
    ],
)
def test_a_value_in_short_form_stays_where_a_further_setting_is_given(short: str, further: str, meant: dict[str, object]) -> None:
    settings = ["head={classification: {label: nearest}}", f"stages.fgnet.{short}", f"stages.fgnet.{further}"]
    settings += ["decode=argmax"] if "groups" in short else []
    stage = read_experiment(CASCADE, settings=settings).stages[-1]
    assert {name: getattr(stage, name) for name in meant} == meant


@pytest.mark.parametrize(
    ("short", "further", "meant"),
    [
        ("flaml: 600", "flaml.trials=3", Flaml(600, trials=3)),
        ("autosklearn: 60", "autosklearn.trials=3", AutoSklearn(60, trials=3)),
        ("svr: [1, 2]", "svr.epsilon=0.5", SVR((1.0, 2.0), epsilon=0.5)),
        ("ridge: strength", "svr.epsilon=0.5", SVR(epsilon=0.5)),
    ],
)
def test_a_regressor_in_short_form_keeps_its_value(short: str, further: str, meant: object) -> None:
    path = EXPERIMENTS / "koenig2019" / "regression-faces2.yaml"
    settings = [f"stages.fgnet.regressor={{{short}}}", f"stages.fgnet.regressor.{further}"]
    stage = read_experiment(path, settings=settings).stages[-1]
    assert isinstance(stage, RegressionStage) and stage.regressor == meant


def test_a_stage_may_have_the_name_of_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "named.yaml"
    path.write_text(CASCADE.read_text(encoding="utf-8").partition("profiles:")[0].replace("name: fgnet", "name: target"))
    stage = read_experiment(path, settings=["stages.target.optimizer.sgd.learning_rate=0.5"]).stages[-1]
    assert (stage.optimizer, stage.schedule, stage.epochs) == (SGD(0.5), Plateau(3), 20)


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        ("{demo: [a]}", r":\d+: the profile 'demo' must hold settings"),
        ("{demo: 3, other: {}}", r":\d+: the profile 'demo' must hold settings"),
        ("[demo]", r":\d+: `profiles` must hold"),
        ("{paper: {}}", r":\d+: no profile can be called 'paper'"),
        ("{1: {}}", r":\d+: no profile can be called 1"),
    ],
)
def test_profiles_that_are_no_mappings_are_refused(profiles: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "profiles.yaml"
    path.write_text(CASCADE.read_text(encoding="utf-8").partition("profiles:")[0] + f"profiles: {profiles}\n")
    for read in (lambda: read_experiment(path, profile="demo"), lambda: read_experiment(path), lambda: profiles_of(path)):
        with pytest.raises(UserError, match=said):
            read()


def test_an_empty_profile_is_the_file_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text(CASCADE.read_text(encoding="utf-8").partition("profiles:")[0] + "profiles: {demo: }\n")
    assert profiles_of(path) == ("paper", "demo")
    assert read_experiment(path, profile="demo") == read_experiment(path)


def test_what_no_file_may_say_is_in_no_resolved_form_but_in_the_names() -> None:
    split = OfficialSplit(without_part=(1, 2))
    assert to_dict(split) == {"official": {"fraction": 0.1}}
    assert settings_that_name(split) == {"official": {"fraction": 0.1, "without_part": [1, 2]}}
    assert settings_that_name(OfficialSplit()) == {"official": {"fraction": 0.1, "without_part": None}}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Age(), Age("apparent_age"), True),
        (Age(residual_of="a"), Age("apparent_age", residual_of="b"), True),
        (Age(), Age(residual_of="a"), False),
        (Age(), Age("score"), False),
        (Age(), Identity(), False),
        (AgeGroups(("0-20", "21-99")), AgeGroups(("0-20", "21-99")), True),
    ],
)
def test_a_last_layer_is_handed_on_between_targets_of_one_kind(one: Target, other: Target, same: bool) -> None:
    assert one.same_kind(other) == other.same_kind(one) == same
