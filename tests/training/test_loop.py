"""The loop: stopped and continued equals never stopped; set back equals fresh; NaN stops it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from agerepro.config.schema import Adam, Backbone, Classification, CrossEntropy, Machine
from agerepro.errors import UserError
from agerepro.models.build import build_network
from agerepro.training.checkpoint import Checkpoint, TrainState, load_checkpoint
from agerepro.training.loop import EpochLog, TensorBoard, Trainer
from tests.training.test_grid import Silent

TRAIN, VALIDATION = np.arange(40), np.arange(40, 48)


class Killed(Exception):
    """Stands for SIGKILL at the end of an epoch."""


def fit(trainer: Trainer, tiny, path: Path, *, kill_after: int | None = None) -> Checkpoint:
    def on_epoch(done: EpochLog) -> None:
        if done.epoch == kill_after:
            raise Killed

    ticks = iter(range(0, 100_000, 1000))  # every epoch seems long, so every epoch is saved
    return trainer.fit(
        tiny.examples(TRAIN),
        tiny.examples(VALIDATION),
        rng_key=(0, "tiny"),
        checkpoint=path,
        on_epoch=on_epoch,
        collect=lambda: {"test": trainer.outputs(tiny.source, VALIDATION)},
        clock=lambda: float(next(ticks)),
    )


def assert_same(one: Checkpoint, other: Checkpoint) -> None:
    for mine, theirs in zip(
        (*one.variables.model, *one.variables.optimizer), (*other.variables.model, *other.variables.optimizer), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    assert one.history == other.history
    np.testing.assert_array_equal(one.extra["test"], other.extra["test"])


@pytest.mark.parametrize("kill_after", [1, 3])
def test_stopped_and_continued_equals_never_stopped_and_a_reset_model_equals_a_fresh_one(tiny, tmp_path: Path, kill_after: int) -> None:
    trainer = tiny.trainer()
    undisturbed = fit(trainer, tiny, tmp_path / "whole.npz")
    with pytest.raises(Killed):
        fit(trainer, tiny, tmp_path / "cut.npz", kill_after=kill_after)
    assert load_checkpoint(tmp_path / "cut.npz").epoch == kill_after  # type: ignore[union-attr]
    assert_same(fit(trainer, tiny, tmp_path / "cut.npz"), undisturbed)
    assert undisturbed.extra["test"].shape == (4, 8, 4)
    assert len(undisturbed.history) == 4


def test_it_learns_and_halves_its_rate_on_a_plateau(tiny, tmp_path: Path) -> None:
    stage = dataclasses.replace(tiny.stage, epochs=12)
    done = fit(tiny.trainer(stage), tiny, tmp_path / "c.npz")
    assert done.history[-1]["mae"] < 0.6 * done.history[0]["mae"]
    rates = [row["learning_rate"] for row in done.history]
    losses = [row["validation_loss"] for row in done.history]
    best, expected = np.inf, 0.003
    for rate, loss in zip(rates, losses, strict=True):  # patience 1: any epoch without a gain halves
        assert rate == pytest.approx(expected)
        expected *= 1.0 if loss < best - 1e-4 else 0.5
        best = min(best, loss) if loss < best - 1e-4 else best


def test_a_loss_that_is_no_number_stops_with_what_to_do_and_keeps_the_last_good_state(tiny, tmp_path: Path) -> None:
    trainer = tiny.trainer()
    good = fit(tiny.trainer(dataclasses.replace(tiny.stage, epochs=1)), tiny, tmp_path / "one.npz")
    path = tmp_path / "c.npz"

    def spoil(done: EpochLog) -> None:
        if done.epoch == 1:
            trainer.model.get_layer("logits").kernel.assign(np.full((8, 4), np.nan))

    with pytest.raises(UserError, match=r"loss of stage 'tiny' became nan in epoch 2. Lower its learning rate \(now 0.003\)"):
        trainer.fit(
            tiny.examples(TRAIN),
            tiny.examples(VALIDATION),
            rng_key=(0, "tiny"),
            checkpoint=path,
            on_epoch=spoil,
            collect=lambda: {"test": trainer.outputs(tiny.source, VALIDATION)},
        )
    kept = load_checkpoint(path)
    assert kept is not None and kept.epoch == 1
    assert_same(kept, good)


def test_best_validation_is_what_is_left_in_the_model(tiny, tmp_path: Path) -> None:
    stage = dataclasses.replace(
        tiny.stage, checkpoint_selection="best_validation", optimizer=Adam(learning_rate=0.02), schedule=None, epochs=6
    )
    trainer = tiny.trainer(stage)
    done = fit(trainer, tiny, tmp_path / "c.npz")
    assert trainer.loss_of(tiny.examples(VALIDATION)) == pytest.approx(min(row["validation_loss"] for row in done.history), rel=1e-5)


def test_a_damaged_checkpoint_counts_as_none(tiny, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    fit(tiny.trainer(dataclasses.replace(tiny.stage, epochs=1)), tiny, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert load_checkpoint(path) is None
    path.write_bytes(b"")
    assert load_checkpoint(path) is None and load_checkpoint(tmp_path / "none.npz") is None


def test_weights_of_examples_scale_the_loss(tiny) -> None:
    trainer = tiny.trainer()
    rows = np.arange(8)
    logits = trainer.outputs(tiny.source, rows).astype(np.float64)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    each = -log_p[np.arange(8), np.tile(np.arange(4), 2)]
    weights = np.arange(1, 9, dtype=np.float32)
    examples = dataclasses.replace(tiny.examples(rows), weights=weights)
    assert trainer.loss_of(examples) == pytest.approx(np.average(each, weights=weights), rel=1e-5)


def test_outputs_do_not_depend_on_company(tiny) -> None:
    trainer = tiny.trainer()
    together = trainer.outputs(tiny.source, np.arange(48))
    np.testing.assert_array_equal(trainer.outputs(tiny.source, np.array([7]))[0], together[7])
    assert trainer.outputs(tiny.source, np.arange(0)).shape == (0, 4)


def test_setting_back_restores_moments_step_and_rate_too(tiny, tmp_path: Path) -> None:
    trainer = tiny.trainer()
    fit(trainer, tiny, tmp_path / "c.npz")
    trainer.start.assign_to(trainer.model)
    again = TrainState.of(trainer.model)
    for one, other in zip((*again.model, *again.optimizer), (*trainer.start.model, *trainer.start.optimizer), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_backbone_takes_smaller_steps_than_the_head(tiny, tmp_path: Path) -> None:
    share = 2.0**-7
    one_step = dataclasses.replace(tiny.stage, epochs=1, batch_size=40, optimizer=Adam(learning_rate=0.01, backbone_lr_multiplier=share))
    trainer = tiny.trainer(one_step)
    before = {v.path: v.numpy() for v in trainer.model.trainable_variables}
    fit(trainer, tiny, tmp_path / "checkpoint.npz")
    for layer in trainer.model.layers:
        for variable in layer.trainable_variables:
            # Adam's first step is its rate times the gradient's sign, wherever the gradient is well above epsilon.
            step = np.abs(variable.numpy() - before[variable.path]).max()
            assert step == pytest.approx(0.01 if layer.name in ("dense1", "logits") else 0.01 * share, rel=0.02), variable.path


@pytest.mark.parametrize(
    "machine",
    [Machine(precision="mixed_float16"), Machine(precision="mixed_bfloat16"), Machine(xla=True)],
    ids=["float16", "bfloat16", "xla"],
)
def test_mixed_precision_and_xla_train_to_finite_losses_in_float32(tiny, tmp_path: Path, machine: Machine) -> None:
    network = build_network(
        Backbone(name="vgg16", width=0.0625, dense=(8,)), Classification(), outputs=4, size=32, precision=machine.precision, seed=1
    )
    stage = dataclasses.replace(tiny.stage, epochs=2)
    trainer = Trainer(network.full, stage, (CrossEntropy(),), np.array([10.0, 20, 30, 40]), machine, threads=2)
    before = [np.asarray(weight).copy() for weight in network.full.trainable_weights]
    done = fit(trainer, tiny, tmp_path / "c.npz")
    assert all(np.isfinite(row["loss"]) and np.isfinite(row["validation_loss"]) for row in done.history)
    assert done.extra["test"].dtype == np.float32
    assert any(not np.array_equal(np.asarray(weight), old) for weight, old in zip(network.full.trainable_weights, before, strict=True))


def logged(folder: Path) -> dict[tuple[str, int], float]:
    found = {}
    for file in folder.glob("events.out.tfevents.*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found |= {(value.tag, event.step): float(tf.make_ndarray(value.tensor)) for value in event.summary.value}
    return found


def row(epoch: int, loss: float) -> dict[str, float]:
    return {"epoch": epoch, "loss": loss, "validation_loss": math.nan}


def test_every_epoch_is_logged_once_also_after_a_restart_and_missing_numbers_are_left_out(tmp_path: Path) -> None:
    history = (row(1, 3.0), row(2, 2.5), row(3, 2.25))
    for first in (0, 1):  # the second process continues after the first epoch, and is told the whole history
        board, then = TensorBoard(tmp_path, Silent()), Silent()
        board.then = then
        for done in range(first + 1, 4):
            board.epoch("fgnet", EpochLog(done, 3, history[:done], 0.0), fold=7, folds_done=0, folds=82)
        assert then.epochs == 3 - first and not board.writers
    assert logged(tmp_path / "fgnet" / "fold-007") == pytest.approx({("loss", 1): 3.0, ("loss", 2): 2.5, ("loss", 3): 2.25})
    assert len(list((tmp_path / "fgnet" / "fold-007").iterdir())) == 1
