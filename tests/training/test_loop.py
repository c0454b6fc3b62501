"""The loop: stopped and continued equals never stopped; set back equals fresh; traced once; NaN stops it at its batch."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from agerepro import stopping
from agerepro.config.learning import SGD, Adam, Classification, Cosine, CrossEntropy, RMSprop, Steps
from agerepro.config.schema import Backbone, Machine
from agerepro.errors import Interrupted, UserError
from agerepro.models.build import build_network
from agerepro.models.layers import BatchNorm, Dropout
from agerepro.models.preprocessing import Preprocess
from agerepro.models.weights import weights_as_arrays
from agerepro.tasks.losses import total_loss
from agerepro.training import loop
from agerepro.training.checkpoint import TrainState, load_checkpoint
from agerepro.training.loop import Diverged, TotalLoss, Trainer, TrainResult
from agerepro.training.pipeline import Examples
from agerepro.training.reporting import EpochLog, TensorBoard
from tests.training.conftest import TASK
from tests.training.test_grid import Silent

TRAIN, VALIDATION = np.arange(40), np.arange(40, 48)
FLOAT16 = Machine(precision="mixed_float16")


class Killed(Exception):
    """Stands for SIGKILL at the end of an epoch."""


def fit(
    trainer: Trainer,
    tiny,
    path: Path,
    *,
    kill_after: int | None = None,
    epoch_s: float = 1000,
    on_batch: Callable[[int], object] | None = None,
) -> TrainResult:
    """Train, every epoch seeming to last `epoch_s`: with 1000 every epoch is saved. on_batch gets the batch of all epochs, from 0."""
    now, batches = [0.0], itertools.count()

    def on_epoch(log: EpochLog) -> None:
        if log.epoch == kill_after:
            raise Killed

    def test() -> dict[str, np.ndarray]:
        now[0] += epoch_s
        return {"test": trainer.outputs(tiny.source, VALIDATION)["logits"]}

    class Batches(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            if on_batch:
                on_batch(next(batches))

    with pytest.MonkeyPatch.context() as patched:
        keras_fit = trainer.model.fit
        patched.setattr(trainer.model, "fit", lambda *data, callbacks, **more: keras_fit(*data, callbacks=[*callbacks, Batches()], **more))
        return trainer.fit(
            tiny.examples(TRAIN),
            tiny.examples(VALIDATION),
            rng_key=(0, "tiny"),
            checkpoint=path,
            on_epoch=on_epoch,
            eval_outputs=test,
            clock=lambda: now[0],
        )


def assert_same_state(state: TrainState, other: TrainState) -> None:
    for values, others in ((state.model, other.model), (state.optimizer, other.optimizer)):
        assert values.keys() == others.keys()
        for path, value in values.items():
            np.testing.assert_array_equal(value, others[path])


def with_batch_norm_and_dropout() -> keras.Model:
    """Moving averages and the seed of dropout must be saved as well as weights."""
    pixels = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 5, strides=4)(Preprocess("rgb", (127.5, 127.5, 127.5), 64.0)(pixels))
    x = keras.layers.ReLU()(BatchNorm()(x))
    x = keras.layers.Dropout(0.25, seed=1)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(pixels, {"logits": keras.layers.Dense(4, name="logits")(x)})


def in_half_precision() -> keras.Model:
    backbone = Backbone(name="vgg16", width=0.0625, dense=(8,))
    return build_network(backbone, Classification(), outputs={"logits": 4}, size=32, precision=FLOAT16.precision, seed=1).full


def with_dropout() -> keras.Model:
    backbone = Backbone(name="vgg16", width=0.0625, dense=(32, 16), dropout=0.5)
    return build_network(backbone, Classification(), outputs={"logits": 4}, size=32, seed=1).full


def resumable(kind: str, tiny) -> Trainer:
    if kind == "best_validation":
        # The best epoch is not the last, so it must be found in the checkpoint.
        stage = dataclasses.replace(tiny.stage, checkpoint_selection="best_validation", optimizer=Adam(learning_rate=0.05), schedule=None)
        return tiny.trainer(stage)
    if kind == "batch_norm":
        return tiny.trainer(model=with_batch_norm_and_dropout())
    if kind == "dropout":
        return tiny.trainer(model=with_dropout())
    if kind == "sgd_steps":
        return tiny.trainer(dataclasses.replace(tiny.stage, optimizer=SGD(0.001, momentum=0.9), schedule=Steps(at=(1, 3))))
    if kind == "rmsprop_cosine":
        optimizer = RMSprop(0.001, momentum=0.5, backbone_lr_multiplier=0.5)
        return tiny.trainer(dataclasses.replace(tiny.stage, optimizer=optimizer, schedule=Cosine()))
    if kind == "mixed_float16":
        return Trainer(in_half_precision(), tiny.stage, TASK, FLOAT16, threads=2)
    return tiny.trainer()


@pytest.mark.parametrize("kind", ["plain", "batch_norm", "best_validation", "mixed_float16", "sgd_steps"])
def test_stopped_and_continued_equals_never_stopped_and_a_reset_model_equals_a_fresh_one(tiny, tmp_path: Path, kind: str) -> None:
    trainer = resumable(kind, tiny)
    whole = fit(trainer, tiny, tmp_path / "whole.npz")
    state = TrainState.of(trainer.model)
    assert whole.eval_outputs["test"].shape == (4, 8, 4) and len(whole.history) == 4
    if kind == "best_validation":
        assert np.argmin([row["validation_loss"] for row in whole.history]) < 3
    for kill_after in (1, 3, 4):
        path = tmp_path / f"killed-{kill_after}.npz"
        with pytest.raises(Killed):
            fit(trainer, tiny, path, kill_after=kill_after)
        assert load_checkpoint(path).epoch == kill_after  # type: ignore[union-attr]
        resumed = fit(trainer, tiny, path)
        if kind != "best_validation":
            assert_same_state(TrainState.of(trainer.model), state)
        for variable in trainer.model.variables:
            np.testing.assert_array_equal(variable.numpy(), state.model[variable.path])
        assert resumed.history == whole.history
        np.testing.assert_array_equal(resumed.eval_outputs["test"], whole.eval_outputs["test"])


@pytest.mark.parametrize("kind", ["plain", "dropout", "batch_norm", "best_validation", "rmsprop_cosine"])
def test_stopped_at_any_batch_it_saves_and_continues_to_the_same_bits(tiny, tmp_path: Path, monkeypatch, kind: str) -> None:
    trainer = resumable(kind, tiny)
    whole = fit(trainer, tiny, tmp_path / "whole.npz")
    state = TrainState.of(trainer.model)
    path, received = tmp_path / "stopped.npz", []
    monkeypatch.setattr(stopping, "_received", received)
    left = [5, 3, 1]  # in the second epoch's second batch; then in the third epoch's last; then at once in the fourth
    for batch in left:

        def stop(number: int, last: int = batch) -> None:
            if number == last - 1:
                received.append("SIGTERM")

        with pytest.raises(Interrupted, match="SIGTERM"):
            fit(trainer, tiny, path, epoch_s=1, on_batch=stop)
        received.clear()
        trainer.initial_state.assign_to(trainer.model)  # nothing is left in memory
    if kind in ("plain", "dropout"):
        trainer = resumable(kind, tiny)  # as in another process, where nothing has been traced yet
    resumed = fit(trainer, tiny, path, epoch_s=1)
    assert resumed.history == whole.history
    assert_same_state(TrainState.of(trainer.model), state)
    np.testing.assert_array_equal(resumed.eval_outputs["test"], whole.eval_outputs["test"])


def test_asked_to_stop_while_validating_it_saves_what_the_epoch_has_trained(tiny, tmp_path: Path, monkeypatch) -> None:
    trainer, path, received = tiny.trainer(), tmp_path / "c.npz", []
    whole = fit(trainer, tiny, tmp_path / "whole.npz")
    monkeypatch.setattr(stopping, "_received", received)
    loss_of = trainer.loss_of

    def asked(examples, *, on_batch):
        received.append("SIGUSR1")
        return loss_of(examples, on_batch=on_batch)

    with monkeypatch.context() as patched, pytest.raises(Interrupted, match="SIGUSR1"):
        patched.setattr(trainer, "loss_of", asked)
        fit(trainer, tiny, path, epoch_s=1)
    received.clear()
    saved = load_checkpoint(path)
    assert saved is not None and (saved.epoch, saved.batch) == (0, 3)
    batches: list[int] = []
    assert fit(trainer, tiny, path, epoch_s=1, on_batch=batches.append).history == whole.history
    assert len(batches) == 9  # none of the first epoch's three is trained again


def test_masks_of_a_fold_depend_on_the_fold_and_the_step_whatever_was_trained_before(tiny, tmp_path: Path) -> None:
    def fit_fold(trainer: Trainer, fold: int) -> tuple[TrainState, float]:
        examples = [tiny.examples(rows) for rows in (TRAIN, VALIDATION)]
        path = tmp_path / f"{id(trainer)}-{fold}.npz"
        result = trainer.fit(*examples, rng_key=(0, "tiny", fold), checkpoint=path, on_epoch=lambda log: None)
        return TrainState.of(trainer.model), result.history[0]["loss"]

    stage = dataclasses.replace(tiny.stage, epochs=2)
    trainer = tiny.trainer(stage, with_dropout())
    in_a_row = [fit_fold(trainer, fold) for fold in (0, 1)]
    alone = fit_fold(tiny.trainer(stage, with_dropout()), 1)
    assert_same_state(in_a_row[1][0], alone[0])
    assert in_a_row[1][1] == alone[1]
    masks = [[values for path, values in state.model.items() if "masks" in path] for state, _ in (*in_a_row, alone)]
    for fold in masks:
        assert [count for _, count in fold] == [6, 6]  # a mask a layer and step, and none in a test
    assert len({int(seed) for fold in masks[:2] for seed, _ in fold}) == 4  # every layer of every fold has its own


def test_it_saves_inside_an_epoch_that_lasts_and_never_at_more_than_its_share_of_the_time(tiny, tmp_path: Path, monkeypatch) -> None:
    trainer, saved, now = tiny.trainer(), [], [0.0]
    monkeypatch.setattr(loop, "save_checkpoint", lambda path, state: saved.append((state.epoch, state.batch)) or now.append(now.pop() + 10))

    class Batch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            now[0] += 40  # seconds; saving takes 10, so it may be done every 200

    keras_fit = trainer.model.fit
    monkeypatch.setattr(trainer.model, "fit", lambda *data, callbacks, **more: keras_fit(*data, callbacks=[*callbacks, Batch()], **more))
    trainer.fit(
        tiny.examples(TRAIN),
        tiny.examples(VALIDATION),
        rng_key=(0, "tiny"),
        checkpoint=tmp_path / "c.npz",
        on_epoch=lambda log: None,
        clock=lambda: now[0],
    )
    assert saved == [(0, 1), (1, 3), (3, 2)]  # after 40 s, then after 5 batches of 40 s each


def test_a_checkpoint_of_another_network_is_set_aside_and_said(tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.npz"
    fit(tiny.trainer(model=with_batch_norm_and_dropout()), tiny, path)
    trainer = tiny.trainer()
    assert len(fit(trainer, tiny, path).history) == 4
    assert (tmp_path / "c.npz.corrupt").is_file() and "c.npz" in capsys.readouterr().err


def test_folds_and_epochs_are_traced_once(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras runs a loss's Python only while it traces."""
    traced = []
    call = TotalLoss.call
    monkeypatch.setattr(TotalLoss, "call", lambda self, y_true, y_pred: traced.append(y_pred.shape) or call(self, y_true, y_pred))
    trainer = tiny.trainer()
    fit(trainer, tiny, tmp_path / "fold-0.npz")
    first_fold = len(traced)
    for fold in (1, 2):
        fit(trainer, tiny, tmp_path / f"fold-{fold}.npz")
    trainer.outputs(tiny.source, np.arange(13))
    assert first_fold > 0 and len(traced) == first_fold
    assert trainer.model.predict_function.experimental_get_tracing_count() == 1


