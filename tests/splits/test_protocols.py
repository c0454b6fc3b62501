"""Folds of people, of images, of the authors; age groups as they are, and merged into wider ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agerepro.config.divisions import (
    FixedTestSubjects,
    GroupSplit,
    ImageKFold,
    LeaveOneSubjectOut,
    OfficialLists,
    OfficialSplit,
    PredefinedFolds,
    Protocol,
    RandomParts,
    RandomSplit,
    SubjectKFold,
)
from agerepro.config.learning import AgeGroups
from agerepro.errors import CheckFailed, UserError
from agerepro.rng import rng_for
from agerepro.splits.leakage import check_no_leakage, describe_overlap, find_leakage, shared_people
from agerepro.splits.protocols import (
    describe_protocol,
    describe_tests,
    divide,
    groups_of,
    identities_of,
    keeps_people_apart,
    make_folds,
    part_of_training,
    people_of,
    years,
)
from agerepro.tables import FOLDS, read_table, write_table

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
    return photos_of_names([f"{person:03d}" for person in people])


def photos_of_names(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"photo": [f"set/{i}.jpg" for i in range(len(names))], "subject": names})


people_lists = st.lists(st.integers(0, 12), min_size=20, max_size=60).filter(lambda people: len(set(people)) >= 6)


@given(people=people_lists, share=st.sampled_from([0.0, 0.1, 0.3]))
def test_leave_one_person_out_tests_each_person_once_and_leaks_nothing(people: list[int], share: float) -> None:
    photos = photos_of(people)
    protocol = LeaveOneSubjectOut(validation_subjects=share)
    folds = make_folds(photos, protocol)
    assert folds["fold"].nunique() == len(set(people))
    assert sorted(folds.loc[folds["part"] == "test", "photo"]) == sorted(photos["photo"])
    assert folds.groupby("fold")["photo"].apply(lambda fold: sorted(fold) == sorted(photos["photo"])).all()
    assert find_leakage(folds, photos, protocol) == []
    assert describe_overlap(folds, photos) == "" and shared_people(folds, photos) == 0


@given(people=people_lists, count=st.integers(2, 5))
def test_k_fold_keeps_people_apart_and_folds_alike_in_people(people: list[int], count: int) -> None:
    photos = photos_of(people)
    protocol = SubjectKFold(folds=count, validation_subjects=0.2)
    folds = make_folds(photos, protocol)
    check_no_leakage(folds, photos, protocol)
    tested = folds.loc[folds["part"] == "test"].merge(photos, on="photo")
    assert tested["photo"].is_unique and len(tested) == len(photos)
    sizes = tested.groupby("fold")["subject"].nunique()
    assert sizes.max() - sizes.min() <= 1


@given(people=people_lists, order=st.randoms(use_true_random=False))
def test_order_of_photos_never_matters(people: list[int], order: object) -> None:
    photos = photos_of(people)
    shuffled = photos.sample(frac=1, random_state=order.randint(0, 10**6))  # type: ignore[attr-defined]
    first, second = (
        make_folds(table, LeaveOneSubjectOut()).sort_values(["fold", "photo"], ignore_index=True) for table in (photos, shuffled)
    )
    pd.testing.assert_frame_equal(first, second)


@given(people=people_lists, count=st.integers(2, 6), share=st.sampled_from([0.0, 0.1, 0.3]))
def test_official_folds_are_tested_once_each_as_the_authors_drew_them(people: list[int], count: int, share: float) -> None:
    photos = photos_of(people).assign(split=[f"{person % count}" for person in people])
    protocol = PredefinedFolds(validation_subjects=share)
    folds = make_folds(photos, protocol)
    check_no_leakage(folds, photos, protocol)
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
    protocol = FixedTestSubjects(subjects=present, validation_subjects=share)
    folds = make_folds(photos, protocol)
    check_no_leakage(folds, photos, protocol)
    assert set(folds["fold"]) == {0} and sorted(folds["photo"]) == sorted(photos["photo"])
    tested = folds.loc[folds["part"] == "test", "photo"]
    assert set(tested) == set(photos.loc[photos["subject"].isin(present), "photo"])


def test_only_some_official_folds_are_tested_in_sorted_order_and_each_once() -> None:
    photos = photos_of([1, 2, 3, 4, 5, 6]).assign(split=["0", "0", "1", "1", "2", "2"])
    protocol = PredefinedFolds(only=("2", "0", "2"))
    folds = make_folds(photos, protocol)
    check_no_leakage(folds, photos, protocol)
    tested = folds[folds["part"] == "test"].merge(photos, on="photo")
    assert tested.groupby("fold")["split"].unique().map(list).to_dict() == {0: ["0"], 1: ["2"]}
    with pytest.raises(UserError, match=r"'3'.*0, 1, 2"):
        make_folds(photos, PredefinedFolds(only=("0", "3")))


def test_a_person_in_two_official_folds_is_refused() -> None:
    photos = photos_of([1, 1, 2, 3]).assign(split=["0", "1", "1", "0"])
    with pytest.raises(UserError, match=r"1 people .*001"):
        make_folds(photos, PredefinedFolds())


def test_photos_outside_the_official_folds_and_a_single_fold_are_refused() -> None:
    photos = photos_of([1, 2, 3])
    with pytest.raises(UserError, match=r"1 photos .*set/1\.jpg"):
        make_folds(photos.assign(split=["0", "", "1"]), PredefinedFolds())
    with pytest.raises(UserError, match="nobody is left"):
        make_folds(photos.assign(split="0"), PredefinedFolds())


def test_unknown_people_are_named_with_the_near_one_and_all_people_are_too_many() -> None:
    photos = photos_of([1, 2, 3])
    with pytest.raises(UserError, match=r"0001, 9.*001"):
        make_folds(photos, FixedTestSubjects(subjects=("0001", "9", "002")))
    with pytest.raises(UserError, match="nobody is left"):
        make_folds(photos, FixedTestSubjects(subjects=("001", "002", "003", "001")))


def test_order_of_photos_never_matters_to_official_folds() -> None:
    photos = photos_of(list(np.repeat(range(12), 3))).assign(split=[f"{person % 4}" for person in np.repeat(range(12), 3)])
    first, second = (
        make_folds(table, PredefinedFolds()).sort_values(["fold", "photo"], ignore_index=True) for table in (photos, photos[::-1])
    )
    pd.testing.assert_frame_equal(first, second)


def test_a_tenth_of_81_people_validates() -> None:
    folds = make_folds(photos_of(list(range(82))), LeaveOneSubjectOut())
    assert set(folds.loc[folds["part"] == "validation"].groupby("fold").size()) == {8}
    assert folds.groupby("fold")["part"].apply(lambda parts: (parts == "validation").to_numpy().nonzero()[0].tobytes()).nunique() > 70


def test_a_planted_leak_is_refused_by_name() -> None:
    photos = photos_of([1, 1, 2, 2, 3, 3, 4, 4])
    protocol = SubjectKFold(folds=2, validation_subjects=0.0)
    folds = make_folds(photos, protocol)
    moved = folds.copy()
    row = moved.index[(moved["fold"] == 0) & (moved["part"] == "test")][0]
    moved.loc[row, "part"] = "train"
    person = photos.set_index("photo").loc[moved.loc[row, "photo"], "subject"]
    with pytest.raises(CheckFailed, match=f"fold 0: person {person}"):
        check_no_leakage(moved, photos, protocol)


def test_a_repeated_photo_is_refused() -> None:
    photos = photos_of([1, 2, 3, 4])
    protocol = SubjectKFold(folds=2, validation_subjects=0.0)
    folds = make_folds(photos, protocol)
    with pytest.raises(CheckFailed, match="photo set/"):
        check_no_leakage(pd.concat([folds, folds.iloc[:1]]), photos, protocol)


BY_PERSON = (
    LeaveOneSubjectOut(),
    SubjectKFold(folds=2),
    FixedTestSubjects(subjects=("001",)),
    RandomParts(unit="subjects", test=0.3),
)
BY_IMAGE = (
    ImageKFold(folds=3),
    OfficialLists(),
    RandomParts(validation=0.2, repeats=3),
    PredefinedFolds(validation_subjects=0.2, subjects_may_repeat=True),
)


def with_splits(photos: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """The photos with the authors' lists, or three folds of theirs, whoever is on them."""
    names = ("train", "train", "test") if isinstance(protocol, OfficialLists) else ("0", "1", "2")
    return photos.assign(split=[names[place % 3] for place in range(len(photos))])


