"""The checkpoint's file: gives back every bit; damage is set aside and said; what cannot be read is never taken for absent."""

from __future__ import annotations

import errno
from pathlib import Path

import keras
import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.training.checkpoint import (
    Checkpoint,
    TrainState,
    assign_variables,
    copy_variables,
    load_checkpoint,
    save_checkpoint,
)
from agerepro.training.optimizers import PlateauState

ARRAYS = {f"layer_{n}/kernel": np.float32(values) for n, values in enumerate(([1, 1e-45], [[np.pi, -0.0]], [], 3e38))}
STEP = {"usual/iteration": np.asarray(7, np.int32)}


def checkpoint(epoch: int = 2) -> Checkpoint:
    return Checkpoint(
        epoch,
        TrainState(ARRAYS, ARRAYS | STEP),
        batch=5,
        metrics={"loss/total": np.float32(1 / 3)},
        logs={"loss": 1 / 3},
        plateau=PlateauState(best=0.1, wait=1),
        history=({"epoch": 1, "loss": 0.1, "validation_loss": float("nan")}, {"epoch": 2, "loss": 1 / 3, "validation_loss": 0.5}),
        best=ARRAYS,
        eval_outputs={"test": np.arange(6, dtype=np.float32).reshape(2, 3)},
    )


def bits(arrays: dict[str, np.ndarray] | None) -> dict[str, tuple[object, ...]]:
    return {name: (value.dtype, value.shape, value.tobytes()) for name, value in (arrays or {}).items()}


def saved(path: Path, epoch: int = 2) -> bytes:
    save_checkpoint(path, checkpoint(epoch))
    return path.read_bytes()


def test_a_checkpoint_comes_back_to_the_bit(tmp_path: Path) -> None:
    saved(tmp_path / "checkpoint.npz")
    loaded, expected = load_checkpoint(tmp_path / "checkpoint.npz"), checkpoint()
    assert loaded is not None and (loaded.epoch, loaded.batch, loaded.logs, loaded.plateau) == (
        2,
        5,
        {"loss": 1 / 3},
        expected.plateau,
    )
    assert repr(loaded.history) == repr(expected.history)
    pairs = [(loaded.variables.model, ARRAYS), (loaded.variables.optimizer, expected.variables.optimizer), (loaded.best, ARRAYS)]
    pairs.append((loaded.metrics, expected.metrics))
    for values, others in pairs:
        assert bits(values) == bits(others)
    np.testing.assert_array_equal(loaded.eval_outputs["test"], expected.eval_outputs["test"])


def test_what_is_not_there_is_no_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert load_checkpoint(tmp_path / "checkpoint.npz") is None
    assert load_checkpoint(tmp_path / "no folder" / "checkpoint.npz") is None
    assert load_checkpoint(tmp_path / "file" / "checkpoint.npz") is None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EACCES])
@pytest.mark.parametrize("when", ["opened", "read"])
def test_what_cannot_be_read_stops_and_is_left_alone(code: int, when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.npz"
    content = saved(path)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, "refused by the test")

    with monkeypatch.context() as patched:
        patched.setattr(*((Path, "open") if when == "opened" else (np, "load")), refuse)
        with pytest.raises(UserError, match=f"{path}.*refused by the test"):
            load_checkpoint(path)
    assert path.read_bytes() == content and [file.name for file in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_damaged_checkpoint_is_set_aside_and_said_and_earlier_ones_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "checkpoint.npz"
    content = saved(path)
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    np.save(tmp_path / "bare.npy", np.ones(2))
    bare = (tmp_path / "bare.npy").read_bytes()
    aside = []
    for number, damaged in enumerate((bytes(flipped), content[:-30], b"", b"<html>", bare), start=1):
        path.write_bytes(damaged)
        assert load_checkpoint(path) is None
        assert not path.exists()
        aside.append(path.with_name("checkpoint.npz.corrupt" + (f"-{number}" if number > 1 else "")))
        assert aside[-1].read_bytes() == damaged
        said = capsys.readouterr().err
        assert str(path) in said and aside[-1].name in said
    assert aside[0].read_bytes() == bytes(flipped)


def test_a_flipped_bit_anywhere_never_goes_unnoticed_or_stops_with_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    content = saved(path)
    expected = load_checkpoint(path)
    assert expected is not None
    random = np.random.default_rng(0)
    for position in random.choice(len(content), 400, replace=False):
        damaged = bytearray(content)
        damaged[position] ^= 1 << int(random.integers(8))
        path.write_bytes(bytes(damaged))
        loaded = load_checkpoint(path)  # dates and the like have no checksum: then the checkpoint is whole
        if loaded is not None:
            assert repr(loaded) == repr(expected)


def test_a_checkpoint_without_weights_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, Checkpoint(1, TrainState({}, {})))
    assert load_checkpoint(path) is None and path.with_name("checkpoint.npz.corrupt").is_file()


def test_values_go_to_the_variable_of_their_path_whatever_the_order() -> None:
    pixels = keras.Input((2,))
    model = keras.Model(pixels, keras.layers.Dense(2, name="b")(keras.layers.Dense(2, name="a")(pixels)))
    values = copy_variables(model.variables)
    for array in values.values():
        array += np.float32(np.random.default_rng(len(array.shape)).normal(size=array.shape))
    assign_variables(model.variables[::-1], dict(reversed(values.items())))
    for name in ("a", "b"):
        np.testing.assert_array_equal(model.get_layer(name).kernel, values[f"{name}/kernel"])
    with pytest.raises(ValueError, match="a/kernel"):
        assign_variables(model.variables, {path: value for path, value in values.items() if path != "a/kernel"})
    with pytest.raises(ValueError, match="b/bias"):
        assign_variables(model.variables, values | {"b/bias": np.zeros(3, np.float32)})
    with pytest.raises(ValueError, match="a/kernel"):
        copy_variables([*model.variables, model.variables[0]])
