"""What an experiment may say: frozen dataclasses, one per part of a paper's method section. Defaults live here only."""

from __future__ import annotations

from dataclasses import field, fields, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")
Fraction = Annotated[float, Field(strict=True, ge=0, lt=1)]
Positive = Annotated[int, Field(strict=True, gt=0)]
Whole = Annotated[int, Field(strict=True)]
Rate = Annotated[float, Field(strict=True, gt=0)]  # of learning


# What a grid search tries: koenig2019, section 4, Training Procedures.
GRID_RATES = (0.1, 0.01, 0.001, 0.0001)
GRID_BATCHES = (12, 32, 48, 64)


LATER = {"added_later": True}  # a field's metadata: at its default it names nothing, as before there was such a field


def as_tuple(value: Any) -> Any:
    """A YAML list as a tuple, so that settings can be frozen; anything else as it is."""
    return tuple(value) if isinstance(value, list) else value


# What settings were called before version 0.2, so that an old file is told the new word.
RENAMED = {
    "also_at": "input_sizes",
    "backbone_share": "backbone_lr_multiplier",
    "batch": "batch_size",
    "classes": "classification",
    "classifier": "head",
    "drop_shared_people": "drop_overlapping_subjects",
    "example_weights": "sample_weights",
    "groups": "age_groups",
    "halve_after": "schedule: {plateau: EPOCHS}",
    "images": "random",
    "keep": "checkpoint_selection",
    "kfold": "subject_kfold",
    "leave_one_person_out": "leave_one_subject_out",
    "official_folds": "predefined_folds",
    "people": "subjects, or group as a split",
    "plain": "none",
    "ridge_of_subset": "ridge_best_subset",
    "several": "multiple_faces",
    "share": "fraction",
    "spread": "std",
    "start": "init",
    "subject": "identity",
    "test_people": "fixed_test_subjects",
    "test_time": "tta",
    "validation_people": "validation_subjects",
    "value": "regression as a head, output as a decoding",
}


def renamed(word: str) -> str:
    """A sentence that names the new word for an old key or value; "" for any other."""
    return f" {word!r} is now called {RENAMED[word]}." if word in RENAMED else ""


def tagged_union(table: dict[str, type]) -> BeforeValidator:
    """Read `name`, `{name: value}` or `{name: {key: value}}` as the table's dataclass of that name."""

    def read(value: Any) -> Any:
        if isinstance(value, tuple(table.values())) or value is None:
            return value
        if isinstance(value, str):
            value = {value: {}}
        if not (isinstance(value, dict) and len(value) == 1):
            raise ValueError(f"write one of {', '.join(table)}, with its settings indented under it")
        ((name, settings),) = value.items()
        if name not in table:
            raise ValueError(f"{name!r} is not one of {', '.join(table)}.{renamed(name)}")
        kind = table[name]
        if not isinstance(settings, dict):
            names = [field.name for field in fields(kind)]
            if not names:
                raise ValueError(f"{name} takes no value")
            settings = {names[0]: settings}
        return kind(**settings)

    return BeforeValidator(read)


@dataclass(frozen=True, config=STRICT)
class Reproduces:
    """The published row beside which our result is printed."""

    paper: str
    table: str
    row: str


@dataclass(frozen=True, config=STRICT)
class Faces:
    """How a photo becomes a face crop; `size` is the side of the stored crop in pixels.

    boxes: which face is cut out: the source's own box where it brings one, or what the detector finds; `whole_image` takes the whole
    picture instead, for pictures that need not show a face, stretched to a square where `border` is `clip`, and looks for none.
    """

    boxes: Literal["source_first", "detector", "whole_image"] = "source_first"
    detector: Literal["mtcnn"] = "mtcnn"
    passes: Literal[1, 2] = 2
    align: Literal["eyes_level", "five_points"] = "eyes_level"
    margin: Fraction = 0.4
    border: Literal["clip", "repeat"] = "clip"
    no_face: Literal["whole_image", "drop"] = "whole_image"
    multiple_faces: Literal["largest", "labelled"] = "largest"
    smallest_face: Positive = 20  # pixels; faces below it are not looked for
    size: Positive = 256