@pytest.mark.parametrize("protocol", BY_PERSON, ids=lambda protocol: type(protocol).__name__)
def test_a_protocol_by_person_refuses_an_unknown_one_and_names_a_protocol_by_image(protocol: Protocol) -> None:
    nameless = photos_of([1, 2, 3])
    nameless.loc[1, "subject"] = ""
    with pytest.raises(UserError, match=r"1 photos .*set/1\.jpg.*image_kfold"):
        make_folds(nameless, protocol)


def test_more_folds_than_people_or_photos_are_refused() -> None:
    with pytest.raises(UserError, match=r"5 folds .*5 people.* 3"):
        make_folds(photos_of([1, 2, 3]), SubjectKFold(folds=5))
    with pytest.raises(UserError, match=r"5 folds .*5 photos.* 3"):
        make_folds(photos_of([1, 2, 3]), ImageKFold(folds=5))


@given(people=people_lists, known=st.booleans(), order=st.randoms(use_true_random=False))
@pytest.mark.parametrize("protocol", BY_IMAGE, ids=lambda protocol: type(protocol).__name__)
def test_a_protocol_by_image_needs_nobody_and_is_the_same_in_any_order(
    protocol: Protocol, people: list[int], known: bool, order: object
) -> None:
    photos = with_splits(photos_of(people), protocol)
    photos = photos if known else photos.assign(subject="")
    folds = make_folds(photos, protocol)
    check_no_leakage(folds, photos, protocol)
    assert folds.groupby("fold")["photo"].apply(lambda fold: sorted(fold) == sorted(photos["photo"])).all()
    assert all(set(parts) == {"train", "validation", "test"} for _, parts in folds.groupby("fold")["part"])
    shuffled = make_folds(photos.sample(frac=1, random_state=order.randint(0, 10**6)), protocol)  # type: ignore[attr-defined]
    both = (table.sort_values(["fold", "photo"], ignore_index=True) for table in (folds, shuffled))
    pd.testing.assert_frame_equal(*both)


