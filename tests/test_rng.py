"""Draws are named by purpose."""

from __future__ import annotations

from agerepro.rng import generator, seed_of


def test_same_purpose_same_draw_and_parts_do_not_run_together() -> None:
    assert generator("a", 1).random() == generator("a", 1).random()
    assert generator("a", 12, 3).random() != generator("a", 1, 23).random()
    assert 0 <= seed_of("a") < 2**31
