"""What the head of a stage learns: its outputs, what they are compared with, and how they become columns of the predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import numpy as np
import pandas as pd

from agerepro.config import learning, schema
from agerepro.models.heads import LOGITS, YEARS
from agerepro.tasks.decode import bin_centres, decode, posterior
from agerepro.tasks.labels import label_values, names_of, prediction_column
from agerepro.tasks.losses import LossFunction, total_loss

Outputs = Mapping[str, np.ndarray]  # of a network, by the name of the layer that gives them
Meaning = Literal["age", "residual", "score", "name"]


class Task(ABC):
    """One stage's: made by `make_task`, with its data; or by `restore_task`, of a network that is trained."""

    bins: np.ndarray  # (bins,) float32 what the classes stand for, years or numbers of people or groups; empty without classes

    @property
    @abstractmethod
    def main(self) -> str:
        """The output that the predictions are made of."""

    @property
    def outputs(self) -> dict[str, int]:
        """The width of every output of the network."""
        return {self.main: max(len(self.bins), 1)}

    @property
    def target_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of one photo's target by output: () for a number, (bins,) for a distribution over classes."""
        return dict.fromkeys(self.outputs, ())

    @property
    @abstractmethod
    def stands_for(self) -> Meaning:
        """What a class, or the one number, is: an age, what an earlier stage's prediction lacks, a rating, or a person or group by name."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the groups that are told apart; none where ages are learnt."""
        return ()

    @abstractmethod
    def targets(self, photos: pd.DataFrame) -> dict[str, np.ndarray]:
        """(n, *target_shapes) float32 by output. UserError for a photo without a label, or one of no class."""

    @abstractmethod
    def losses(self) -> dict[str, LossFunction]:
        """By output: (target (n, *target_shapes), output (n, width)) -> (n,) float32."""

    @abstractmethod
    def metrics(self) -> dict[str, keras.metrics.Mean]:
        """By output: what the progress line says."""

    @abstractmethod
    def answer(self, outputs: Outputs) -> np.ndarray:
        """The posterior over the classes, (n, bins) float64, or the one number, (n, 1): what may be averaged and is kept."""

    @abstractmethod
    def columns(self, answers: np.ndarray, photos: pd.DataFrame, *, how: str) -> dict[str, np.ndarray]:
        """Columns of PREDICTIONS for (n, bins) answers about these photos; how: the experiment's decoding."""

    def offset(self, photos: pd.DataFrame) -> np.ndarray:
        """(n,) what is added to the network's own answer: of a residual what it is a residual of, else 0."""
        return np.zeros(len(photos))


@dataclass(frozen=True)
class AgeTask(Task):
    """A number of years (or a score), by classes or as it is."""

    target: learning.Age
    head: learning.Head
    loss: tuple[learning.Loss, ...]
    bins: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))

    @property
    def main(self) -> str:
        """A softmax over classes, or one number."""
        return LOGITS if isinstance(self.head, learning.Classification) else YEARS

    @property
    def stands_for(self) -> Meaning:
        """Of a residual the residual, whatever it is one of."""
        if self.target.residual_of:
            return "residual"
        return "score" if self.target.column == "score" else "age"

    def targets(self, photos: pd.DataFrame) -> dict[str, np.ndarray]:
        """Years; of a residual, years less the earlier stage's prediction; the nearest class where the head says so."""
        return {self.main: label_values(self.target, self.head, photos)}

    def losses(self) -> dict[str, LossFunction]:
        """The experiment's own."""
        return {self.main: total_loss(self.loss, self.bins)}

    def metrics(self) -> dict[str, keras.metrics.Mean]:
        """The mean absolute error in years."""
        return {self.main: AgeMAE(self.bins)}

    def answer(self, outputs: Outputs) -> np.ndarray:
        """A posterior, or years."""
        return posterior(outputs[self.main]) if len(self.bins) else np.asarray(outputs[self.main], np.float64)

    def columns(self, answers: np.ndarray, photos: pd.DataFrame, *, how: str) -> dict[str, np.ndarray]:
        """`predicted` and every decoding, in years."""
        columns = decode(answers, self.bins, how, offset=self.offset(photos))
        return {"age": photos[self.target.column].to_numpy(float), **columns}

    def offset(self, photos: pd.DataFrame) -> np.ndarray:
        """What the earlier stage predicts [agustsson2017, equation 3]."""
        if not self.target.residual_of:
            return super().offset(photos)
        return photos[prediction_column(self.target.residual_of)].to_numpy(float)