@pytest.mark.parametrize("protocol", [*BY_PERSON, *BY_IMAGE], ids=lambda protocol: type(protocol).__name__)
def test_each_seed_draws_other_parts(protocol: Protocol) -> None:
    photos = with_splits(photos_of(list(np.repeat(range(20), 3))), protocol)
    if isinstance(protocol, PredefinedFolds):
        photos["split"] = [f"{place // 20}" for place in range(60)]
    parts = [tuple(make_folds(photos, replace(protocol, seed=seed))["part"]) for seed in (0, 1, 1)]
    assert parts[0] != parts[1] and parts[1] == parts[2]


@given(count=st.integers(7, 40), folds=st.integers(2, 7))
def test_folds_of_images_are_alike_in_size_and_test_each_image_once(count: int, folds: int) -> None:
    table = make_folds(photos_of([0] * count), ImageKFold(folds=folds, validation_images=0.25))
    tested = table[table["part"] == "test"]
    assert tested["photo"].is_unique and len(tested) == count
    sizes = tested.groupby("fold").size()
    assert len(sizes) == folds and sizes.max() - sizes.min() <= 1
    validated = table[table["part"] == "validation"].groupby("fold").size()
    assert validated.tolist() == [max(1, round(0.25 * (count - size))) for size in sizes]


def test_random_parts_take_their_shares_of_images_or_people_anew_in_each_repeat() -> None:
    photos = photos_of(list(np.repeat(range(20), 5)))
    table = make_folds(photos, RandomParts(test=0.2, validation=0.1, repeats=4))
    assert table.groupby("fold")["part"].value_counts().unstack()[["test", "validation", "train"]].to_numpy().tolist() == [[20, 10, 70]] * 4
    assert table[table["part"] == "test"].groupby("fold")["photo"].agg(frozenset).nunique() == 4
    protocol = RandomParts(test=0.25, validation=0.0, unit="subjects")
    table = make_folds(photos, protocol)
    check_no_leakage(table, photos, protocol)
    assert table["part"].value_counts().to_dict() == {"train": 75, "test": 25}
    with pytest.raises(UserError, match=r"2 images .*1 .* test and 1 validate"):
        make_folds(photos[:2], RandomParts())
    with pytest.raises(UserError, match="0 images"):
        make_folds(photos[:0], RandomParts())


def test_the_authors_lists_are_followed_to_the_letter() -> None:
    photos = photos_of([1, 1, 2, 3, 4]).assign(split=["Train", "TEST", "dev", "train", "training"])
    assert make_folds(photos, OfficialLists())["part"].tolist() == ["train", "test", "validation", "train", "train"]
    without = make_folds(photos.assign(split=["train", "test", "train", "train", "train"]), OfficialLists(validation_images=0.5))
    assert without["part"].value_counts().to_dict() == {"train": 2, "validation": 2, "test": 1} and without["part"][1] == "test"
    with_none = make_folds(photos.assign(split=["train", "test", "train", "train", "train"]), OfficialLists(validation_images=0.0))
    assert with_none["part"].tolist() == ["train", "test", "train", "train", "train"]


