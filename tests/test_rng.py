"""Draws are named by purpose."""

from __future__ import annotations

from agerepro.rng import derive_seed, rng_for


def test_same_purpose_same_draw_and_parts_do_not_run_together() -> None:
    assert rng_for("a", 1).random() == rng_for("a", 1).random()
    assert rng_for("a", 12, 3).random() != rng_for("a", 1, 23).random()
    assert 0 <= derive_seed("a") < 2**31