@dataclass(frozen=True)
class NamesTask(Task):
    """People, or age groups, told apart by a plain softmax over their names in order."""

    target: learning.Identity | learning.AgeGroups
    names: tuple[str, ...]
    bins: np.ndarray

    @property
    def main(self) -> str:
        """A softmax over the names."""
        return LOGITS

    @property
    def stands_for(self) -> Meaning:
        """A person or an age group."""
        return "name"

    @property
    def labels(self) -> tuple[str, ...]:
        """The age groups; people have no place in a table."""
        return self.target.labels

    def targets(self, photos: pd.DataFrame) -> dict[str, np.ndarray]:
        """The number of the name."""
        return {LOGITS: names_of(self.target, photos).map({name: i for i, name in enumerate(self.names)}).to_numpy(np.float32)}

    def losses(self) -> dict[str, LossFunction]:
        """Cross-entropy."""
        return {LOGITS: total_loss((learning.CrossEntropy(),), self.bins)}

    def metrics(self) -> dict[str, keras.metrics.Mean]:
        """The share of photos that are told right."""
        return {LOGITS: Accuracy(self.bins)}

    def answer(self, outputs: Outputs) -> np.ndarray:
        """A posterior."""
        return posterior(outputs[LOGITS])

    def columns(self, answers: np.ndarray, photos: pd.DataFrame, *, how: str) -> dict[str, np.ndarray]:
        """The true and the most probable group."""
        labels = np.array(self.labels)
        true = self.targets(photos)[LOGITS].astype(int)
        most = decode(answers, self.bins, how)["argmax"].astype(int)
        return {"age": photos["age"].to_numpy(float), "group": labels[true], "predicted_group": labels[most]}


def make_task(experiment: schema.Experiment, stage: schema.BaseStage, photos: pd.DataFrame) -> Task:
    """The task of a stage on these photos, whose labels say which classes there are. UserError for labels that are none of them."""
    experiment = experiment.as_of(stage)
    if not isinstance(stage.target, learning.Age):
        names = stage.target.labels or tuple(sorted(set(names_of(stage.target, photos))))
        return NamesTask(stage.target, names, np.arange(len(names), dtype=np.float32))
    bins = bin_centres(experiment.head, label_values(stage.target, experiment.head, photos))
    return AgeTask(stage.target, experiment.head, experiment.loss, bins)


def restore_task(experiment: schema.Experiment, stage: schema.BaseStage, bins: np.ndarray) -> Task:
    """The task of a trained stage, whose classes stand for `bins`; of people, whose names are not kept, it can make no targets."""
    experiment = experiment.as_of(stage)
    if not isinstance(stage.target, learning.Age):
        return NamesTask(stage.target, stage.target.labels, bins)
    return AgeTask(stage.target, experiment.head, experiment.loss, bins)


class AgeMAE(keras.metrics.Mean):
    """Mean absolute error in years of the expectation over the classes, or of the one output: for the progress line.

    Measured against what is learnt: where the head takes the nearest class for a label, against that class.
    """

    def __init__(self, bins: np.ndarray) -> None:
        super().__init__(name="mae", dtype="float32")
        self.bins = bins

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; the weights of examples do not enter."""
        years = keras.ops.softmax(y_pred, axis=-1) @ keras.ops.reshape(self.bins, (-1, 1)) if len(self.bins) else y_pred
        super().update_state(keras.ops.abs(keras.ops.reshape(years, (-1,)) - keras.ops.reshape(y_true, (-1,))))


class Accuracy(keras.metrics.Mean):
    """Share of examples whose most probable class is the right one: what there is to say where people are told apart."""

    def __init__(self, bins: np.ndarray) -> None:
        super().__init__(name="accuracy", dtype="float32")
        self.bins = bins

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; the weights of examples do not enter."""
        predicted = keras.ops.take(self.bins, keras.ops.argmax(y_pred, axis=-1))
        super().update_state(keras.ops.cast(keras.ops.equal(predicted, keras.ops.reshape(y_true, (-1,))), "float32"))
