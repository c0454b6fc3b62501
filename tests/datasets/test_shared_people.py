"""People of two data sets, by name."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.datasets.shared_people import plain_name, shared_subjects


def people(*names):
    return pd.DataFrame({"subject": names})


def test_agedbs_camel_case_is_imdbs_full_name():
    agedb = people("MariaCallas", "MaxVonSydow", "NobodyElse", "MariaCallas")
    imdb = people("Maria Callas", "Max von Sydow", "Someone Else")
    assert shared_subjects(agedb, imdb) == {"MariaCallas", "MaxVonSydow"}
    assert shared_subjects(imdb, agedb) == {"Maria Callas", "Max von Sydow"}


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
    assert shared_subjects(people(code), people(code)) == set()


@given(st.lists(st.text(max_size=8), max_size=8), st.lists(st.text(max_size=8), max_size=8))
def test_shared_either_way_round(a, b):
    first, second = shared_subjects(people(*a), people(*b)), shared_subjects(people(*b), people(*a))
    assert {plain_name(name) for name in first} == {plain_name(name) for name in second}
    assert first <= set(a) and second <= set(b)