@dataclass(frozen=True, config=STRICT)
class Backbone:
    """The convolutional part: its architecture, where its first weights come from, and the dense layers after it.

    frozen_batch_norm: what normalises a frozen batch-norm layer while the layers after it train: its moving averages, as in every
    test (`inference`), or the batch, as Keras 2.2 did (`batch_statistics`). Nets without batch norm do not care.
    """

    name: Literal["vgg16", "vgg16_bn", "resnet50", "resnet50_v1_5", "senet50", "dlib_resnet", "alexnet"]
    weights: Literal["vggface", "vggface2", "imagenet", "dlib", "none"] = "none"
    width: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    dense: Annotated[tuple[Positive, ...], BeforeValidator(as_tuple)] = ()
    frozen_batch_norm: Literal["inference", "batch_statistics"] = "inference"


@dataclass(frozen=True, config=STRICT)
class Augment:
    """Ranges of the one random warp; `size` is the side of the network's input in pixels.

    koenig2019 names rotation, shift, crop and flip without ranges; these defaults are ours.
    random_crop: side of the window that the network sees of the stored face, as a share of that face's side: 0.875 is 224 of 256
    pixels. Where it lies is drawn, in whole pixels; in a test it lies in the middle. 1 is the whole face.
    """

    rotate_degrees: Annotated[float, Field(strict=True, ge=0, le=180)] = 15.0
    shift: Fraction = 0.1
    zoom_crop: Fraction = 0.1
    flip: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.5
    size: Positive = 224
    random_crop: Annotated[float, Field(strict=True, gt=0, le=1)] = field(default=1.0, metadata=LATER)


# Of the learning rate, for all but the head.
BackboneMultiplier = Annotated[float, Field(strict=True, gt=0, le=1)]


@dataclass(frozen=True, config=STRICT)
class Adam:
    """Adam with Keras 2.2's defaults: beta 0.9 and 0.999, epsilon 1e-7."""

    learning_rate: Rate
    backbone_lr_multiplier: BackboneMultiplier = 1.0


@dataclass(frozen=True, config=STRICT)
class SGD:
    """Gradient descent by the mean gradient of a batch, with Keras's defaults: no momentum, no weight decay.

    weight_decay: each step makes every weight smaller by this share of the learning rate, apart from gradient and momentum.
    """

    learning_rate: Rate
    momentum: Fraction = 0.0
    nesterov: Annotated[bool, Field(strict=True)] = False
    weight_decay: Annotated[float, Field(strict=True, ge=0)] = 0.0
    backbone_lr_multiplier: BackboneMultiplier = 1.0


@dataclass(frozen=True, config=STRICT)
class RMSprop:
    """Steps by the gradient over the root of its mean square, with Keras's defaults; `epsilon` stands under the root."""

    learning_rate: Rate
    rho: Fraction = 0.9  # of the mean square, what is kept at a step
    momentum: Fraction = 0.0
    epsilon: Annotated[float, Field(strict=True, gt=0)] = 1e-7
    backbone_lr_multiplier: BackboneMultiplier = 1.0


@dataclass(frozen=True, config=STRICT)
class Plateau:
    """The learning rate times `factor` after `patience` epochs without a better validation loss [koenig2019, section 4]."""

    patience: Positive
    factor: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.5


@dataclass(frozen=True, config=STRICT)
class Steps:
    """The learning rate times `factor` after every so many epochs, or after each of the epochs `at`, counted from 1.

    every: 0 where `at` says it. The factor is that of pan2018 (every 10 or 15 epochs) and teh2018 (at epochs 10 and 15).
    """

    every: Annotated[int, Field(strict=True, ge=0)] = 0
    at: Annotated[tuple[Positive, ...], BeforeValidator(as_tuple)] = ()
    factor: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.1


