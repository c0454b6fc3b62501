"""TensorBoard logs read back with TensorFlow's own reader."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import tensorflow as tf

from agerepro.training.tensorboard import TensorBoard
from agerepro.training.trainer import EpochDone
from tests.training.test_grid import Silent


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
            board.epoch("fgnet", EpochDone(done, 3, history[:done], 0.0), fold=7, folds_done=0, folds=82)
        assert then.epochs == 3 - first and not board.writers
    assert logged(tmp_path / "fgnet" / "fold-007") == pytest.approx({("loss", 1): 3.0, ("loss", 2): 2.5, ("loss", 3): 2.25})
    assert len(list((tmp_path / "fgnet" / "fold-007").iterdir())) == 1
