"""The age rule of IMDB and WIKI against Python's calendar and against published ages."""

from __future__ import annotations

import datetime
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agerepro.datasets.photos import (
    OUTSIDE,
    SkippedItem,
    age_at_mid_year,
    clean,
    datenum,
    is_date,
    plain_name,
    stays_inside,
    subject_overlap,
)

DATES = st.dates(datetime.date(1, 1, 2), datetime.date(9999, 12, 31))


def test_datenum_as_in_matlabs_documentation():
    assert datenum(2000, 1, 1) == 730486  # MATLAB's page on datenum
    assert datenum(1970, 1, 1) == 719529


@given(DATES)
def test_datenum_is_pythons_ordinal_plus_366(date):
    assert datenum(date.year, date.month, date.day) == date.toordinal() + 366


@pytest.fixture
def read_ages(reference):
    """Published rows of `wiki` or `imdb`: born (year-month-day), datenum, taken (a year), age."""
    return lambda name: pd.read_csv(reference / f"{name}_ages.csv.xz")


@pytest.mark.parametrize(
    ("incomplete", "complete"),
    [((1992, 0, 0), (1991, 12, 31)), ((1992, 0, 5), (1992, 1, 5)), ((1992, 5, 0), (1992, 4, 30)), ((1992, 3, 0), (1992, 2, 29))],
)
def test_month_0_is_january_and_day_0_the_day_before_the_first(incomplete, complete):
    assert datenum(*incomplete) == datenum(*complete)


@given(DATES, st.integers(1, 9999))
def test_age_by_the_calendar(date, taken):
    expected = taken - date.year - (1 if date.month in (7, 8, 9, 10, 11, 12) else 0)
    assert age_at_mid_year([date.toordinal() + 366], [taken])[0] == expected


@pytest.mark.parametrize("born", [0, 1, 366, -700000, np.nan, np.inf, -np.inf, 1e300, 3_652_425 + 366 + 1e6])
def test_no_age_without_a_date_of_birth(born):
    assert not is_date(born)
    assert np.isnan(age_at_mid_year([born], [2000])[0])


def test_the_first_and_the_last_date():
    assert is_date([367, 3_652_425]).all()
    assert not is_date([366, 3_652_426]).any()
    assert datenum(9999, 12, 31) == 3_652_425 == datetime.date.max.toordinal() + 366


def test_no_age_without_a_year_of_the_photo():
    assert np.isnan(age_at_mid_year([720000], [np.nan])[0])


def test_born_on_1_july_is_not_yet_a_year_older_wiki_rows(read_ages):
    rows = read_ages("wiki")
    july = rows[rows["born"].str.endswith("-07-01")]
    assert len(july) > 100
    assert (july["taken"] - july["born"].str[:4].astype(int) - 1 == july["age"]).all()


@pytest.mark.parametrize(("name", "with_dates"), [("wiki", 4122 - 7), ("imdb", 5958)])
def test_published_ages_agree_with_the_rule(read_ages, name, with_dates):
    rows = read_ages(name)
    assert len(rows) == with_dates  # seven dates of WIKI are malformed
    np.testing.assert_array_equal(age_at_mid_year(rows["datenum"], rows["taken"]), rows["age"])


@pytest.mark.parametrize("name", ["wiki", "imdb"])
def test_published_day_numbers_agree_with_datenum(read_ages, name):
    rows = read_ages(name)
    year, month, day = (rows["born"].str.split("-").str[i].astype(int) for i in range(3))
    np.testing.assert_array_equal(datenum(year, month, day), rows["datenum"])
    assert name == "wiki" or (day == 0).sum() > 10


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
    assert skipped == (SkippedItem("../b.jpg", OUTSIDE),)


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
    assert all(after.kept == before.kept - after.removed for before, after in itertools.pairwise(steps))
    assert steps[-1].kept == len(kept)


@pytest.mark.parametrize("path", ["00/a.jpg", "a..b.jpg", "..a/b.jpg", "a/...jpg", "a b.jpg", "ü/é.jpg"])
def test_ordinary_paths_stay_inside(path):
    assert stays_inside(pd.Series([path])).all()


@pytest.mark.parametrize("path", ["../a.jpg", "00/../../a.jpg", "..", "a/..", "/etc/a.jpg", "", "C:a.jpg", "..\\a.jpg", "a\0.jpg"])
def test_paths_that_leave_the_folder(path):
    assert not stays_inside(pd.Series([path])).any()


def people(*names):
    return pd.DataFrame({"subject": names})


def test_agedbs_camel_case_is_imdbs_full_name():
    agedb = people("MariaCallas", "MaxVonSydow", "NobodyElse", "MariaCallas")
    imdb = people("Maria Callas", "Max von Sydow", "Someone Else")
    assert subject_overlap(agedb, imdb) == {"MariaCallas", "MaxVonSydow"}
    assert subject_overlap(imdb, agedb) == {"Maria Callas", "Max von Sydow"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Penélope Cruz", "PenelopeCruz"), ("Samuel L. Jackson", "SamuelLJackson"), ("Catherine_Zeta-Jones", "CatherineZetaJones"),
        ("Peter O'Toole", "PeterO'toole"), ("Lena Søgård", "LenaSogard"), ("Stanisław Łem", "StanislawLem"), ("Groß", "Gross"),
        ("e\u0301", "é"),
    ],
)  # fmt: skip
def test_spellings_of_one_name(one, other):
    assert plain_name(one) == plain_name(other) != ""


@pytest.mark.parametrize("code", ["", "001", "  ", "12-3", "--"])
def test_unknown_people_and_bare_numbers_are_nobody(code):
    assert subject_overlap(people(code), people(code)) == set()


@given(st.lists(st.text(max_size=8), max_size=8), st.lists(st.text(max_size=8), max_size=8))
def test_shared_either_way_round(a, b):
    first, second = subject_overlap(people(*a), people(*b)), subject_overlap(people(*b), people(*a))
    assert {plain_name(name) for name in first} == {plain_name(name) for name in second}
    assert first <= set(a) and second <= set(b)
