"""What a network learns, and how: targets, heads, losses, optimizers and schedules of the learning rate."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic.dataclasses import dataclass

from agerepro.config.fields import LATER, STRICT, Fraction, Positive, Whole, as_tuple, tagged_union

Rate = Annotated[float, Field(strict=True, gt=0)]  # of learning


# What a grid search tries: koenig2019, section 4, Training Procedures.
GRID_RATES = (0.1, 0.01, 0.001, 0.0001)
GRID_BATCHES = (12, 32, 48, 64)


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


OPTIMIZERS = {"adam": Adam, "sgd": SGD, "rmsprop": RMSprop}
Optimizer = Adam | SGD | RMSprop


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


SCHEDULES = {"plateau": Plateau, "steps": Steps, "cosine": Cosine, "constant": Constant}
Schedule = Plateau | Steps | Cosine


def changing(schedule: Schedule | Constant | None) -> Schedule | None:
    """None for a constant rate, so that a stage has one name with it and without a schedule."""
    return None if isinstance(schedule, Constant) else schedule


@dataclass(frozen=True, config=STRICT)
class Age:
    """Learn the age in years, or another number of the photos table, by the experiment's own head and loss.

    column: which number; `apparent_age` is the mean of votes, `score` a rating from 0 to 1.
    residual_of: an earlier stage; what it predicts is subtracted from the label, and added to what this one predicts [agustsson2017,
    equation 3]. residuals: of photos that it trained on, its own predictions (`in_sample`, as the paper), or those of `parts` further
    trainings of it, each without the photos that it predicts (`cross_fitted`). Where that stage learns cross-fitted residuals itself, its
    trainings without a part do not see the part, but learn the residuals of trainings further below, most of which do: what reaches a
    photo from its own label is of second order.
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
        """Whether classes of equal values mean the same, so that a last layer can be handed on: years of either kind do, a residual and
        the years themselves do not."""
        return isinstance(other, Age) and (self.unit, bool(self.residual_of)) == (other.unit, bool(other.residual_of))


@dataclass(frozen=True, config=STRICT)
class Identity:
    """Learn to tell people apart, by a softmax over the people of the data."""

    labels: ClassVar[tuple[str, ...]] = ()
    by_own_head: ClassVar[bool] = False
    learns_ages: ClassVar[bool] = False
    column: ClassVar[str] = "age"
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
    column: ClassVar[str] = "age"
    residual_of: ClassVar[str] = ""
    unit: ClassVar[str] = "years"

    def same_kind(self, other: object) -> bool:
        """As Age's."""
        return self == other


TARGETS = {"age": Age, "identity": Identity, "age_groups": AgeGroups}
Target = Age | Identity | AgeGroups
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