@dataclass(frozen=True, config=STRICT)
class Cosine:
    """The learning rate falls by half a cosine over the stage's epochs towards `to`, which it would reach in the epoch after the last.

    It changes once an epoch, not at every batch.
    """

    to: Annotated[float, Field(strict=True, ge=0)] = 0.0  # a rate


@dataclass(frozen=True, config=STRICT)
class Constant:
    """The learning rate stays, as without a schedule: both are kept as None, so that a stage has one name."""


@dataclass(frozen=True, config=STRICT)
class RandomSplit:
    """Validate on a random share of the photos; a person may be on both sides."""

    fraction: Fraction


@dataclass(frozen=True, config=STRICT)
class GroupSplit:
    """Validate on all photos of a random share of the people."""

    fraction: Fraction


@dataclass(frozen=True, config=STRICT)
class LeaveOneSubjectOut:
    """One fold a person; inside a fold, `validation_subjects` of the others choose the learning rate.

    seed: from which everything that a protocol leaves to chance is drawn, here and in the protocols below; it is not the
    experiment's, so that the folds are the same for each of its seeds.
    """

    validation_subjects: Fraction = 0.1
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class SubjectKFold:
    """Random folds of people; inside a fold, `validation_subjects` of the others choose the learning rate."""

    folds: Annotated[int, Field(strict=True, ge=2)]
    validation_subjects: Fraction = 0.1
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class ImageKFold:
    """Random folds of images: a person may be on both sides; inside a fold, `validation_images` of the others choose the learning rate."""

    folds: Annotated[int, Field(strict=True, ge=2)]
    validation_images: Fraction = 0.1
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class PredefinedFolds:
    """The authors' own folds (the photos' `split`), each tested once, in sorted order; the rest as in LeaveOneSubjectOut.

    only: names of the folds to test, where a paper tests some of them; empty tests all.
    subjects_may_repeat: the authors mean a person to be in several of their folds; otherwise that is an error.
    A photo of nobody known counts as a person of its own.
    """

    validation_subjects: Fraction = 0.1
    only: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()
    subjects_may_repeat: Annotated[bool, Field(strict=True)] = False
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class OfficialLists:
    """One fold, the authors' lists of training, validation and test images (the photos' `split`), whoever is on them.

    validation_images: share of the training images that choose the learning rate where the authors have no list for it.
    """

    validation_images: Fraction = 0.1
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class RandomParts:
    """A random share of all images (or people) tests, another one chooses the learning rate, the rest trains; `repeats` folds, each a
    new draw."""

    test: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.2
    validation: Fraction = 0.1
    unit: Literal["images", "subjects"] = "images"
    seed: Whole = 0
    repeats: Positive = 1


@dataclass(frozen=True, config=STRICT)
class FixedTestSubjects:
    """One fold that tests these people together; the rest as in LeaveOneSubjectOut."""

    subjects: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    validation_subjects: Fraction = 0.1
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class OfficialSplit:
    """Train and validate on the authors' lists for that; who is on their test list is never seen.

    fraction: share of the training images that validates where the authors have no list for it.
    without_part: (number, parts): of the training images, divided into so many random parts, the one of this number is left out too, so
    that a training can judge it as it would a new one (`residuals: cross_fitted`).
    """

    fraction: Fraction = 0.1
    without_part: Annotated[tuple[Whole, Positive] | None, BeforeValidator(as_tuple)] = None


SPLITS = {"random": RandomSplit, "group": GroupSplit, "official": OfficialSplit}
Split = RandomSplit | GroupSplit | OfficialSplit
PROTOCOLS = {
    "leave_one_subject_out": LeaveOneSubjectOut,
    "subject_kfold": SubjectKFold,
    "image_kfold": ImageKFold,
    "predefined_folds": PredefinedFolds,
    "official": OfficialLists,
    "random": RandomParts,
    "fixed_test_subjects": FixedTestSubjects,
}
Protocol = LeaveOneSubjectOut | SubjectKFold | ImageKFold | PredefinedFolds | OfficialLists | RandomParts | FixedTestSubjects


