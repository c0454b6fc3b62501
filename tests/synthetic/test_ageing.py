"""Ageing goes one way, without jumps."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.synthetic.ageing import face_params, grown_share, growth_curve, late_onset_curve
from agerepro.synthetic.person import draw_person

NUMBERS = st.integers(0, 10_000)
AGES = st.floats(0, 100)
# What never goes back from birth to old age.
GROWS = (
    "grown", "puberty", "chin", "nose", "ear", "nose_half", "shoulders", "jowl", "hollow", "forehead_lines", "frown", "crow_feet", "bags",
    "folds", "marionette", "lip_lines", "neck_folds", "lid_sag", "mottling", "spots", "grey", "recession", "thinning", "beard", "stubble",
)  # fmt: skip
SHRINKS = ("baby", "iris", "eye_half", "eye_open", "cheek", "cranium")


@given(number=NUMBERS, ages=st.tuples(AGES, AGES).map(sorted))
def test_marks_of_age_never_go_back(number: int, ages: list[float]) -> None:
    young, old = (face_params(draw_person(0, number), age) for age in ages)
    for name in GROWS:
        assert getattr(young, name) <= getattr(old, name) + 1e-9, name
    for name in SHRINKS:
        assert getattr(young, name) >= getattr(old, name) - 1e-9, name


@given(number=NUMBERS, ages=st.tuples(st.floats(22, 100), st.floats(22, 100)).map(sorted))
def test_lips_thin_once_grown_up(number: int, ages: list[float]) -> None:
    young, old = (face_params(draw_person(0, number), age) for age in ages)
    assert young.upper_lip >= old.upper_lip - 1e-9
    assert young.lower_lip >= old.lower_lip - 1e-9


@given(number=NUMBERS, age=AGES)
def test_a_month_changes_little(number: int, age: float) -> None:
    person = draw_person(0, number)
    now, later = dataclasses.asdict(face_params(person, age)), dataclasses.asdict(face_params(person, age + 1 / 12))
    for name in now.keys() - {"age"}:
        assert abs(now[name] - later[name]) < 0.06, name


@given(number=NUMBERS, age=st.floats(0, 3))
def test_children_have_large_eyes_low_in_the_head_and_short_noses(number: int, age: float) -> None:
    person = draw_person(0, number)
    child, adult = face_params(person, age), face_params(person, 30)

    def eye_height(state) -> float:  # share of the head's height above the eyes
        return -state.crown / (state.chin - state.crown)

    assert eye_height(child) > eye_height(adult) + 0.04
    assert child.eye_half / child.chin > 1.3 * adult.eye_half / adult.chin
    assert child.nose / child.eye_half < 0.8 * adult.nose / adult.eye_half
    assert child.cranium > adult.cranium


@given(number=NUMBERS, age=AGES)
def test_a_face_stays_in_order(number: int, age: float) -> None:
    state = face_params(draw_person(0, number), age)
    assert state.crown < state.hairline < state.brow_y < -state.eye_open < 0 < state.nose < state.mouth < state.chin
    assert state.mouth + state.lower_lip < state.chin - 0.1
    assert state.eye_half < state.eye_x < 1 - 0.5 * state.eye_half


def test_growth_by_hand() -> None:
    assert grown_share(0) == 0
    assert grown_share(8) == pytest.approx(1 - 0.36787944)  # 1 - 1/e
    assert growth_curve(15, 10, 20) == 0.5
    assert (growth_curve(10, 10, 20), growth_curve(20, 10, 20)) == (0, 1)
    assert (late_onset_curve(20, 30, 80), late_onset_curve(55, 30, 80), late_onset_curve(80, 30, 80), late_onset_curve(200, 30, 80)) == (
        0,
        0.5,
        1,
        1.25,
    )
