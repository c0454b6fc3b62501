"""Medians over people, correlations with random weights, and the areas under curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.explain.checks import (
    CORRELATION,
    MORE_THAN_RANDOM,
    STEPS,
    areas,
    check_summary,
    closeness,
    compare_with_random,
    curve_table,
    median_over_people,
    of_check,
)

LANDMARKS = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])


def some_photos(count: int) -> pd.DataFrame:
    people = [f"s{n // 2}" for n in range(count)]
    return pd.DataFrame({"photo": [f"p{n}" for n in range(count)], "subject": people, "age": 30.0})


def test_a_median_is_of_known_photos_and_its_interval_of_people() -> None:
    found = median_over_people(np.array([1.0, 2.0, np.nan, 9.0]), np.array(["a", "a", "b", "c"]))
    assert (found.value, found.n) == (2.0, 2)
    # By hand: of a and c, the draws are aa (median 1.5), ac and ca (2), cc (9).
    assert (found.low, found.high) == (1.5, 9.0)
    alone = median_over_people(np.array([1.0, 3.0]), np.array(["a", "a"]))
    assert alone.value == 2.0 and np.isnan(alone.low)
    assert np.isnan(median_over_people(np.array([np.nan]), np.array(["a"])).value)


def test_the_same_maps_correlate_fully_and_opposite_ones_only_without_sign() -> None:
    maps = np.random.default_rng(1).normal(size=(4, 3, 3))
    landmarks = np.repeat(LANDMARKS[None], 4, axis=0)
    table = compare_with_random(some_photos(4), maps, np.stack([maps, -maps]), landmarks)
    np.testing.assert_allclose(table.loc[table["draw"] == 0, "correlation"], 1)
    np.testing.assert_allclose(table.loc[table["draw"] == 1, "correlation"], -1)
    np.testing.assert_allclose(table["absolute_correlation"], 1)
    np.testing.assert_allclose(table["trained_relative"], table["random_relative"])


def test_closeness_is_minus_the_distance_from_the_untouched_photo() -> None:
    # One photo of 30 years; deletion moves it to 20 by the map, to 34 by the random one; insertion comes from there.
    scores = np.array([[[[30.0, 25, 20]], [[30.0, 31, 34]]], [[[20.0, 32, 30]], [[20.0, 20, 30]]]])
    assert closeness(scores).tolist() == [[[[0, -5, -10]], [[0, -1, -4]]], [[[-10, -2, 0]], [[-10, -10, 0]]]]


def test_areas_and_their_summary_by_hand() -> None:
    # Deletion: the map's curve falls at once to 0, the random one in a straight line from 1; insertion the other way round.
    line, at_once = np.linspace(1, 0, STEPS + 1), np.array([1.0] + [0.0] * STEPS)
    scores = np.stack([np.stack([[at_once] * 4, [line] * 4]), np.stack([[1 - at_once] * 4, [1 - line] * 4])])
    found = areas(scores)
    np.testing.assert_allclose(found[0], [[0.05] * 4, [0.5] * 4])  # a trapezoid of the first of ten steps; a triangle
    maps = np.random.default_rng(1).normal(size=(4, 3, 3))
    random = compare_with_random(some_photos(4), maps, np.stack([maps]), np.repeat(LANDMARKS[None], 4, axis=0))
    summary = check_summary(some_photos(4), random, found, unit="probability")
    assert of_check(summary, "deletion area, map less random").value == pytest.approx(-0.45)
    assert of_check(summary, "insertion area, map less random").value == pytest.approx(0.45)
    assert of_check(summary, CORRELATION).value == pytest.approx(1) and of_check(summary, MORE_THAN_RANDOM).value == pytest.approx(0)
    table = curve_table(some_photos(4), scores)
    assert len(table) == 2 * 2 * 4 * (STEPS + 1)
    part = table.query("order == 'deletion' and map == 'random' and photo == 'p3'")
    np.testing.assert_allclose(part["score"], 1 - part["share"])