def validation_share(division: Protocol | Split | None) -> float:
    """Share of what is not tested that is held out to choose by; of the authors' lists, where they have none for it; 0 for no division."""
    if division is None:
        return 0.0
    if isinstance(division, (RandomSplit, GroupSplit, OfficialSplit)):
        return division.fraction
    if isinstance(division, RandomParts):
        return division.validation
    return division.validation_images if isinstance(division, (ImageKFold, OfficialLists)) else division.validation_subjects


@dataclass(frozen=True, config=STRICT)
class Age:
    """Learn the age in years, or another number of the photos table, by the experiment's own head and loss.

    column: which number; `apparent_age` is the mean of votes, `score` a rating from 0 to 1.
    residual_of: an earlier stage; what it predicts is subtracted from the label, and added to what this one predicts [agustsson2017,
    equation 3]. residuals: of photos that it trained on, its own predictions (`in_sample`, as the paper), or those of `parts` further
    trainings of it, each without the photos that it predicts (`cross_fitted`).
    """

    column: Literal["age", "apparent_age", "score"] = field(default="age", metadata=LATER)
    residual_of: str = field(default="", metadata=LATER)
    residuals: Literal["in_sample", "cross_fitted"] = field(default="in_sample", metadata=LATER)
    parts: Annotated[int, Field(strict=True, ge=2)] = field(default=5, metadata=LATER)

    labels: ClassVar[tuple[str, ...]] = ()
    by_own_head: ClassVar[bool] = True  # whether the experiment's head, loss and weights of examples are for it
    learns_ages: ClassVar[bool] = True  # whether dense layers that have learnt it serve for ages

    @property
    def unit(self) -> str:
        """What errors are counted in: years, or points of a score."""
        return "points" if self.column == "score" else "years"

    def same_kind(self, other: object) -> bool:
        """Whether classes of equal values mean the same, so that a last layer can be handed on."""
        return isinstance(other, Age)


@dataclass(frozen=True, config=STRICT)
class Identity:
    """Learn to tell people apart, by a softmax over the people of the data."""

    labels: ClassVar[tuple[str, ...]] = ()
    by_own_head: ClassVar[bool] = False
    learns_ages: ClassVar[bool] = False
    residual_of: ClassVar[str] = ""
    unit: ClassVar[str] = "years"

    def same_kind(self, other: object) -> bool:
        """As Age's."""
        return self == other


@dataclass(frozen=True, config=STRICT)
class AgeGroups:
    """Learn the age group, by a softmax over `labels`: year ranges `first-last`, both included, in rising order.

    A photo belongs to the one label that holds all of its own group; a photo in none is an error.
    """

    labels: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=2)]

    by_own_head: ClassVar[bool] = False
    learns_ages: ClassVar[bool] = True
    residual_of: ClassVar[str] = ""
    unit: ClassVar[str] = "years"

    def same_kind(self, other: object) -> bool:
        """As Age's."""
        return self == other


TARGETS = {"age": Age, "identity": Identity, "age_groups": AgeGroups}
Target = Age | Identity | AgeGroups
OPTIMIZERS = {"adam": Adam, "sgd": SGD, "rmsprop": RMSprop}
Optimizer = Adam | SGD | RMSprop
SCHEDULES = {"plateau": Plateau, "steps": Steps, "cosine": Cosine, "constant": Constant}
Schedule = Plateau | Steps | Cosine


def _changing(schedule: Schedule | Constant | None) -> Schedule | None:
    return None if isinstance(schedule, Constant) else schedule


Pooling = Literal["max", "mean", "flatten"]


