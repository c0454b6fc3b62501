"""The age rule of IMDB and WIKI against Python's calendar and against published ages."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.datasets.matlab_dates import age_at_mid_year, datenum, is_date

DATES = st.dates(datetime.date(1, 1, 2), datetime.date(9999, 12, 31))


def test_datenum_as_in_matlabs_documentation():
    assert datenum(2000, 1, 1) == 730486  # MATLAB's page on datenum
    assert datenum(1970, 1, 1) == 719529


@given(DATES)
def test_datenum_is_pythons_ordinal_plus_366(date):
    assert datenum(date.year, date.month, date.day) == date.toordinal() + 366


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


def test_born_on_1_july_is_not_yet_a_year_older_wiki_rows(shared):
    rows = _rows(shared, "wiki")
    july = rows[rows["dob"].str.endswith("-07-01")]
    assert len(july) > 100
    assert (july["taken"] - july["dob"].str[:4].astype(int) - 1 == july["age_midyear"]).all()


@pytest.mark.parametrize(("name", "with_dates"), [("wiki", 4122 - 7), ("imdb", 5958)])
def test_published_ages_agree_with_the_rule(shared, name, with_dates):
    rows = _rows(shared, name)
    assert len(rows) == with_dates  # seven dates of WIKI are malformed
    np.testing.assert_array_equal(age_at_mid_year(rows["dob_matlab_datenum"], rows["taken"]), rows["age_midyear"])


@pytest.mark.parametrize(("name", "column"), [("wiki", "dob"), ("imdb", "dob_in_name")])
def test_published_day_numbers_agree_with_datenum(shared, name, column):
    rows = _rows(shared, name)
    year, month, day = (rows[column].str.split("-").str[i].astype(int) for i in range(3))
    np.testing.assert_array_equal(datenum(year, month, day), rows["dob_matlab_datenum"])
    assert name == "wiki" or (day == 0).sum() > 10


def _rows(shared, name):
    rows = pd.read_csv(shared / "data" / "metadata" / f"{name}_rows.csv")
    return rows[rows["dob_matlab_datenum"].notna()].rename(columns={"photo_taken": "taken"})
