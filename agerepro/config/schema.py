"""What an experiment may say: frozen dataclasses, one per part of a paper's method section. Defaults live here only."""

from __future__ import annotations

from dataclasses import field, fields
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")
Fraction = Annotated[float, Field(strict=True, ge=0, lt=1)]
Positive = Annotated[int, Field(strict=True, gt=0)]


def as_tuple(value: Any) -> Any:
    """A YAML list as a tuple, so that settings can be frozen; anything else as it is."""
    return tuple(value) if isinstance(value, list) else value


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
            raise ValueError(f"{name!r} is not one of {', '.join(table)}")
        kind = table[name]
        if not isinstance(settings, dict):
            names = [one.name for one in fields(kind)]
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
    """How a photo becomes a face crop; `size` is the side of the stored crop in pixels."""

    boxes: Literal["source_first", "detector"] = "source_first"
    detector: Literal["mtcnn"] = "mtcnn"
    passes: Literal[1, 2] = 2
    align: Literal["eyes_level", "five_points"] = "eyes_level"
    margin: Fraction = 0.4
    border: Literal["clip", "repeat"] = "clip"
    no_face: Literal["whole_image", "drop"] = "whole_image"
    several: Literal["largest", "labelled"] = "largest"
    smallest_face: Positive = 20  # pixels; faces below it are not looked for
    size: Positive = 256


@dataclass(frozen=True, config=STRICT)
class Backbone:
    """The convolutional part: its architecture, where its first weights come from, and the dense layers after it.

    frozen_batch_norm: what normalises a frozen batch-norm layer while the layers after it train: its moving averages, as in every
    test (`inference`), or the batch, as Keras 2.2 did (`batch_statistics`). Nets without batch norm do not care.
    """

    name: Literal["vgg16", "resnet50", "senet50", "dlib_resnet"]
    weights: Literal["vggface", "vggface2", "dlib", "none"] = "none"
    width: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    dense: Annotated[tuple[Positive, ...], BeforeValidator(as_tuple)] = ()
    frozen_batch_norm: Literal["inference", "batch_statistics"] = "inference"


@dataclass(frozen=True, config=STRICT)
class Augment:
    """Ranges of the one random warp; `size` is the side of the network's input in pixels.

    koenig2019 names rotation, shift, crop and flip without ranges; these defaults are ours.
    """

    rotate_degrees: Annotated[float, Field(strict=True, ge=0, le=180)] = 15.0
    shift: Fraction = 0.1
    zoom_crop: Fraction = 0.1
    flip: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.5
    size: Positive = 224


@dataclass(frozen=True, config=STRICT)
class Adam:
    """Adam with Keras 2.2's defaults: beta 0.9 and 0.999, epsilon 1e-7."""

    learning_rate: Annotated[float, Field(strict=True, gt=0)]
    backbone_share: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0  # of the learning rate, for all but the classifier


@dataclass(frozen=True, config=STRICT)
class RandomSplit:
    """Validate on a random share of the photos; a person may be on both sides."""

    share: Fraction


@dataclass(frozen=True, config=STRICT)
class GroupSplit:
    """Validate on all photos of a random share of the people."""

    share: Fraction


@dataclass(frozen=True, config=STRICT)
class LeaveOneSubjectOut:
    """One fold a person; inside a fold, `validation_people` of the others choose the learning rate."""

    validation_people: Fraction = 0.1


@dataclass(frozen=True, config=STRICT)
class PredefinedFolds:
    """The authors' own folds (the photos' `split`), each tested once, in sorted order; the rest as in LeaveOnePersonOut.

    only: names of the folds to test, where a paper tests some of them; empty tests all.
    """

    validation_people: Fraction = 0.1
    only: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()


@dataclass(frozen=True, config=STRICT)
class FixedTestSubjects:
    """One fold that tests these people together; the rest as in LeaveOnePersonOut."""

    people: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    validation_people: Fraction = 0.1


@dataclass(frozen=True, config=STRICT)
class SubjectKFold:
    """Random folds of people; inside a fold, `validation_people` of the others choose the learning rate."""

    folds: Annotated[int, Field(strict=True, ge=2)]
    validation_people: Fraction = 0.1
    seed: Annotated[int, Field(strict=True)] = 0


SPLITS = {"images": RandomSplit, "people": GroupSplit}
PROTOCOLS = {
    "leave_one_person_out": LeaveOneSubjectOut,
    "kfold": SubjectKFold,
    "official_folds": PredefinedFolds,
    "test_people": FixedTestSubjects,
}
Protocol = LeaveOneSubjectOut | SubjectKFold | PredefinedFolds | FixedTestSubjects


@dataclass(frozen=True, config=STRICT)
class Age:
    """Learn the age in years, by the experiment's own head and loss."""


@dataclass(frozen=True, config=STRICT)
class Identity:
    """Learn to tell people apart, by a softmax over the people of the data."""


@dataclass(frozen=True, config=STRICT)
class AgeGroups:
    """Learn the age group, by a softmax over `labels`: year ranges `first-last`, both included, in rising order.

    A photo belongs to the one label that holds all of its own group; a photo in none is an error.
    """

    labels: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=2)]


TARGETS = {"age": Age, "subject": Identity, "groups": AgeGroups}
OPTIMIZERS = {"adam": Adam}