@dataclass(frozen=True, config=STRICT)
class LayerFeatures:
    """What one layer of the network gives, pooled over space: by its maximum (koenig2019), its mean, or not at all (`flatten`).

    layer: `last_conv`, `first_conv`, or a layer's name.
    """

    layer: str = "last_conv"
    pooling: Pooling = "max"


@dataclass(frozen=True, config=STRICT)
class AgeRange:
    """The ages from `first` to `last`, both included, `step` apart."""

    first: Whole
    last: Whole
    step: Annotated[float, Field(gt=0, le=1)] = field(default=1.0, metadata=LATER)

    def divides(self) -> bool:
        """Whether whole steps lead from one end to the other; a range that is turned round is another fault."""
        steps = (self.last - self.first) / self.step
        return abs(steps - round(steps)) < 1e-6


@dataclass(frozen=True, config=STRICT)
class Classification:
    """A softmax over ages: those observed in the stage's data, or a fixed range; a label outside is an error.

    label: `exact` wants every age to be a class; `nearest` trains on the nearest class, for ages in decimals [agustsson2017, eq. 1].
    """

    # What such a head sees of the backbone: its own output.
    features: ClassVar[str] = "last"
    statistics: ClassVar[tuple[str, ...]] = ()
    input_sizes: ClassVar[tuple[int, ...]] = ()
    init: ClassVar[str] = "he_normal"

    ages: Annotated[Literal["observed"] | AgeRange, BeforeValidator(lambda v: AgeRange(**v) if isinstance(v, dict) else v)] = "observed"
    label: Literal["exact", "nearest"] = "exact"


def _layer_features(value: Any) -> Any:
    return LayerFeatures(**value) if isinstance(value, dict) else value


@dataclass(frozen=True, config=STRICT)
class Regression:
    """One linear output in years, on pooled features.

    features: `last` is the backbone's own pooled output; `stages` takes `statistics` over space of every stage, `std` being
    the standard deviation; or those of one layer.
    input_sizes: further sides in pixels to which the input is resized for the same backbone; the features of all sizes are taken.
    init: `he_normal`; `ridge`: the closed-form fit of the frozen features, its strength chosen inside the training people;
    `ridge_best_subset`: the same, on the subset of sizes and statistics that is chosen there too.
    """

    features: Annotated[Literal["last", "stages"] | LayerFeatures, BeforeValidator(_layer_features)] = "last"
    statistics: Annotated[tuple[Literal["mean", "max", "std"], ...], BeforeValidator(as_tuple), Field(min_length=1)] = ("mean", "max")
    input_sizes: Annotated[tuple[Positive, ...], BeforeValidator(as_tuple)] = ()
    init: Literal["he_normal", "ridge", "ridge_best_subset"] = "he_normal"


HEADS = {"classification": Classification, "regression": Regression}
Head = Classification | Regression


@dataclass(frozen=True, config=STRICT, kw_only=True)
class BaseStage:
    """What every stage says: which data, from which weights, and how the data are divided. One with a protocol is done once a fold."""

    name: str
    data: str
    start_from: str = "weights"  # weights | scratch | the name of an earlier stage
    target: Annotated[Target, tagged_union(TARGETS)] = field(default_factory=Age)
    head: Annotated[Head | None, tagged_union(HEADS)] = field(default=None, metadata=LATER)  # in place of the experiment's
    split: Annotated[Split | None, tagged_union(SPLITS)] = None
    protocol: Annotated[Protocol | None, tagged_union(PROTOCOLS)] = None

    def epochs_trained(self) -> int:
        """Passes over the training part by gradient descent."""
        return 0

    def keeps_backbone(self) -> bool:
        """Whether the backbone stays as the stage found it."""
        return True

    def keeps_best(self) -> bool:
        """Whether the weights of the least validation loss are kept, not those of the last epoch."""
        return False

    def fits_all_folds(self) -> bool:
        """Whether all folds are fitted at once, in closed form."""
        return False

    def leaves_network(self) -> bool:
        """Whether its folds keep a network, which can explain, predict and be exported."""
        return True

    def predictions_of(self) -> str:
        """The earlier stage whose predictions it needs beside the photos; "" for none."""
        return self.target.residual_of