def test_variables_are_copied_to_the_host_only_when_they_are_saved(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, copies, of = tiny.trainer(), [], TrainState.of
    monkeypatch.setattr(loop.TrainState, "of", lambda model: copies.append(model) or of(model))
    fit(trainer, tiny, tmp_path / "quick.npz", epoch_s=1)
    assert not copies and not (tmp_path / "quick.npz").exists()
    fit(trainer, tiny, tmp_path / "slow.npz")
    assert len(copies) == 4


def test_it_learns_and_halves_its_rate_on_a_plateau(tiny, tmp_path: Path) -> None:
    stage = dataclasses.replace(tiny.stage, epochs=12)
    history = fit(tiny.trainer(stage), tiny, tmp_path / "c.npz").history
    assert history[-1]["mae"] < 0.6 * history[0]["mae"]
    rates = [row["learning_rate"] for row in history]
    losses = [row["validation_loss"] for row in history]
    best, expected = np.inf, 0.003
    for rate, loss in zip(rates, losses, strict=True):  # patience 1: any epoch without a gain halves
        assert rate == pytest.approx(expected)
        expected *= 1.0 if loss < best - 1e-4 else 0.5
        best = min(best, loss) if loss < best - 1e-4 else best


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("sgd_steps", [0.001, 0.0001, 0.0001, 0.00001]),
        ("rmsprop_cosine", [0.001, 0.0005 + 0.0005 * 0.5**0.5, 0.0005, 0.0005 - 0.0005 * 0.5**0.5]),
    ],
)
def test_a_schedule_that_asks_no_validation_sets_the_rate_without_one(tiny, tmp_path: Path, kind: str, expected: list[float]) -> None:
    train, nothing = tiny.examples(TRAIN), tiny.examples(VALIDATION[:0])
    result = resumable(kind, tiny).fit(train, nothing, rng_key=(0, "tiny"), checkpoint=tmp_path / "c.npz", on_epoch=lambda log: None)
    assert [row["learning_rate"] for row in result.history] == pytest.approx(expected)


