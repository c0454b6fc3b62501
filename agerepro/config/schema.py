"""What an experiment may say: frozen dataclasses, one per part of a paper's method section. Defaults live here only."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag
from pydantic.dataclasses import dataclass

from agerepro.config.divisions import PROTOCOLS, SPLITS, OfficialSplit, Protocol, Split
from agerepro.config.fields import LATER, STRICT, Fraction, Positive, Whole, as_tuple, tagged_union
from agerepro.config.learning import (
    HEADS,
    OPTIMIZERS,
    SCHEDULES,
    TARGETS,
    Age,
    Classification,
    Constant,
    CrossEntropy,
    Head,
    LayerFeatures,
    Loss,
    Optimizer,
    Regression,
    Schedule,
    Target,
    changing,
)


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
    dense_weights: what the dense layers begin with where a stage starts from published weights: drawn numbers (`fresh`), or the fully
    connected layers of the same published network (`published`), which then have to be in the file and of these widths.
    dropout: share of the outputs of each dense layer that a training step leaves out; none in a test.
    """

    name: Literal["vgg16", "vgg16_bn", "resnet50", "resnet50_v1_5", "senet50", "dlib_resnet", "alexnet"]
    weights: Literal["vggface", "vggface2", "imagenet", "dlib", "none"] = "none"
    width: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    dense: Annotated[tuple[Positive, ...], BeforeValidator(as_tuple)] = ()
    frozen_batch_norm: Literal["inference", "batch_statistics"] = "inference"
    dense_weights: Literal["fresh", "published"] = field(default="fresh", metadata=LATER)
    dropout: Fraction = field(default=0.0, metadata=LATER)


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


Losses = Annotated[tuple[Loss, ...], BeforeValidator(as_tuple), Field(min_length=1)]  # their weighted sum is trained by


@dataclass(frozen=True, config=STRICT, kw_only=True)
class BaseStage:
    """What every stage says: which data, from which weights, and how the data are divided. One with a protocol is done once a fold.

    start_from: `weights` (published ones), `scratch`, or the name of an earlier stage; head, loss: in place of the experiment's.
    """

    name: str
    data: str
    start_from: str = "weights"
    target: Annotated[Target, tagged_union(TARGETS)] = field(default_factory=Age)
    head: Annotated[Head | None, tagged_union(HEADS)] = field(default=None, metadata=LATER)
    loss: Losses | None = field(default=None, metadata=LATER)
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
    schedule: Annotated[Schedule | Constant | None, tagged_union(SCHEDULES), AfterValidator(changing)] = None
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


def kind_of_features(settings: Any) -> type[LayerFeatures | ColumnFeature]:
    """What a mapping under a stage's `features` is read as."""
    return ColumnFeature if settings.keys() & {"column", "predicted_by"} else LayerFeatures


def _features_of_stage(value: Any) -> Any:
    return kind_of_features(value)(**value) if isinstance(value, dict) else value


@dataclass(frozen=True, config=STRICT, kw_only=True)
class RegressionStage(BaseStage):
    """A regression on features of the network as the stage finds it, in place of a training: the last stage, fitted once a fold.

    features: of which layer, or one number of no network, which then starts from `scratch`; None for those that the experiment's
    `head: regression` says.
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


def _with_its_start(value: Any) -> Any:
    # What looks at one number a photo and at no network starts from no published weights, which would have to be there.
    if not (isinstance(value, dict) and isinstance(features := value.get("features"), dict)):
        return value
    return {"start_from": "scratch", **value} if kind_of_features(features) is ColumnFeature else value


AnyStage = Annotated[
    Annotated[Stage, Tag("[training]")] | Annotated[RegressionStage, Tag("[regression]")],
    Discriminator(_kind_of_stage),
    BeforeValidator(_with_its_start),
]


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
    loss: Losses = (CrossEntropy(),)
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

        What learns no ages has a plain softmax, whatever the experiment's head for ages is; a stage may have a head and a loss of its own;
        a regression on features of its own has that head, and no dense layers.
        """
        if not stage.target.by_own_head:
            return replace(self, head=Classification(), loss=(CrossEntropy(),), sample_weights="none")
        seen = self if stage.loss is None else replace(self, loss=stage.loss)
        if stage.head is not None:
            return replace(seen, head=stage.head)
        if not isinstance(stage, RegressionStage) or stage.features is None:
            return seen
        head = Regression(features=stage.features) if isinstance(stage.features, LayerFeatures) else Regression()
        return replace(seen, head=head, backbone=replace(self.backbone, dense=(), dense_weights="fresh", dropout=0.0))

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
                    name=f"{named.name}-without-{part + 1}-of-{target.parts}",  # a name that no stage of a file may have
                    split=replace(split, without_part=(part, target.parts)),
                )
                for part in range(target.parts)
            ),
        )

    def needs(self, stage: BaseStage) -> tuple[BaseStage, ...]:
        """The stages that one directly builds on, by their weights or predictions."""
        starts = tuple(other for other in self.stages if other.name == stage.start_from)
        return (*starts, *self.predictors(stage))

    def earlier(self, stage: BaseStage) -> list[BaseStage]:
        """All stages that one builds on, by weights or by predictions, the first to be trained first."""
        stages: dict[str, BaseStage] = {}
        for needed in self.needs(stage):
            stages |= {earlier.name: earlier for earlier in self.earlier(needed)} | {needed.name: needed}
        return list(stages.values())