@dataclass(frozen=True, config=STRICT, kw_only=True)
class Stage(BaseStage):
    """One training of the network, for some epochs."""

    epochs: Annotated[int, Field(strict=True, ge=0)]  # 0 tests the start itself
    batch_size: Positive
    optimizer: Annotated[Optimizer, tagged_union(OPTIMIZERS)]
    train: Literal["all", "head"] = "all"
    schedule: Annotated[Schedule | Constant | None, tagged_union(SCHEDULES), AfterValidator(_changing)] = None
    checkpoint_selection: Literal["last", "best_validation"] = "last"

    def epochs_trained(self) -> int:
        """The epochs that it says."""
        return self.epochs

    def keeps_backbone(self) -> bool:
        """Whether the head alone trains."""
        return self.train == "head"

    def keeps_best(self) -> bool:
        """Whether it selects by the validation loss."""
        return self.checkpoint_selection == "best_validation"


@dataclass(frozen=True, config=STRICT)
class Ridge:
    """Ridge regression on standardised features, in closed form [training/ridge.py]; who is tested chooses nothing.

    choose: `strength` alone; or also the `subset` of input sizes and statistics of the head's features; or `mean_of_subsets`: the
    strength of each subset, and what is predicted is the mean over all of them.
    """

    choose: Literal["strength", "subset", "mean_of_subsets"] = "strength"


@dataclass(frozen=True, config=STRICT)
class AutoSklearn:
    """auto-sklearn's search for an ensemble of regressors [regression/automl.py], a fold for itself, in an environment of its own.

    seconds: of the whole search; seconds_a_model: of a single fit (koenig2019, section 4: 12 hours and 60 minutes); trials: end after so
    many fits, 0 for none: only that can be repeated to the bit; memory_mb: of all its processes; inner_split: whether people are kept apart
    inside the training part, or photos are divided at random, as the library does by itself; jobs: fits at a time.
    """

    seconds: Positive = 43_200
    seconds_a_model: Positive = 3_600
    trials: Annotated[int, Field(strict=True, ge=0)] = 0
    memory_mb: Positive = 6_144
    inner_split: Literal["subjects", "random"] = "subjects"
    jobs: Positive = 1


@dataclass(frozen=True, config=STRICT)
class Flaml:
    """FLAML's search for one regressor among trees and a linear model, a fold for itself; settings as AutoSklearn's."""

    seconds: Positive = 300
    trials: Annotated[int, Field(strict=True, ge=0)] = 0
    inner_split: Literal["subjects", "random"] = "subjects"


@dataclass(frozen=True, config=STRICT)
class SVR:
    """Support vector regression with a Gaussian kernel on standardised features; its cost C is chosen inside the training people."""

    costs: Annotated[tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(as_tuple), Field(min_length=1)] = (1.0, 10.0, 100.0)
    epsilon: Annotated[float, Field(ge=0)] = 1.0  # years within which an error costs nothing


@dataclass(frozen=True, config=STRICT)
class AsItIs:
    """No regression at all: the one feature is the prediction, as ground truth of one kind is of the other [agustsson2017, Table II]."""


REGRESSORS = {"ridge": Ridge, "autosklearn": AutoSklearn, "flaml": Flaml, "svr": SVR, "as_it_is": AsItIs}


@dataclass(frozen=True, config=STRICT)
class ColumnFeature:
    """One number a photo, of no network: a column of the photos table, or what an earlier stage predicts."""

    column: Literal["", "age", "apparent_age", "score"] = ""
    predicted_by: str = ""


def _features_of_stage(value: Any) -> Any:
    if isinstance(value, dict):
        return ColumnFeature(**value) if value.keys() & {"column", "predicted_by"} else LayerFeatures(**value)
    return value