@pytest.mark.parametrize("change", [{}, {"schedule": None, "checkpoint_selection": "best_validation"}])
def test_what_chooses_by_the_validation_loss_is_refused_where_no_photo_validates(tiny, tmp_path: Path, change: dict[str, object]) -> None:
    nothing, place = tiny.examples(VALIDATION[:0]), tmp_path / "c.npz"
    for epochs in (0, 4):  # what is only tested chooses nothing
        trainer = tiny.trainer(dataclasses.replace(tiny.stage, epochs=epochs, **change))
        with pytest.raises(UserError, match="no photo validates") if epochs else contextlib.nullcontext():
            trainer.fit(tiny.examples(TRAIN), nothing, rng_key=(0, "tiny"), checkpoint=place, on_epoch=lambda log: None)


def spoil(model: keras.Model) -> None:
    model.get_layer("logits").kernel.assign(np.full((8, 4), np.nan))


@pytest.mark.parametrize("saved", [True, False])
def test_a_loss_that_is_no_number_stops_at_its_batch_and_says_what_is_kept(tiny, tmp_path: Path, saved: bool) -> None:
    trainer, path = tiny.trainer(), tmp_path / "c.npz"
    batches: list[int] = []
    fit(tiny.trainer(dataclasses.replace(tiny.stage, epochs=1)), tiny, tmp_path / "first.npz")
    first = load_checkpoint(tmp_path / "first.npz")

    def spoil_second(batch: int) -> None:  # before the second of three batches of the second epoch
        batches.append(batch)
        if batch == 4:
            spoil(trainer.model)

    with pytest.raises(Diverged) as error:
        fit(trainer, tiny, path, epoch_s=1000 if saved else 1, on_batch=spoil_second)
    facts = ("'tiny'", "nan", "epoch 2", "batch 2", "0.003", *([str(path), "epoch 1"] if saved else []))
    assert all(fact in str(error.value) for fact in facts), error.value
    assert batches == [0, 1, 2, 3, 4]
    state = load_checkpoint(path)
    assert (state is not None) == saved
    if state is not None and first is not None:
        assert state.epoch == 1 and state.history == first.history
        assert_same_state(state.variables, first.variables)


