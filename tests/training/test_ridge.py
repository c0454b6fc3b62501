"""Ridge regression of many folds beside scikit-learn, fold by fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from agerepro.errors import UserError
from agerepro.models.heads import FeatureBlock
from agerepro.training.ridge import STRENGTHS, RidgeFit, fit_ridge_folds

BLOCKS = (FeatureBlock(150, "mean", 4), FeatureBlock(150, "max", 3), FeatureBlock(224, "mean", 4), FeatureBlock(224, "max", 3))
Faces = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Many threads only wait for each other at systems of 50 equations."""
    with threadpool_limits(1, "blas"):
        yield


def drawn(photos: int, people: int, width: int, seed: int = 0) -> Faces:
    """Features (photos, width), ages, weights and people, with unequal numbers of photos, unequal scales and one constant feature."""
    rng = np.random.default_rng(seed)
    names = np.concatenate([np.arange(people), rng.integers(0, people, photos - people)])
    faces = rng.normal(size=(people, width))[names] + rng.normal(size=(photos, width))
    ages = 40 + 5 * faces[:, 0] + 3 * faces[:, -1] + rng.normal(0, 4, photos)
    features = faces * rng.uniform(0.1, 30, width) + rng.uniform(-50, 50, width)
    features[:, width // 2] = 7.25
    return features, ages, rng.uniform(0.2, 2, photos), np.char.add("p", names.astype(str))


def literal_errors(faces: Faces, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(strengths,) years: the choice of one fold as the module's text defines it, every fit by scikit-learn."""
    features, ages, weights, people = faces
    features, trained = features[:, columns], np.isin(np.arange(len(ages)), rows)
    errors = np.zeros(len(STRENGTHS))
    parts = [part for _, part in GroupKFold(min(5, len(set(people)))).split(features, groups=people)]
    for part in parts:
        others = [other for other in parts if other is not part]
        fitted = np.concatenate([other[trained[other]] for other in others])
        whole = [row for other in others if trained[other].all() for row in other]
        by = np.array(whole) if 2 * len(whole) >= len(fitted) else fitted
        checked = part[trained[part]]
        if not len(checked):
            continue
        with np.errstate(invalid="ignore"):  # scikit-learn's variance of a constant feature may be below 0
            scaler = StandardScaler().fit(features[by], sample_weight=weights[by])
        model = Ridge(alpha=np.array(STRENGTHS))  # a target for each strength
        model.fit(scaler.transform(features[fitted]), np.tile(ages[fitted, None], len(STRENGTHS)), sample_weight=weights[fitted])
        errors += weights[checked] @ np.abs(model.predict(scaler.transform(features[checked])) - ages[checked, None])
    return errors / weights[rows].sum()


def final_years(faces: Faces, rows: np.ndarray, columns: np.ndarray, strength: float) -> np.ndarray:
    """What scikit-learn's weighted StandardScaler and Ridge, fitted to these rows, say of all photos."""
    features, ages, weights, _ = faces
    model = make_pipeline(StandardScaler(), Ridge(alpha=strength))
    weighting = {"standardscaler__sample_weight": weights[rows], "ridge__sample_weight": weights[rows]}
    with np.errstate(invalid="ignore"):
        return model.fit(features[rows][:, columns], ages[rows], **weighting).predict(features[:, columns])


def years(fit: RidgeFit, features: np.ndarray) -> np.ndarray:
    return features @ fit.kernel + fit.bias


def leave_one_out(faces: Faces) -> list[np.ndarray]:
    return [train for train, _ in LeaveOneGroupOut().split(faces[0], groups=faces[3])]


def subsets() -> list[tuple[tuple[int, ...], tuple[str, ...], np.ndarray]]:
    """Sides, statistics and column numbers of the nine subsets of BLOCKS."""
    places = np.split(np.arange(14), [4, 7, 11])
    sides = [(150,), (224,), (150, 224)]
    return [
        (side, statistic, np.concatenate([at for at, block in zip(places, BLOCKS) if block.side in side and block.statistic in statistic]))
        for side in sides
        for statistic in [("mean",), ("max",), ("mean", "max")]
    ]


def assert_as_scikit_learn(faces: Faces, training: Sequence[np.ndarray]) -> None:
    """Strength, its inner error, and years of all photos, for all folds in one call."""
    columns = np.arange(faces[0].shape[1])
    for rows, fit in zip(training, fit_ridge_folds(*faces, training), strict=True):
        errors = literal_errors(faces, rows, columns)
        (candidate,) = fit.candidates
        assert candidate.inner_error == pytest.approx(errors.min(), abs=1e-7)
        assert fit.strength == candidate.strength and errors[STRENGTHS.index(fit.strength)] == pytest.approx(errors.min(), abs=1e-7)
        assert years(fit, faces[0]) == pytest.approx(final_years(faces, rows, columns, fit.strength), abs=1e-7)


@pytest.mark.parametrize("width", [12, 110], ids=["fewer features than photos", "more features than photos"])
def test_leave_one_person_out_is_scikit_learn_fold_by_fold(width: int) -> None:
    faces = drawn(90, 11, width)
    assert_as_scikit_learn(faces, leave_one_out(faces))


@pytest.mark.parametrize("width", [12, 110], ids=["fewer features than photos", "more features than photos"])
def test_large_folds_with_validation_people_are_scikit_learn_too(width: int) -> None:
    faces = drawn(90, 25, width, seed=1)
    folds = [train for train, _ in GroupKFold(3).split(faces[0], groups=faces[3])]
    without_validation = [rows[~np.isin(faces[3][rows], faces[3][rows][:1])] for rows in folds]
    half_of_photos = [train for train, _ in ShuffleSplit(1, train_size=0.5, random_state=0).split(faces[0])]
    a_part_each = [train for train, _ in GroupKFold(5).split(faces[0], groups=faces[3])][:2]
    assert_as_scikit_learn(faces, folds + without_validation + half_of_photos + a_part_each)


def test_few_people_and_one_with_most_photos() -> None:
    features, ages, weights, people = drawn(60, 4, 20, seed=2)
    people = np.where(np.arange(60) < 40, "p0", people)
    faces = features, ages, weights, people
    assert_as_scikit_learn(faces, [*leave_one_out(faces), np.arange(60)])


@given(st.integers(0, 10_000), st.integers(3, 12), st.integers(2, 60), st.floats(0.3, 1))
@settings(max_examples=8, deadline=None)
def test_any_folds_are_scikit_learn(seed: int, people: int, width: int, share: float) -> None:
    faces = drawn(40, people, width, seed)
    draws = np.random.default_rng(seed)
    training = [np.flatnonzero(draws.random(40) < share) for _ in range(2)]
    parts = np.zeros(40, int)
    for number, (_, part) in enumerate(GroupKFold(min(5, people)).split(faces[0], groups=faces[3])):
        parts[part] = number
    assert_as_scikit_learn(faces, [rows for rows in training if len(set(parts[rows])) > 1])


def test_the_best_subset_of_every_fold_is_that_of_the_slow_search() -> None:
    for width in (14, 140):  # fewer and more features than photos
        features, ages, weights, people = drawn(60, 9, 14, seed=3)
        wide = np.repeat(features, width // 14, axis=1) + np.random.default_rng(4).normal(0, 3, (60, width))
        faces = wide, ages, weights, people
        blocks = [FeatureBlock(block.side, block.statistic, block.count * (width // 14)) for block in BLOCKS]
        training = leave_one_out(faces)[:2]
        for rows, fit in zip(training, fit_ridge_folds(*faces, training, blocks=blocks), strict=True):
            spread = [
                (sides, statistics, (columns[:, None] * (width // 14) + np.arange(width // 14)).ravel())
                for sides, statistics, columns in subsets()
            ]
            slow = {(sides, statistics): literal_errors(faces, rows, columns) for sides, statistics, columns in spread}
            assert [candidate.inner_error for candidate in fit.candidates] == sorted(candidate.inner_error for candidate in fit.candidates)
            assert {(candidate.sides, candidate.statistics) for candidate in fit.candidates} == set(slow)
            for candidate in fit.candidates:
                errors = slow[candidate.sides, candidate.statistics]
                assert candidate.inner_error == pytest.approx(errors.min(), abs=1e-7)
                assert candidate.strength == STRENGTHS[int(np.argmin(errors))]
            best = fit.candidates[0]
            (columns,) = [used for sides, statistics, used in spread if (sides, statistics) == (best.sides, best.statistics)]
            assert years(fit, wide) == pytest.approx(final_years(faces, rows, columns, best.strength), abs=1e-7)
            assert not np.delete(fit.kernel, columns).any()


def test_the_mean_of_all_subsets_is_that_of_scikit_learn_s_fits() -> None:
    faces = drawn(80, 11, 14)
    training = leave_one_out(faces)[:3]
    best = fit_ridge_folds(*faces, training, blocks=BLOCKS)
    for rows, fit, chosen in zip(training, fit_ridge_folds(*faces, training, blocks=BLOCKS, combine="mean"), best, strict=True):
        assert fit.candidates == chosen.candidates  # each subset with its own strength
        columns = {(sides, statistics): numbers for sides, statistics, numbers in subsets()}
        singly = [final_years(faces, rows, columns[c.sides, c.statistics], c.strength) for c in fit.candidates]
        assert years(fit, faces[0]) == pytest.approx(np.mean(singly, axis=0), abs=1e-7)
        assert not np.allclose(years(fit, faces[0]), years(chosen, faces[0]), atol=0.01)


def test_a_fold_has_the_same_digits_alone_and_among_all() -> None:
    faces = drawn(80, 10, 14, seed=5)
    training = [*leave_one_out(faces), np.arange(80), np.arange(30)]
    done = []
    together = fit_ridge_folds(*faces, training, blocks=BLOCKS, on_fold=lambda *counts: done.append(counts))
    assert done == [(number, 12) for number in range(1, 13)]
    for rows, fit in zip(training, together, strict=True):
        (alone,) = fit_ridge_folds(*faces, [rows[::-1]], blocks=BLOCKS)
        assert np.array_equal(alone.kernel, fit.kernel) and (alone.bias, alone.candidates) == (fit.bias, fit.candidates)


def test_nothing_of_a_tested_person_enters() -> None:
    features, ages, weights, people = drawn(80, 10, 14, seed=6)
    training = leave_one_out((features, ages, weights, people))
    before = fit_ridge_folds(features, ages, weights, people, training, blocks=BLOCKS)
    for rows, fit in zip(training, before, strict=True):
        tested = ~np.isin(np.arange(80), rows)
        other = np.where(tested[:, None], features * -3 + 1000, features), np.where(tested, 3, ages), np.where(tested, 50, weights)
        (after,) = fit_ridge_folds(*other, people, [rows], blocks=BLOCKS)
        assert [candidate.inner_error for candidate in after.candidates] == pytest.approx(
            [candidate.inner_error for candidate in fit.candidates], abs=1e-8
        )
        assert after.strength == fit.strength and np.array_equal(after.kernel, fit.kernel) and after.bias == fit.bias


def test_training_people_who_fall_into_one_part_are_divided_themselves() -> None:
    features, ages, weights, people = drawn(100, 25, 8, seed=7)
    _, rows = next(GroupKFold(5).split(features, groups=people))
    (fit,) = fit_ridge_folds(features, ages, weights, people, [rows])
    (alone,) = fit_ridge_folds(features[rows], ages[rows], weights[rows], people[rows], [np.arange(len(rows))])
    assert fit.strength == alone.strength and fit.kernel == pytest.approx(alone.kernel) and fit.bias == pytest.approx(alone.bias)


def test_a_fold_of_one_person_is_refused() -> None:
    features, ages, weights, people = drawn(20, 4, 3)
    with pytest.raises(UserError, match="p1 alone"):
        fit_ridge_folds(features, ages, weights, people, [np.arange(20), np.flatnonzero(people == "p1")])


def test_candidates_that_are_equal_rank_in_order_of_size() -> None:
    # Each block twice the same columns: both sides are equally good, and so is each strength where features are constant.
    features, ages, weights, people = drawn(50, 10, 7, seed=8)
    fit, *_ = fit_ridge_folds(np.hstack([features, features]), ages, weights, people, [np.arange(50)], blocks=BLOCKS)
    at = {(candidate.sides, candidate.statistics): rank for rank, candidate in enumerate(fit.candidates)}
    for statistics in (("mean",), ("max",), ("mean", "max")):
        assert at[(224,), statistics] == at[(150,), statistics] + 1
    constant, *_ = fit_ridge_folds(np.ones((50, 3)), ages, weights, people, [np.arange(50)])
    assert constant.strength == STRENGTHS[0] and constant.kernel == pytest.approx(0, abs=1e-12)
    assert constant.bias == pytest.approx(np.average(ages, weights=weights))


def test_noise_is_met_with_a_strong_penalty() -> None:
    rng = np.random.default_rng(1)
    features, ages, people = rng.normal(size=(80, 30)), rng.normal(50, 10, 80), np.arange(80).astype(str)
    (fit,) = fit_ridge_folds(features, ages, np.ones(80), people, [np.arange(80)])
    assert fit.strength >= STRENGTHS[10] and abs(fit.bias - 50) < 4 and np.abs(fit.kernel).max() < 1


def test_the_block_that_tells_the_age_is_chosen() -> None:
    rng = np.random.default_rng(5)
    features = rng.normal(2, 3, (80, 14))
    ages = 50 + 4 * features[:, 8] + rng.normal(0, 1, 80)  # the second side's mean
    (fit,) = fit_ridge_folds(features, ages, np.ones(80), np.arange(80).astype(str), [np.arange(80)], blocks=BLOCKS)
    assert (fit.candidates[0].sides, fit.candidates[0].statistics) == ((224,), ("mean",)) and len(fit.candidates) == 9
    assert fit.kernel[8] == pytest.approx(4, abs=0.3) and not fit.kernel[:7].any() and not fit.kernel[11:].any()
