"""Scores that maps explain, by hand: equal logits have equal probabilities."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.explain.targets import check_target, class_numbers, predicted_classes, score, scores_of
from agerepro.tasks.decode import expectation, posterior

AGES = np.array([10.0, 20.0, 60.0], np.float32)
LOGITS = np.array([[0.0, 0.0, 0.0], [np.log(6.0), np.log(3.0), 0.0]], np.float32)  # probabilities 1/3 each; 0.6, 0.3, 0.1


@pytest.mark.parametrize(
    ("target", "of", "expected"),
    [
        (1, "probability", [1 / 3, 0.3]),
        (1, "logit", [0, np.log(3.0)]),
        (np.array([2, 0]), "probability", [1 / 3, 0.6]),
        ("predicted_class", "probability", [1 / 3, 0.6]),
        ("expected_age", "probability", [30, 18]),  # (10 + 20 + 60) / 3; 6 + 6 + 6
        ("expected_age", "logit", [30, 18]),
    ],
)
def test_scores_by_hand(target: str | int | np.ndarray, of: str, expected: list[float]) -> None:
    np.testing.assert_allclose(keras.ops.convert_to_numpy(score(LOGITS, target, AGES, of=of)), expected, rtol=1e-5)


def test_years_are_their_own_score() -> None:
    found = score(np.array([[31.5], [4.0]]), "expected_age", np.empty(0), of="logit")
    assert keras.ops.convert_to_numpy(found).tolist() == [31.5, 4.0]


def test_scores_of_photos_are_what_decoding_gives(small: Callable[..., keras.Model], photos: np.ndarray, bins: np.ndarray) -> None:
    model = small("dense")
    probabilities = posterior(keras.ops.convert_to_numpy(model(photos)))
    np.testing.assert_array_equal(predicted_classes(model, photos, batch=2), probabilities.argmax(axis=1))
    found = scores_of(model, photos, target="expected_age", bins=bins, batch=2)
    np.testing.assert_allclose(found, expectation(probabilities, bins), rtol=1e-5)
    numbers = np.array([0, 1, 2, 3, 4])
    found = scores_of(model, photos, target=numbers, bins=bins, batch=2)
    np.testing.assert_allclose(found, probabilities[np.arange(5), numbers], rtol=1e-5)


def test_classes_are_named_by_their_ages() -> None:
    assert class_numbers(np.array([60, 10, 20]), AGES).tolist() == [2, 0, 1]
    with pytest.raises(UserError, match="values 30"):
        class_numbers(np.array([30]), AGES)


def test_a_target_that_is_none_is_refused() -> None:
    with pytest.raises(UserError, match=r"'age'.*predicted_class, expected_age"):
        check_target("age", AGES, 2)
    with pytest.raises(UserError, match="whole numbers"):
        check_target(np.array([10.0, 20.0]), AGES, 2)