@pytest.mark.parametrize(
    ("split", "named"),
    [
        (["train", "validation", "train"], "test list"),
        (["test", "test", "val"], "train list"),
        (["train", "test", ""], r"1 photos .*set/2\.jpg.*''"),
        (["0", "1", "2"], r"3 photos .*set/0\.jpg.*'0'.*predefined_folds"),
    ],
)
def test_a_list_that_is_missing_and_a_photo_in_none_are_named(split: list[str], named: str) -> None:
    with pytest.raises(UserError, match=named):
        make_folds(photos_of([1, 2, 3]).assign(split=split), OfficialLists())


def test_the_authors_folds_may_share_people_where_the_protocol_says_so() -> None:
    photos = photos_of([1, 1, 2, 3, 4, 5]).assign(split=["0", "1", "1", "0", "0", "1"])
    protocol = PredefinedFolds(validation_subjects=0.3, subjects_may_repeat=True)
    folds = make_folds(photos, protocol)
    check_no_leakage(folds, photos, protocol)
    tested = folds[folds["part"] == "test"].merge(photos, on="photo")
    assert tested["split"].astype(int).tolist() == tested["fold"].tolist() and len(tested) == 6
    with pytest.raises(UserError, match="subjects_may_repeat: true"):
        make_folds(photos, PredefinedFolds())


def test_the_authors_folds_need_no_people_and_unknown_ones_count_as_one_each() -> None:
    photos = photos_of([1, 1, 2, 2, 0, 0, 0, 0]).assign(split=["0", "0", "1", "1", "0", "0", "1", "1"])
    photos.loc[4:, "subject"] = ""
    protocol = PredefinedFolds(validation_subjects=0.34)
    folds = make_folds(photos, protocol)
    check_no_leakage(folds, photos, protocol)
    for _, parts in folds.groupby("fold"):
        validated = parts.loc[parts["part"] == "validation", "photo"]
        assert people_of(photos[photos["photo"].isin(validated)]).nunique() == 1  # a third of a person and two photos of nobody known
    assert people_of(photos).nunique() == 6


def test_the_draws_are_those_of_the_written_keys() -> None:
    """Transcribed: the names in sorted order, and a permutation of the generator that the key names."""
    photos = photos_of(list(range(30)))
    folds = make_folds(photos, SubjectKFold(folds=4, validation_subjects=0.2, seed=3))
    order = rng_for("k-fold", 3, 4).permutation(30)
    for fold in range(4):
        rest = sorted(set(range(30)) - set(order[fold::4].tolist()))
        validated = {
            rest[place] for place in rng_for("hold-out", "validation people", 3, fold).permutation(len(rest))[: round(0.2 * len(rest))]
        }
        expected = ["test" if who in order[fold::4] else "validation" if who in validated else "train" for who in range(30)]
        assert folds.loc[folds["fold"] == fold, "part"].tolist() == expected
    images = make_folds(photos, ImageKFold(folds=4, validation_images=0, seed=3))
    names = sorted(photos["photo"])
    first = {names[place] for place in rng_for("image k-fold", 3, 4).permutation(30)[::4]}
    assert set(images.loc[(images["fold"] == 0) & (images["part"] == "test"), "photo"]) == first


def test_folds_are_the_same_when_they_are_written_and_read(tmp_path: Path) -> None:
    folds = make_folds(photos_of([1, 2, 3, 1]), ImageKFold(folds=2))
    pd.testing.assert_frame_equal(read_table(write_table(tmp_path / "folds.csv", folds, FOLDS), FOLDS), folds)


def test_nobody_can_be_told_apart_whom_nobody_knows() -> None:
    photos = photos_of([1, 2, 3])
    assert identities_of(photos).tolist() == ["001", "002", "003"]
    photos.loc[1, "subject"] = ""
    with pytest.raises(UserError, match=r"1 photos .*set/1\.jpg"):
        identities_of(photos)