def test_best_validation_is_what_is_left_in_the_model(tiny, tmp_path: Path) -> None:
    stage = dataclasses.replace(
        tiny.stage, checkpoint_selection="best_validation", optimizer=Adam(learning_rate=0.05), schedule=None, epochs=6
    )
    trainer = tiny.trainer(stage)
    losses = [row["validation_loss"] for row in fit(trainer, tiny, tmp_path / "c.npz").history]
    assert np.argmin(losses) < 5
    assert trainer.loss_of(tiny.examples(VALIDATION)) == min(losses)


def test_a_validation_loss_that_is_no_number_hides_no_later_best(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = tiny.trainer(dataclasses.replace(tiny.stage, checkpoint_selection="best_validation", schedule=None))
    losses, weights = iter([math.nan, 2.0, 1.0, 3.0]), []
    monkeypatch.setattr(trainer, "loss_of", lambda examples, on_batch: weights.append(TrainState.of(trainer.model).model) or next(losses))
    fit(trainer, tiny, tmp_path / "c.npz")
    for variable in trainer.model.variables:
        np.testing.assert_array_equal(variable.numpy(), weights[2][variable.path])


@pytest.mark.parametrize(("count", "outputs"), [(1, 4), (64, 4), (150, 4), (333, 100), (200, 1)])
def test_the_loss_by_batches_is_the_loss_of_all_outputs_to_the_last_digit(tiny, count: int, outputs: int) -> None:
    rng = np.random.default_rng(count)
    logits = rng.normal(0, 5, (count, outputs)).astype(np.float32)
    bins = np.arange(outputs, dtype=np.float32)
    trainer = tiny.trainer()
    trainer.losses = {"logits": total_loss((CrossEntropy(),), bins)}
    trainer.model.predict_on_batch = lambda rows: {"logits": logits[rows.astype(int)]}

    class Rows:
        def batch(self, rows: np.ndarray, epoch: int) -> np.ndarray:
            return rows

    targets, weights = rng.choice(bins, count), rng.uniform(0.2, 2, count).astype(np.float32)
    examples = Examples(Rows(), np.arange(count), {"logits": targets}, weights)
    together = np.asarray(trainer.losses["logits"](targets, logits))
    assert trainer.loss_of(examples) == float(np.average(together, weights=weights))


def test_weights_of_examples_scale_the_loss(tiny) -> None:
    trainer = tiny.trainer()
    rows = np.arange(8)
    logits = trainer.outputs(tiny.source, rows)["logits"].astype(np.float64)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    losses = -log_p[np.arange(8), np.tile(np.arange(4), 2)]
    weights = np.arange(1, 9, dtype=np.float32)
    examples = dataclasses.replace(tiny.examples(rows), weights=weights)
    assert trainer.loss_of(examples) == pytest.approx(np.average(losses, weights=weights), rel=1e-5)


def test_outputs_do_not_depend_on_company(tiny) -> None:
    trainer = tiny.trainer()
    together = trainer.outputs(tiny.source, np.arange(48))["logits"]
    np.testing.assert_array_equal(trainer.outputs(tiny.source, np.array([7]))["logits"][0], together[7])
    assert trainer.outputs(tiny.source, np.arange(0))["logits"].shape == (0, 4)


def test_setting_back_restores_moments_step_and_rate_too(tiny, tmp_path: Path) -> None:
    trainer = tiny.trainer()
    fit(trainer, tiny, tmp_path / "c.npz")
    trainer.initial_state.assign_to(trainer.model)
    assert_same_state(TrainState.of(trainer.model), trainer.initial_state)


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
    ("machine", "close", "dropout"),
    [
        (FLOAT16, 0.01, 0.0),
        (Machine(precision="mixed_bfloat16"), 0.02, 0.0),
        (Machine(xla=True), 1e-3, 0.0),
        (FLOAT16, 0.01, 0.5),
    ],
    ids=["float16", "bfloat16", "xla", "float16 with dropout"],
)
def test_mixed_precision_and_xla_train_nearly_as_float32_does(tiny, tmp_path: Path, machine: Machine, close: float, dropout: float) -> None:
    """Over one epoch: later the small differences grow."""
    rows, steps = [], []
    for setting in (Machine(), machine):
        backbone = Backbone(name="vgg16", width=0.0625, dense=(8,), dropout=dropout)
        network = build_network(backbone, Classification(), outputs={"logits": 4}, size=32, precision=setting.precision, seed=1)
        trainer = Trainer(network.full, dataclasses.replace(tiny.stage, epochs=1), TASK, setting, threads=2)
        before = weights_as_arrays(network.full)
        result = fit(trainer, tiny, tmp_path / f"{len(rows)}.npz")
        assert result.eval_outputs["test"].dtype == np.float32
        rows.append(result.history[0])
        steps.append({name: array - before[name] for name, array in weights_as_arrays(network.full).items()})
    assert rows[1] == pytest.approx(rows[0], rel=close)
    assert all(step.dtype == np.float32 and step.any() for step in steps[1].values())
    usual, other = (np.concatenate([step.ravel() for step in by_name.values()]) for by_name in steps)
    assert np.corrcoef(usual, other)[0, 1] > 0.8


