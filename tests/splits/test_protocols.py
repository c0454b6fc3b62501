"""Age groups as they are, and merged into wider ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agerepro.config.schema import (
    AgeGroups,
    FixedTestSubjects,
    GroupSplit,
    LeaveOneSubjectOut,
    PredefinedFolds,
    Protocol,
    RandomSplit,
    SubjectKFold,
)
from agerepro.errors import CheckFailed, UserError
from agerepro.splits.leakage import check_no_leakage, find_leakage
from agerepro.splits.protocols import describe_protocol, groups_of, held_out, make_folds, years

EIGHT = ("0-2", "4-6", "8-12", "15-20", "25-32", "38-43", "48-53", "60-100")
THREE = ("0-12", "15-20", "25-100")  # koenig2019, section 6


def photos_in(groups: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"photo": [f"set/{i}.jpg" for i in range(len(groups))], "group": groups})


groups_lists = st.lists(st.sampled_from(EIGHT), max_size=40)


@given(groups=groups_lists)
def test_the_own_labels_leave_every_photo_where_it_is(groups: list[str]) -> None:
    assert groups_of(photos_in(groups), AgeGroups(labels=EIGHT)).tolist() == groups


@given(groups=groups_lists)
def test_wider_labels_hold_the_whole_of_a_group(groups: list[str]) -> None:
    merged = groups_of(photos_in(groups), AgeGroups(labels=THREE))
    assert len(merged) == len(groups)
    for own, wide in zip(groups, merged):
        assert wide in THREE and years(wide)[0] <= years(own)[0] <= years(own)[1] <= years(wide)[1]


def test_children_teenagers_and_adults() -> None:
    # The merging of koenig2019, section 6: 0-12, 15-20 and 25-100.
    assert groups_of(photos_in(list(EIGHT)), AgeGroups(labels=THREE)).tolist() == ["0-12"] * 3 + ["15-20"] + ["25-100"] * 4


def test_the_result_keeps_the_rows_of_the_table() -> None:
    photos = photos_in(["25-32", "0-2", "60-100"]).set_index(pd.Index([7, 3, 5]))
    assert groups_of(photos, AgeGroups(labels=THREE)).to_dict() == {7: "25-100", 3: "0-12", 5: "25-100"}


def test_a_photo_in_no_label_is_an_error_that_names_its_group() -> None:
    with pytest.raises(UserError, match=r"2 photos.*0-12, 25-100.*15-20, none"):
        groups_of(photos_in(["0-2", "15-20", ""]), AgeGroups(labels=("0-12", "25-100")))
    with pytest.raises(UserError, match="8-12"):
        groups_of(photos_in(["8-12"]), AgeGroups(labels=("0-10", "11-100")))  # over the border of two


@pytest.mark.parametrize("labels", [("0-12", "12-20"), ("25-100", "0-12"), ("0-12", "0-12")])
def test_labels_that_overlap_or_do_not_rise(labels: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=", ".join(labels)):
        groups_of(photos_in(["0-2"]), AgeGroups(labels=labels))


@pytest.mark.parametrize("label", ["", "25", "32-25", "(25, 32)", "25-32-40", "60+", "-5-3"])
def test_a_label_that_is_no_range(label: str) -> None:
    with pytest.raises(UserError, match="25-32"):
        years(label)


def test_years_of_a_label() -> None:
    assert [years(label) for label in ("0-2", "60-100", "7-7")] == [(0, 2), (60, 100), (7, 7)]


def photos_of(people: list[int]) -> pd.DataFrame:
    names = [f"{person:03d}" for person in people]
    return pd.DataFrame({"photo": [f"set/{i}.jpg" for i in range(len(people))], "subject": names})


people_lists = st.lists(st.integers(0, 12), min_size=20, max_size=60).filter(lambda people: len(set(people)) >= 6)


@given(people=people_lists, share=st.sampled_from([0.0, 0.1, 0.3]))
def test_leave_one_person_out_tests_each_person_once_and_leaks_nothing(people: list[int], share: float) -> None:
    photos = photos_of(people)
    folds = make_folds(photos, LeaveOneSubjectOut(validation_subjects=share), seed=3)
    assert folds["fold"].nunique() == len(set(people))
    assert sorted(folds.loc[folds["part"] == "test", "photo"]) == sorted(photos["photo"])
    assert folds.groupby("fold")["photo"].apply(lambda fold: sorted(fold) == sorted(photos["photo"])).all()
    assert find_leakage(folds, photos, validation_people_apart=True) == []


@given(people=people_lists, count=st.integers(2, 5))
def test_k_fold_keeps_people_apart_and_folds_alike_in_people(people: list[int], count: int) -> None:
    photos = photos_of(people)
    folds = make_folds(photos, SubjectKFold(folds=count, validation_subjects=0.2), seed=0)
    check_no_leakage(folds, photos)
    tested = folds.loc[folds["part"] == "test"].merge(photos, on="photo")
    assert tested["photo"].is_unique and len(tested) == len(photos)
    sizes = tested.groupby("fold")["subject"].nunique()
    assert sizes.max() - sizes.min() <= 1


@given(people=people_lists, order=st.randoms(use_true_random=False))
def test_order_of_photos_never_matters(people: list[int], order: object) -> None:
    photos = photos_of(people)
    shuffled = photos.sample(frac=1, random_state=order.randint(0, 10**6))  # type: ignore[attr-defined]
    first, second = (
        make_folds(table, LeaveOneSubjectOut(), seed=1).sort_values(["fold", "photo"], ignore_index=True) for table in (photos, shuffled)
    )
    pd.testing.assert_frame_equal(first, second)


@given(people=people_lists, count=st.integers(2, 6), share=st.sampled_from([0.0, 0.1, 0.3]))
def test_official_folds_are_tested_once_each_as_the_authors_drew_them(people: list[int], count: int, share: float) -> None:
    photos = photos_of(people).assign(split=[f"{person % count}" for person in people])
    folds = make_folds(photos, PredefinedFolds(validation_subjects=share), seed=5)
    check_no_leakage(folds, photos)
    tested = folds.loc[folds["part"] == "test"].merge(photos, on="photo")
    assert tested["photo"].is_unique and set(tested["photo"]) == set(photos["photo"])
    names = sorted(set(photos["split"]))
    assert tested["split"].tolist() == [names[fold] for fold in tested["fold"]]
    assert folds.groupby("fold")["photo"].apply(lambda fold: sorted(fold) == sorted(photos["photo"])).all()
    assert (folds["part"] == "validation").any() == (share > 0)


@given(people=people_lists, named=st.sets(st.integers(0, 12), min_size=1, max_size=4), share=st.sampled_from([0.0, 0.2]))
def test_named_people_are_tested_together_and_nobody_else(people: list[int], named: set[int], share: float) -> None:
    photos = photos_of(people)
    present = tuple(f"{person:03d}" for person in named & set(people))
    assume(present)
    folds = make_folds(photos, FixedTestSubjects(subjects=present, validation_subjects=share), seed=2)
    check_no_leakage(folds, photos)
    assert set(folds["fold"]) == {0} and sorted(folds["photo"]) == sorted(photos["photo"])
    tested = folds.loc[folds["part"] == "test", "photo"]
    assert set(tested) == set(photos.loc[photos["subject"].isin(present), "photo"])


def test_only_some_official_folds_are_tested_in_sorted_order_and_each_once() -> None:
    photos = photos_of([1, 2, 3, 4, 5, 6]).assign(split=["0", "0", "1", "1", "2", "2"])
    folds = make_folds(photos, PredefinedFolds(only=("2", "0", "2")), seed=0)
    check_no_leakage(folds, photos)
    tested = folds[folds["part"] == "test"].merge(photos, on="photo")
    assert tested.groupby("fold")["split"].unique().map(list).to_dict() == {0: ["0"], 1: ["2"]}
    with pytest.raises(UserError, match=r"'3'.*0, 1, 2"):
        make_folds(photos, PredefinedFolds(only=("0", "3")), seed=0)


def test_a_person_in_two_official_folds_is_refused() -> None:
    photos = photos_of([1, 1, 2, 3]).assign(split=["0", "1", "1", "0"])
    with pytest.raises(UserError, match=r"1 people .*001"):
        make_folds(photos, PredefinedFolds(), seed=0)


def test_photos_outside_the_official_folds_and_a_single_fold_are_refused() -> None:
    photos = photos_of([1, 2, 3])
    with pytest.raises(UserError, match=r"1 photos .*set/1\.jpg"):
        make_folds(photos.assign(split=["0", "", "1"]), PredefinedFolds(), seed=0)
    with pytest.raises(UserError, match="nobody is left"):
        make_folds(photos.assign(split="0"), PredefinedFolds(), seed=0)


def test_unknown_people_are_named_with_the_near_one_and_all_people_are_too_many() -> None:
    photos = photos_of([1, 2, 3])
    with pytest.raises(UserError, match=r"0001, 9.*001"):
        make_folds(photos, FixedTestSubjects(subjects=("0001", "9", "002")), seed=0)
    with pytest.raises(UserError, match="nobody is left"):
        make_folds(photos, FixedTestSubjects(subjects=("001", "002", "003", "001")), seed=0)


def test_order_of_photos_never_matters_to_official_folds() -> None:
    photos = photos_of(list(np.repeat(range(12), 3))).assign(split=[f"{person % 4}" for person in np.repeat(range(12), 3)])
    first, second = (
        make_folds(table, PredefinedFolds(), seed=1).sort_values(["fold", "photo"], ignore_index=True) for table in (photos, photos[::-1])
    )
    pd.testing.assert_frame_equal(first, second)


def test_a_tenth_of_81_people_validates() -> None:
    folds = make_folds(photos_of(list(range(82))), LeaveOneSubjectOut(), seed=0)
    assert set(folds.loc[folds["part"] == "validation"].groupby("fold").size()) == {8}
    assert folds.groupby("fold")["part"].apply(lambda parts: (parts == "validation").to_numpy().nonzero()[0].tobytes()).nunique() > 70


def test_a_planted_leak_is_refused_by_name() -> None:
    photos = photos_of([1, 1, 2, 2, 3, 3, 4, 4])
    folds = make_folds(photos, SubjectKFold(folds=2, validation_subjects=0.0), seed=0)
    moved = folds.copy()
    row = moved.index[(moved["fold"] == 0) & (moved["part"] == "test")][0]
    moved.loc[row, "part"] = "train"
    person = photos.set_index("photo").loc[moved.loc[row, "photo"], "subject"]
    with pytest.raises(CheckFailed, match=f"fold 0: person {person}"):
        check_no_leakage(moved, photos)


def test_a_repeated_photo_is_refused() -> None:
    photos = photos_of([1, 2, 3, 4])
    folds = make_folds(photos, SubjectKFold(folds=2, validation_subjects=0.0), seed=0)
    with pytest.raises(CheckFailed, match="photo set/"):
        check_no_leakage(pd.concat([folds, folds.iloc[:1]]), photos)


def test_photos_without_subject_and_too_few_people_are_named() -> None:
    nameless = photos_of([1, 2, 3])
    nameless.loc[1, "subject"] = ""
    with pytest.raises(UserError, match=r"1 photos .*set/1\.jpg"):
        make_folds(nameless, LeaveOneSubjectOut(), seed=0)
    with pytest.raises(UserError, match=r"5 folds .*5 people.* 3"):
        make_folds(photos_of([1, 2, 3]), SubjectKFold(folds=5), seed=0)


def test_hold_outs_take_their_share_of_images_or_people() -> None:
    photos = photos_of(list(np.repeat(range(10), 5)))
    assert len(held_out(photos, RandomSplit(fraction=0.2), rng_key=(0,))) == 10
    people = photos.set_index("photo").loc[sorted(held_out(photos, GroupSplit(fraction=0.2), rng_key=(0,))), "subject"]
    assert people.value_counts().tolist() == [5, 5]
    assert held_out(photos, None, rng_key=(0,)) == set()


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (SubjectKFold(folds=5, validation_subjects=0.1), "5-fold, people apart, 10% of the others validate"),
        (LeaveOneSubjectOut(validation_subjects=0), "leave-one-person-out"),
        (PredefinedFolds(validation_subjects=0.25), "the authors' folds, people apart, 25% of the others validate"),
        (FixedTestSubjects(subjects=("002", "003"), validation_subjects=0), "people 002, 003 tested together"),
    ],
)
def test_every_protocol_has_words(protocol: Protocol, words: str) -> None:
    assert describe_protocol(protocol) == words


def test_no_protocol_has_none() -> None:
    with pytest.raises(ValueError, match="No words"):
        describe_protocol(None)