def test_hold_outs_take_their_share_of_images_or_people() -> None:
    photos = photos_of(list(np.repeat(range(10), 5)))
    training, validation = divide(photos, RandomSplit(fraction=0.2), rng_key=(0,))
    assert len(validation) == 10 and training == set(photos["photo"]) - validation
    people = photos.set_index("photo").loc[sorted(divide(photos, GroupSplit(fraction=0.2), rng_key=(0,))[1]), "subject"]
    assert people.value_counts().tolist() == [5, 5]
    assert divide(photos, None, rng_key=(0,)) == (set(photos["photo"]), set())


def test_photos_of_nobody_known_are_people_of_their_own_in_a_hold_out() -> None:
    photos = photos_of_names(["a"] * 5 + [""] * 15)
    sizes = {len(divide(photos, GroupSplit(fraction=0.25), rng_key=(seed,))[1]) for seed in range(20)}
    assert sizes == {4, 8}  # four of 16 people, of whom one has five photos
    nameless = photos_of_names([""] * 20)
    assert len(divide(nameless, GroupSplit(fraction=0.25), rng_key=(0,))[1]) == 5


def test_a_stage_on_the_authors_lists_never_sees_their_test_images_and_parts_share_the_training_images() -> None:
    photos = photos_of(list(range(60))).assign(split=["train"] * 40 + ["valid"] * 8 + ["test"] * 12)
    keys = photos["photo"].tolist()
    training, validation = divide(photos, OfficialSplit(), rng_key=(0, "a"))
    assert (training, validation) == (set(keys[:40]), set(keys[40:48]))
    parts = [part_of_training(photos, number, 4) for number in range(4)]
    assert sorted(photo for part in parts for photo in part) == sorted(keys[:40]) and [len(part) for part in parts] == [10] * 4
    assert part_of_training(photos.sample(frac=1, random_state=1), 2, 4) == parts[2]
    less, same = divide(photos, OfficialSplit(without_part=(2, 4)), rng_key=(0, "b"))
    assert (less, same) == (training - parts[2], validation)


def test_without_a_list_for_it_a_share_of_the_training_images_validates_and_a_left_out_part_does_not() -> None:
    photos = photos_of(list(range(50))).assign(split=["train"] * 40 + ["test"] * 10)
    training, validation = divide(photos, OfficialSplit(fraction=0.25), rng_key=(0, "a"))
    assert len(validation) == 10 and training | validation == set(photos["photo"][:40]) and not training & validation
    less, validating = divide(photos, OfficialSplit(fraction=0.25, without_part=(0, 2)), rng_key=(0, "a"))
    left_out = part_of_training(photos, 0, 2)
    assert (less, validating) == (training - left_out, validation - left_out)
    assert divide(photos, OfficialSplit(fraction=0), rng_key=(0, "a"))[1] == set()


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (SubjectKFold(folds=5, validation_subjects=0.1), "5-fold, people apart, 10% of the others validate"),
        (LeaveOneSubjectOut(validation_subjects=0), "leave-one-person-out"),
        (PredefinedFolds(validation_subjects=0.25), "the authors' folds, people apart, 25% of the others validate"),
        (FixedTestSubjects(subjects=("002", "003"), validation_subjects=0), "people 002, 003 tested together"),
        (ImageKFold(folds=5), "5-fold by image, 10% of the others validate"),
        (PredefinedFolds(validation_subjects=0, subjects_may_repeat=True), "the authors' folds"),
        (OfficialLists(validation_images=0), "the authors' lists of training and test images"),
        (
            OfficialLists(validation_images=0.2),
            "the authors' lists of training and test images, 20% of the training images validate where no list does",
        ),
        (RandomParts(repeats=3), "a random 20% of the images tested, 3 draws, 10% validate"),
        (RandomParts(unit="subjects", validation=0), "a random 20% of the people tested"),
    ],
)
def test_every_protocol_has_words(protocol: Protocol, words: str) -> None:
    assert describe_protocol(protocol) == words
    assert words.startswith(describe_tests(protocol)) and "validate" not in describe_tests(protocol)


def test_no_protocol_has_none() -> None:
    with pytest.raises(ValueError, match="No words"):
        describe_protocol(None)


def test_no_words_promise_that_people_are_apart_where_they_are_not() -> None:
    assert describe_protocol(PredefinedFolds(validation_subjects=0), overlap="people unknown") == "the authors' folds"
    assert not any(keeps_people_apart(protocol) for protocol in BY_IMAGE)
    assert all(keeps_people_apart(protocol) for protocol in (*BY_PERSON, PredefinedFolds()))
