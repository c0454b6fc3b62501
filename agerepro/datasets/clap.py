"""ChaLearn Looking at People 2015 and 2016: lists of pictures with the mean and the standard deviation of votes on how old people look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from agerepro.datasets.layout import Layout, below, folders_in, list_folder, native_folder
from agerepro.datasets.lists import numbers, read_list
from agerepro.datasets.photos import OUTSIDE, Photos, SkippedItem, stays_inside
from agerepro.tables import PHOTOS, coerce

# The lists of each set, by the split's name in protocols. 2015: `image_1.jpg;23;4.27`, no heading. 2016: heading image,mean,stdv.
LISTS = {
    "clap2015": {"train": "Train.csv", "validation": "Validation.csv", "test": "Test.csv"},
    "clap2016": {"train": "train_gt.csv", "validation": "valid_gt.csv", "test": "test_gt.csv"},
}
COLUMNS = ("image", "mean", "stdv")
PICTURES = re.compile(r"(train|valid|test)(?:ation|ing)?[_ ]?\d*", re.IGNORECASE)  # folders of pictures: train, train_1, Validation, test_2
SPLITS = {"train": "train", "valid": "validation", "test": "test"}
DEPTH = 3  # how far below the data set's folder its pictures are looked for


def read_2015(root: Path, *, labels_only: bool = False) -> Photos:
    """The pictures of ChaLearn LAP 2015 under `root`, as `read_lists`."""
    return read_lists("clap2015", root, labels_only=labels_only)


def read_2016(root: Path, *, labels_only: bool = False) -> Photos:
    """The pictures of ChaLearn LAP 2016 under `root`, as `read_lists`."""
    return read_lists("clap2016", root, labels_only=labels_only)


def read_lists(dataset: str, root: Path, *, labels_only: bool = False) -> Photos:
    """The pictures that the lists name and that are there: `apparent_age`, `apparent_std`, `split`; no age, nobody known.

    A list that is not there is passed over, since the lists of test pictures came later than the others. labels_only: pictures that
    are not there count, too, without a path. UserError without any list, or for one that is none.
    """
    folder = native_folder(dataset, root, LAYOUTS[dataset])
    places = dict(_picture_folders(root))
    parts, skipped, labels = [], [], []
    for split, name in LISTS[dataset].items():
        path = _list_in(folder, name)
        if path is None:
            skipped.append(SkippedItem(below(folder, root) + name, "the list is missing"))
            continue
        labels.append(below(folder, root) + path.name)
        rows, left_out = _split(dataset, path, split, _pictures(places, folder, root, split), labels_only=labels_only)
        parts.append(rows)
        skipped += left_out
    return Photos(coerce(pd.concat(parts, ignore_index=True), PHOTOS), skipped=tuple(skipped), label_files=tuple(labels))


def _split(
    dataset: str, path: Path, split: str, pictures: Mapping[str, str], *, labels_only: bool
) -> tuple[pd.DataFrame, list[SkippedItem]]:
    """The rows of a list whose picture is there, and what is left out, with the reason."""
    listed = _rows(path)
    mean, deviation = numbers(listed["mean"]), numbers(listed["stdv"])
    why = pd.Series("", index=listed.index)
    for reason, wrong in (
        ("there is no such picture", ~listed["image"].isin(list(pictures)) & (not labels_only)),
        (f"no mean of votes in {path.name}", mean.isna()),
        (OUTSIDE, ~pd.Series(stays_inside(listed["image"]), index=listed.index)),
        (f"listed twice in {path.name}", listed["image"].duplicated()),
    ):
        why = why.where(~wrong, reason)
    table = pd.DataFrame(
        {
            "photo": f"{dataset}/{split}/" + listed["image"],
            "path": listed["image"].map(pictures).fillna(""),
            "apparent_age": mean,
            "apparent_std": deviation,
            "split": split,
        }
    )
    return table[why == ""], [SkippedItem(f"{split}: {name}", reason) for name, reason in zip(listed["image"], why) if reason]


def _rows(path: Path) -> pd.DataFrame:
    """COLUMNS of a list as text, without its heading if it has one."""
    with path.open("rb") as file:
        separator = ";" if b";" in file.readline() else ","
    rows = read_list(path, separator=separator, names=COLUMNS)
    return rows[1:].reset_index(drop=True) if len(rows) and numbers(rows["mean"][:1]).isna().all() else rows


def _picture_folders(root: Path) -> Iterator[tuple[Path, str]]:
    """The folders below `root` that are called like a split, with the split; what lies in them belongs to it."""
    level = [root]
    for _ in range(DEPTH):
        level = [folder / name for folder in level for name in folders_in(folder)]
        for folder in level:
            if match := PICTURES.fullmatch(folder.name):
                yield folder, SPLITS[match[1].lower()]


def _pictures(places: Mapping[Path, str], folder: Path, root: Path, split: str) -> dict[str, str]:
    """{name: path from the data set's folder} of the split's pictures, in its folders or beside the lists."""
    found: dict[str, str] = {}
    for place in (folder, *(place for place, of in places.items() if of == split)):
        found |= {name: below(place, root) + name for name in list_folder(place).files}
    return found


def _list_in(folder: Path, name: str) -> Path | None:
    """The file of that name in whatever case, None without one."""
    found = next((other for other in list_folder(folder).files if other.casefold() == name.casefold()), None)
    return None if found is None else folder / found


def _layout(dataset: str) -> Layout:
    lists = LISTS[dataset].values()
    return Layout((".", "gt", "lists"), lambda folder: any(_list_in(folder, name) for name in lists), next(iter(lists)))


LAYOUTS = {dataset: _layout(dataset) for dataset in LISTS}