@dataclass(frozen=True, config=STRICT, kw_only=True)
class RegressionStage(BaseStage):
    """A regression on features of the network as the stage finds it, in place of a training: the last stage, fitted once a fold.

    features: of which layer, or one number of no network; None for those that the experiment's `head: regression` says.
    """

    regressor: Annotated[Ridge | AutoSklearn | Flaml | SVR | AsItIs, tagged_union(REGRESSORS)]
    features: Annotated[LayerFeatures | ColumnFeature | None, BeforeValidator(_features_of_stage)] = None

    def fits_all_folds(self) -> bool:
        """A ridge regression does."""
        return isinstance(self.regressor, Ridge)

    def leaves_network(self) -> bool:
        """A ridge regression leaves a linear layer on the backbone."""
        return isinstance(self.regressor, Ridge)

    def predictions_of(self) -> str:
        """Also where they are its feature."""
        return self.features.predicted_by if isinstance(self.features, ColumnFeature) else super().predictions_of()


def _kind_of_stage(value: Any) -> str:
    # In brackets, as pydantic writes what is no key of the file into the place of an error.
    regression = isinstance(value, RegressionStage) or (isinstance(value, dict) and "regressor" in value)
    return "[regression]" if regression else "[training]"


AnyStage = Annotated[Annotated[Stage, Tag("[training]")] | Annotated[RegressionStage, Tag("[regression]")], Discriminator(_kind_of_stage)]


LossWeight = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=STRICT)
class CrossEntropy:
    """Categorical cross-entropy between the softmax and the photo's class."""

    weight: LossWeight = field(default=1.0, metadata=LATER)


@dataclass(frozen=True, config=STRICT)
class MeanLoss:
    """Half the squared difference between the posterior's mean and the label [pan2018, equation 4].

    unit: years (or what the labels count) by which it is measured; the paper numbers its classes, which are one year apart.
    """

    weight: Annotated[float, Field(ge=0)] = 0.2
    unit: Annotated[float, Field(gt=0)] = 1.0


@dataclass(frozen=True, config=STRICT)
class VarianceLoss:
    """The variance of the posterior [pan2018, equation 5]; unit as MeanLoss's."""

    weight: Annotated[float, Field(ge=0)] = 0.05
    unit: Annotated[float, Field(gt=0)] = 1.0


@dataclass(frozen=True, config=STRICT)
class SquaredError:
    """Squared error of the predicted years."""

    weight: LossWeight = field(default=1.0, metadata=LATER)


@dataclass(frozen=True, config=STRICT)
class AbsoluteError:
    """Absolute error of the predicted years."""

    weight: LossWeight = field(default=1.0, metadata=LATER)


LOSSES = {
    "cross_entropy": CrossEntropy,
    "mean": MeanLoss,
    "variance": VarianceLoss,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
}
Loss = Annotated[CrossEntropy | MeanLoss | VarianceLoss | SquaredError | AbsoluteError, tagged_union(LOSSES)]


@dataclass(frozen=True, config=STRICT)
class Machine:
    """How numbers are computed; part of a stage's name, since it changes the last digits."""

    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    xla: Annotated[bool, Field(strict=True)] = False
    deterministic: Annotated[bool, Field(strict=True)] = True
    threads: Annotated[int, Field(strict=True, ge=0)] = 0  # of one operation; 0 leaves it to TensorFlow
    devices: Annotated[int, Field(strict=True, ge=0)] = 1  # that train a shared stage together; 0 takes all that the process sees


@dataclass(frozen=True, config=STRICT)
class Synthetic:
    """How much of one data set the renderer draws for the demo; people 0 means as many as the real set."""

    people: Annotated[int, Field(strict=True, ge=0)]
    photos: Annotated[int, Field(strict=True, ge=0)] = 0  # in all; 0 leaves it to the writer
    size: Positive = 160  # side of a drawn photo, pixels
    seed: Whole = 0