def test_xla_drops_by_masks_that_can_be_repeated(tiny, tmp_path: Path) -> None:
    """They are not those without XLA, whose generator counts in another order."""
    pixels = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(Preprocess("rgb", (127.5, 127.5, 127.5), 64.0)(pixels))
    x = Dropout(0.5, seed=1, name="dropout1")(keras.layers.Dense(32, activation="relu", name="dense1")(x))
    trainer = Trainer(
        keras.Model(pixels, {"logits": keras.layers.Dense(4, name="logits")(x)}), tiny.stage, TASK, Machine(xla=True), threads=2
    )
    histories = [fit(trainer, tiny, tmp_path / f"{number}.npz").history for number in range(2)]
    assert histories[0] == histories[1] and all(math.isfinite(row["loss"]) for row in histories[0])
    assert int(np.asarray(trainer.model.get_layer("dropout1").masks.state)[1]) == 12


def logged(folder: Path) -> dict[tuple[str, int], float]:
    scalars = {}
    for file in folder.glob("events.out.tfevents.*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            scalars |= {(value.tag, event.step): float(tf.make_ndarray(value.tensor)) for value in event.summary.value}
    return scalars


def row(epoch: int, loss: float) -> dict[str, float]:
    return {"epoch": epoch, "loss": loss, "validation_loss": math.nan}


def test_every_epoch_is_logged_once_also_after_a_restart_and_missing_numbers_are_left_out(tmp_path: Path) -> None:
    history = (row(1, 3.0), row(2, 2.5), row(3, 2.25))
    for first in (0, 1):  # the second process continues after the first epoch, and is told the whole history
        board, then = TensorBoard(tmp_path, Silent()), Silent()
        board.then = then
        for epoch in range(first + 1, 4):
            board.epoch("fgnet", EpochLog(epoch, 3, history[:epoch], 0.0), fold=7, folds_done=0, folds=82)
        assert then.epochs == 3 - first and not board.writers
    assert logged(tmp_path / "fgnet" / "fold-007") == pytest.approx({("loss", 1): 3.0, ("loss", 2): 2.5, ("loss", 3): 2.25})
    assert len(list((tmp_path / "fgnet" / "fold-007").iterdir())) == 1
