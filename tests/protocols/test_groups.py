"""Age groups as they are, and merged into wider ones."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agerepro.errors import UserError
from agerepro.experiment.schema import Groups
from agerepro.protocols.groups import groups_of, years

EIGHT = ("0-2", "4-6", "8-12", "15-20", "25-32", "38-43", "48-53", "60-100")
THREE = ("0-12", "15-20", "25-100")  # koenig2019, section 6


def photos_in(groups: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"photo": [f"set/{i}.jpg" for i in range(len(groups))], "group": groups})


groups_lists = st.lists(st.sampled_from(EIGHT), max_size=40)


@given(groups=groups_lists)
def test_the_own_labels_leave_every_photo_where_it_is(groups: list[str]) -> None:
    assert groups_of(photos_in(groups), Groups(labels=EIGHT)).tolist() == groups


@given(groups=groups_lists)
def test_wider_labels_hold_the_whole_of_a_group(groups: list[str]) -> None:
    merged = groups_of(photos_in(groups), Groups(labels=THREE))
    assert len(merged) == len(groups)
    for own, wide in zip(groups, merged):
        assert wide in THREE and years(wide)[0] <= years(own)[0] <= years(own)[1] <= years(wide)[1]


def test_children_teenagers_and_adults() -> None:
    # The merging of koenig2019, section 6: 0-12, 15-20 and 25-100.
    assert groups_of(photos_in(list(EIGHT)), Groups(labels=THREE)).tolist() == ["0-12"] * 3 + ["15-20"] + ["25-100"] * 4


def test_the_result_keeps_the_rows_of_the_table() -> None:
    photos = photos_in(["25-32", "0-2", "60-100"]).set_index(pd.Index([7, 3, 5]))
    assert groups_of(photos, Groups(labels=THREE)).to_dict() == {7: "25-100", 3: "0-12", 5: "25-100"}


def test_a_photo_in_no_label_is_an_error_that_names_its_group() -> None:
    with pytest.raises(UserError, match=r"2 photos are in no group of 0-12, 25-100; theirs: 15-20, none\."):
        groups_of(photos_in(["0-2", "15-20", ""]), Groups(labels=("0-12", "25-100")))
    with pytest.raises(UserError, match="theirs: 8-12"):
        groups_of(photos_in(["8-12"]), Groups(labels=("0-10", "11-100")))  # over the border of two


@pytest.mark.parametrize("labels", [("0-12", "12-20"), ("25-100", "0-12"), ("0-12", "0-12")])
def test_labels_that_overlap_or_do_not_rise(labels: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="overlap or do not rise"):
        groups_of(photos_in(["0-2"]), Groups(labels=labels))


@pytest.mark.parametrize("label", ["", "25", "32-25", "(25, 32)", "25-32-40", "60+", "-5-3"])
def test_a_label_that_is_no_range(label: str) -> None:
    with pytest.raises(UserError, match="is not of the form first-last, for instance 25-32"):
        years(label)


def test_years_of_a_label() -> None:
    assert [years(label) for label in ("0-2", "60-100", "7-7")] == [(0, 2), (60, 100), (7, 7)]