@dataclass(frozen=True, config=STRICT)
class OwnData:
    """Where the labels of the data set `own` stand, a user's photos: in a CSV file, or in the photos' names.

    columns: {our name: heading in the CSV file}. What is not named is looked for under usual headings; "" says that there is none.
    pattern: how the photos are named, for instance "{subject}_{age}.jpg"; other names in braces stand for any text.
    """

    columns: dict[Literal["photo", "age", "subject", "gender", "split", "age_std"], str] = field(default_factory=dict)
    pattern: str = ""


@dataclass(frozen=True, config=STRICT)
class Experiment:
    """One row of a paper's table."""

    faces: Faces
    backbone: Backbone
    stages: Annotated[tuple[AnyStage, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    augment: Augment = field(default_factory=Augment)
    head: Annotated[Head, tagged_union(HEADS)] = field(default_factory=Classification)
    loss: Annotated[tuple[Loss, ...], BeforeValidator(as_tuple), Field(min_length=1)] = (CrossEntropy(),)
    decode: Literal["expectation", "rounded", "median", "argmax", "output"] = "expectation"
    tta: Literal["none", "flip_average"] = "none"
    sample_weights: Literal["none", "age_std"] = "none"  # age_std: 1 / (1 + age_std squared / 4)
    group_labels: Literal["exact", "substring", "remap"] = "exact"  # which of Adience's labels count (datasets/adience.py)
    drop_overlapping_subjects: Annotated[bool, Field(strict=True)] = False  # leave out of earlier stages whoever the target knows by name
    keep_weights: Literal["all", "first", "none"] = "all"  # of which folds: explaining, predicting and exporting need them
    seeds: Annotated[tuple[Whole, ...], BeforeValidator(as_tuple), Field(min_length=1)] = (0,)
    reproduces: Reproduces | None = None
    machine: Machine = field(default_factory=Machine)
    synthetic: dict[str, Synthetic] = field(default_factory=dict)
    own: OwnData = field(default_factory=OwnData)
    reading: dict[str, dict[str, str]] = field(default_factory=dict)  # options of readers, by data set (datasets/catalog.py)

    def as_of(self, stage: BaseStage) -> Experiment:
        """The experiment as a stage sees it.

        What learns no ages has a plain softmax, whatever the experiment's head for ages is; a stage may have a head of its own; a
        regression on features of its own has that head, and no dense layers.
        """
        if not stage.target.by_own_head:
            return replace(self, head=Classification(), loss=(CrossEntropy(),), sample_weights="none")
        if stage.head is not None:
            return replace(self, head=stage.head)
        if not isinstance(stage, RegressionStage) or stage.features is None:
            return self
        head = Regression(features=stage.features) if isinstance(stage.features, LayerFeatures) else Regression()
        return replace(self, head=head, backbone=replace(self.backbone, dense=()))

    def stage(self, name: str) -> BaseStage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)

    def predictors(self, stage: BaseStage) -> tuple[BaseStage, ...]:
        """The stages whose predictions a stage needs: the one that it names, and where residuals are cross-fitted, that one without each
        part of its training images in turn."""
        if not stage.predictions_of():
            return ()
        named, target = self.stage(stage.predictions_of()), stage.target
        if not (isinstance(target, Age) and target.residual_of and target.residuals == "cross_fitted"):
            return (named,)
        split = named.split if isinstance(named.split, OfficialSplit) else OfficialSplit()
        return (
            named,
            *(
                replace(
                    named,
                    name=f"{named.name}-without-{part + 1}-of-{target.parts}",
                    split=replace(split, without_part=(part, target.parts)),
                )
                for part in range(target.parts)
            ),
        )

    def needs(self, stage: BaseStage) -> tuple[BaseStage, ...]:
        """The stages that one directly builds on, by their weights or predictions."""
        starts = tuple(other for other in self.stages if other.name == stage.start_from)
        return (*starts, *self.predictors(stage))
