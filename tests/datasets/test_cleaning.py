"""The funnel: each step takes away what it names, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agerepro.datasets.cleaning import OUTSIDE, clean, stays_inside
from agerepro.datasets.reading import Skip

BORN_1950 = 712224.0 + 20  # 21 January 1950
GOOD = {
    "path": "00/a.jpg", "born": BORN_1950, "taken": 1980.0, "gender": 0.0, "subject": "x", "face_score": 1.0,
    "second_face_score": np.nan, "left": 0.0, "top": 0.0, "right": 9.0, "bottom": 9.0,
}  # fmt: skip
BAD = {  # what a row fails on -> the change that makes it fail
    "path inside the folder": {"path": "../b.jpg"},
    "date of birth is a date": {"born": 366.0},
    "age 0 to 100": {"taken": 1949.0},
    "face score at least 1": {"face_score": 0.999},
    "no second face": {"second_face_score": 0.1},
    "gender known": {"gender": np.nan},
    "listed once": {"path": "0.jpg"},
}


def frame(*changes):
    return pd.DataFrame([GOOD | {"path": f"{i}.jpg"} | change for i, change in enumerate(changes)])


def test_every_step_removes_its_row_and_is_counted():
    kept, steps, skipped = clean(frame({}, *BAD.values(), {}), "imdb.mat")
    assert [(step.name, step.kept, step.removed) for step in steps] == [
        ("rows in imdb.mat", 9, 0), ("path inside the folder", 8, 1), ("date of birth is a date", 7, 1), ("age 0 to 100", 6, 1),
        ("face score at least 1", 5, 1), ("no second face", 4, 1), ("gender known", 3, 1), ("listed once", 2, 1),
    ]  # fmt: skip
    assert kept["path"].tolist() == ["0.jpg", "8.jpg"]
    assert kept["age"].tolist() == [30.0, 30.0]
    assert skipped == (Skip("../b.jpg", OUTSIDE),)


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"taken": 1950.0}, True), ({"taken": 2050.0}, True), ({"taken": 2051.0}, False), ({"taken": 1949.0}, False),
        ({"face_score": -np.inf}, False), ({"face_score": np.inf}, False), ({"face_score": np.nan}, False),
        ({"second_face_score": -1.0}, False), ({"gender": 1.0}, True), ({"gender": 2.0}, False), ({"taken": np.nan}, False),
    ],
)  # fmt: skip
def test_the_edges_of_the_conditions(change, kept):
    assert len(clean(frame(change), "x")[0]) == kept


def test_two_faces_in_one_photo_are_two_rows_but_a_repeated_row_is_one():
    rows = frame({"path": "a.jpg"}, {"path": "a.jpg", "left": 5.0}, {"path": "a.jpg"})
    assert clean(rows, "x")[0]["left"].tolist() == [0.0, 5.0]


@settings(max_examples=30, deadline=None)
@given(st.permutations([{}, {}, *BAD.values()]))
def test_the_order_of_rows_never_matters(changes):
    _, steps, _ = clean(pd.DataFrame([GOOD | change for change in changes]), "x")
    _, expected, _ = clean(pd.DataFrame([GOOD | change for change in [{}, {}, *BAD.values()]]), "x")
    assert steps == expected


@settings(max_examples=30, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["taken", "born", "face_score", "gender"]), st.floats()), min_size=1, max_size=9))
def test_steps_account_for_every_row_whatever_the_numbers(changes):
    kept, steps, _ = clean(frame(*changes), "x")
    assert steps[0].kept == len(changes)
    assert all(after.kept == before.kept - after.removed for before, after in zip(steps, steps[1:], strict=False))
    assert steps[-1].kept == len(kept)


@pytest.mark.parametrize("path", ["00/a.jpg", "a..b.jpg", "..a/b.jpg", "a/...jpg", "a b.jpg", "ü/é.jpg"])
def test_ordinary_paths_stay_inside(path):
    assert stays_inside(pd.Series([path])).all()


@pytest.mark.parametrize("path", ["../a.jpg", "00/../../a.jpg", "..", "a/..", "/etc/a.jpg", "", "C:a.jpg", "..\\a.jpg", "a\0.jpg"])
def test_paths_that_leave_the_folder(path):
    assert not stays_inside(pd.Series([path])).any()
