"""Two outputs of one network train together: a task of a softmax and a number, made here by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from agerepro import stopping
from agerepro.config.learning import Classification, CrossEntropy, SquaredError
from agerepro.config.schema import Backbone, Machine, Stage
from agerepro.errors import Interrupted
from agerepro.models.build import Network, build_network
from agerepro.tasks.decode import decode, posterior
from agerepro.tasks.losses import LossFunction, total_loss
from agerepro.tasks.task import AgeMAE, Meaning, Outputs, Task
from agerepro.training.checkpoint import TrainState, load_checkpoint
from agerepro.training.loop import Trainer
from agerepro.training.pipeline import Examples
from tests.training.conftest import AGES, Tiny
from tests.training.test_loop import Killed, assert_same_state, fit

WEIGHT = 0.01  # of the squared error, so that both losses count


@dataclasses.dataclass(frozen=True)
class Both(Task):
    """The age by classes, and the age as a number in another output."""

    bins: np.ndarray = dataclasses.field(default_factory=lambda: AGES)

    @property
    def main(self) -> str:
        return "logits"

    @property
    def outputs(self) -> dict[str, int]:
        return {"logits": len(self.bins), "years": 1}

    @property
    def stands_for(self) -> Meaning:
        return "age"

    def targets(self, photos: pd.DataFrame) -> dict[str, np.ndarray]:
        ages = photos["age"].to_numpy(np.float32)
        return {"logits": ages, "years": ages}

    def losses(self) -> dict[str, LossFunction]:
        return {"logits": total_loss((CrossEntropy(),), self.bins), "years": total_loss((SquaredError(WEIGHT),), self.bins)}

    def metrics(self) -> dict[str, keras.metrics.Mean]:
        return {"logits": AgeMAE(self.bins), "years": AgeMAE(np.empty(0, np.float32))}

    def answer(self, outputs: Outputs) -> np.ndarray:
        return posterior(outputs["logits"])

    def columns(self, answers: np.ndarray, photos: pd.DataFrame, *, how: str) -> dict[str, np.ndarray]:
        return decode(answers, self.bins, how)


@dataclasses.dataclass(frozen=True)
class Distributed(Both):
    """The same, but each age is given as a distribution over the classes, all of it in one."""

    @property
    def target_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"logits": (len(self.bins),), "years": ()}

    def targets(self, photos: pd.DataFrame) -> dict[str, np.ndarray]:
        ages = super().targets(photos)["years"]
        return {"logits": (ages[:, None] == self.bins).astype(np.float32), "years": ages}

    def losses(self) -> dict[str, LossFunction]:
        return super().losses() | {"logits": lambda target, outputs: -keras.ops.sum(target * keras.ops.log_softmax(outputs), axis=-1)}

    def metrics(self) -> dict[str, keras.metrics.Mean]:
        return super().metrics() | {"logits": keras.metrics.CategoricalAccuracy(name="accuracy", dtype="float32")}


@dataclasses.dataclass(frozen=True)
class TwoOutputs:
    """What `fit` of test_loop asks of a problem, with targets for both outputs."""

    tiny: Tiny
    task: Task = dataclasses.field(default_factory=Both)

    @property
    def source(self) -> object:
        return self.tiny.source

    def examples(self, rows: np.ndarray) -> Examples:
        targets = self.task.targets(pd.DataFrame({"age": self.tiny.targets}))
        return Examples(self.tiny.source, rows, {name: values[rows] for name, values in targets.items()}, np.ones(len(rows), np.float32))

    def network(self) -> Network:
        backbone = Backbone(name="vgg16", width=0.0625, dense=(8,))
        return build_network(backbone, Classification(), outputs=self.task.outputs, size=32, seed=3)

    def trainer(self, stage: Stage | None = None) -> Trainer:
        return Trainer(self.network().full, stage or self.tiny.stage, self.task, Machine(), threads=2)


@pytest.fixture
def both(tiny: Tiny) -> TwoOutputs:
    return TwoOutputs(tiny)


def test_the_history_names_both_losses_and_they_add_up(both: TwoOutputs, tmp_path: Path) -> None:
    # Batches of one size: Keras weighs the batches of an output's loss alike, and those of their sum by their photos.
    history = fit(both.trainer(dataclasses.replace(both.tiny.stage, batch_size=8)), both, tmp_path / "c.npz").history
    assert len(history) == 4
    for row in history:
        assert {"loss", "logits_loss", "years_loss", "logits_mae", "years_mae", "validation_loss"} <= row.keys()
        assert row["loss"] == pytest.approx(row["logits_loss"] + row["years_loss"], rel=1e-5)
        assert all(np.isfinite(value) for value in row.values())
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["logits_mae"] != history[-1]["years_mae"]  # each output has its own


def test_a_target_may_be_a_distribution_and_trains_as_its_class_does(both: TwoOutputs, tmp_path: Path) -> None:
    histories = [
        fit(problem.trainer(), problem, tmp_path / f"{name}.npz").history
        for name, problem in (("class", both), ("distribution", TwoOutputs(both.tiny, Distributed())))
    ]
    for by_class, by_distribution in zip(*histories, strict=True):
        for loss in ("loss", "logits_loss", "years_loss", "validation_loss"):
            assert by_distribution[loss] == pytest.approx(by_class[loss], rel=1e-4)


def test_the_loss_is_the_sum_of_both_outputs_by_hand(both: TwoOutputs) -> None:
    trainer, rows = both.trainer(), np.arange(8)
    outputs = trainer.outputs(both.source, rows)
    assert {name: values.shape for name, values in outputs.items()} == {"logits": (8, 4), "years": (8, 1)}
    ages, logits = both.tiny.targets[rows], outputs["logits"].astype(np.float64)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    losses = -log_p[np.arange(8), np.searchsorted(AGES, ages)] + WEIGHT * (outputs["years"][:, 0] - ages) ** 2
    weights = np.arange(1, 9, dtype=np.float32)
    examples = dataclasses.replace(both.examples(rows), weights=weights)
    assert trainer.loss_of(examples) == pytest.approx(np.average(losses, weights=weights), rel=1e-5)


def test_both_outputs_and_what_they_share_are_trained(both: TwoOutputs, tmp_path: Path) -> None:
    trainer = both.trainer(dataclasses.replace(both.tiny.stage, epochs=1))
    before = TrainState.of(trainer.model).model
    fit(trainer, both, tmp_path / "c.npz")
    after = TrainState.of(trainer.model).model
    assert all(not np.array_equal(after[path], before[path]) for path in ("logits/kernel", "years/kernel", "dense1/kernel"))


def test_stopped_after_an_epoch_and_continued_equals_never_stopped(both: TwoOutputs, tmp_path: Path) -> None:
    trainer = both.trainer()
    whole = fit(trainer, both, tmp_path / "whole.npz")
    state = TrainState.of(trainer.model)
    with pytest.raises(Killed):
        fit(trainer, both, tmp_path / "killed.npz", kill_after=2)
    assert load_checkpoint(tmp_path / "killed.npz").epoch == 2  # type: ignore[union-attr]
    trainer = both.trainer()  # as in another process
    resumed = fit(trainer, both, tmp_path / "killed.npz")
    assert resumed.history == whole.history
    assert_same_state(TrainState.of(trainer.model), state)
    np.testing.assert_array_equal(resumed.eval_outputs["test"], whole.eval_outputs["test"])


def test_stopped_inside_an_epoch_and_continued_equals_never_stopped(both: TwoOutputs, tmp_path: Path, monkeypatch) -> None:
    trainer, received, path = both.trainer(), [], tmp_path / "stopped.npz"
    whole = fit(trainer, both, tmp_path / "whole.npz")
    state = TrainState.of(trainer.model)
    monkeypatch.setattr(stopping, "_received", received)

    def stop_at(batch: int) -> Callable[[int], object]:
        return lambda number: received.append("SIGTERM") if number == batch else None

    with pytest.raises(Interrupted, match="SIGTERM"):
        fit(trainer, both, path, epoch_s=1, on_batch=stop_at(4))  # in the second of three batches of the second epoch
    received.clear()
    saved = load_checkpoint(path)
    assert saved is not None and (saved.epoch, saved.batch) == (1, 2)
    assert {"logits_loss", "years_loss", "logits_mae", "years_mae"} <= saved.logs.keys()  # sums of both go on where they were
    trainer = both.trainer()
    resumed = fit(trainer, both, path, epoch_s=1)
    assert resumed.history == whole.history
    assert_same_state(TrainState.of(trainer.model), state)
