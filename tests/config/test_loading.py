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


def test_a_number_that_yaml_reads_as_text_is_told_as_one_that_it_does_not() -> None:
    with pytest.raises(UserError, match=r"write 1\.0e\+30"):
        read_experiment(CASCADE, settings=("stages.imdb.optimizer={adam: 1e30}",))
    assert yaml.safe_load("1.0e+30") == 1e30


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
        ("target={age_groups: [0-20, 21-110]}", "target.age_groups.labels=[0-50, 51-110]", {"target": AgeGroups(("0-50", "51-110"))}),
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
