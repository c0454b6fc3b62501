"""Draws are named by purpose, and equal whether made one generator at a time or side by side."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro import rng
from agerepro.rng import derive_seed, rng_for, uniforms


def test_same_purpose_same_draw_and_parts_do_not_run_together() -> None:
    assert rng_for("a", 1).random() == rng_for("a", 1).random()
    assert rng_for("a", 12, 3).random() != rng_for("a", 1, 23).random()
    assert 0 <= derive_seed("a") < 2**31


@pytest.mark.parametrize("count", [1, 4, 7, 11])
def test_draws_side_by_side_are_those_of_numpy(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rng, "ROWS_AT_ONCE", 1000)
    names, key = [f"imdb/{number:06d} é.jpg" for number in range(2500)], ("warp", 3, "faces", 17)
    drawn = uniforms(key, names, count)
    assert drawn.shape == (2500, count) and drawn.dtype == np.float64
    np.testing.assert_array_equal(drawn, [rng_for(*key, name).random(count) for name in names])


@given(st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=2))
def test_philox_of_any_key_is_that_of_numpy(key: list[int]) -> None:
    words = rng._philox(np.array([key], np.uint64), 1)
    np.testing.assert_array_equal(words[0], np.random.Philox(key=np.array(key, np.uint64)).random_raw(4))


def test_the_key_is_the_beginning_of_a_sha256() -> None:
    named = hashlib.sha256(b"warp\x1f1\x1fa").digest()
    key = [int.from_bytes(named[:8], "little"), int.from_bytes(named[8:16], "little")]
    expected = np.random.Generator(np.random.Philox(key=np.array(key, np.uint64))).random(7)
    np.testing.assert_array_equal(uniforms(("warp", 1), ["a"], 7)[0], expected)


def test_no_names_no_rows() -> None:
    assert uniforms(("warp",), [], 7).shape == (0, 7)