@dataclass(frozen=True, config=STRICT)
class Stage:
    """One training: which data, from which weights, for how long. A stage with a protocol is trained once a fold."""

    name: str
    data: str
    epochs: Annotated[int, Field(strict=True, ge=0)]  # 0 tests the start itself
    batch: Positive
    optimizer: Annotated[Adam, tagged_union(OPTIMIZERS)]
    start_from: str = "weights"  # weights | scratch | the name of an earlier stage
    target: Annotated[Age | Identity | AgeGroups, tagged_union(TARGETS)] = field(default_factory=Age)
    split: Annotated[RandomSplit | GroupSplit | None, tagged_union(SPLITS)] = None
    protocol: Annotated[Protocol | None, tagged_union(PROTOCOLS)] = None
    train: Literal["all", "classifier"] = "all"
    halve_after: Positive | None = None  # epochs without a better validation loss
    keep: Literal["last", "best_validation"] = "last"


@dataclass(frozen=True, config=STRICT)
class AgeRange:
    """Every whole age from `first` to `last`, both included."""

    first: Annotated[int, Field(strict=True)]
    last: Annotated[int, Field(strict=True)]


@dataclass(frozen=True, config=STRICT)
class Classification:
    """A softmax over ages: those observed in the stage's data, or a fixed range; a label outside is an error.

    label: `exact` wants every age to be a class; `nearest` trains on the nearest class, for ages in decimals [agustsson2017].
    """

    ages: Annotated[Literal["observed"] | AgeRange, BeforeValidator(lambda v: AgeRange(**v) if isinstance(v, dict) else v)] = "observed"
    label: Literal["exact", "nearest"] = "exact"


@dataclass(frozen=True, config=STRICT)
class Regression:
    """One linear output in years, on pooled features.

    features: `last` is the backbone's own pooled output; `stages` takes `statistics` over space of every stage, `spread` being
    the standard deviation.
    also_at: further sides in pixels to which the input is resized for the same backbone; the features of all sizes are taken.
    start: `he_normal`; `ridge`: the closed-form fit of the frozen features, its strength chosen inside the training people;
    `ridge_of_subset`: the same, on the subset of sizes and statistics that is chosen there too.
    """

    features: Literal["last", "stages"] = "last"
    statistics: Annotated[tuple[Literal["mean", "max", "spread"], ...], BeforeValidator(as_tuple), Field(min_length=1)] = ("mean", "max")
    also_at: Annotated[tuple[Positive, ...], BeforeValidator(as_tuple)] = ()
    start: Literal["he_normal", "ridge", "ridge_of_subset"] = "he_normal"


HEADS = {"classes": Classification, "value": Regression}


@dataclass(frozen=True, config=STRICT)
class CrossEntropy:
    """Categorical cross-entropy between the softmax and the photo's class."""


@dataclass(frozen=True, config=STRICT)
class SquaredError:
    """Squared error of the predicted years."""


@dataclass(frozen=True, config=STRICT)
class AbsoluteError:
    """Absolute error of the predicted years."""


LOSSES = {"cross_entropy": CrossEntropy, "squared_error": SquaredError, "absolute_error": AbsoluteError}
Loss = Annotated[CrossEntropy | SquaredError | AbsoluteError, tagged_union(LOSSES)]


@dataclass(frozen=True, config=STRICT)
class Machine:
    """How numbers are computed; part of a stage's name, since it changes the last digits."""

    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    xla: Annotated[bool, Field(strict=True)] = False
    deterministic: Annotated[bool, Field(strict=True)] = True
    threads: Annotated[int, Field(strict=True, ge=0)] = 0  # of one operation; 0 leaves it to TensorFlow


@dataclass(frozen=True, config=STRICT)
class Synthetic:
    """How much of one data set the renderer draws for the demo; people 0 means as many as the real set."""

    people: Annotated[int, Field(strict=True, ge=0)]
    photos: Annotated[int, Field(strict=True, ge=0)] = 0  # in all; 0 leaves it to the writer
    size: Positive = 160  # side of a drawn photo, pixels
    seed: Annotated[int, Field(strict=True)] = 0


@dataclass(frozen=True, config=STRICT)
class Experiment:
    """One row of a paper's table."""

    faces: Faces
    backbone: Backbone
    stages: Annotated[tuple[Stage, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    augment: Augment = field(default_factory=Augment)
    head: Annotated[Classification | Regression, tagged_union(HEADS)] = field(default_factory=Classification)
    loss: Annotated[tuple[Loss, ...], BeforeValidator(as_tuple), Field(min_length=1)] = (CrossEntropy(),)
    decode: Literal["expectation", "rounded", "median", "argmax", "value"] = "expectation"
    test_time: Literal["plain", "flip_average"] = "plain"
    example_weights: Literal["none", "age_std"] = "none"  # age_std: 1 / (1 + age_std squared / 4)
    group_labels: Literal["exact", "substring", "remap"] = "exact"  # which of Adience's labels count (datasets/adience.py)
    drop_shared_people: Annotated[bool, Field(strict=True)] = False  # leave out of earlier stages whoever the target knows by name
    keep_weights: Literal["all", "first", "none"] = "all"  # of which folds: explaining, predicting and exporting need them
    seeds: Annotated[tuple[Annotated[int, Field(strict=True)], ...], BeforeValidator(as_tuple), Field(min_length=1)] = (0,)
    reproduces: Reproduces | None = None
    machine: Machine = field(default_factory=Machine)
    synthetic: dict[str, Synthetic] = field(default_factory=dict)
