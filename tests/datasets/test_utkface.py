"""UTKFace: labels from names, with the malformed names that its users know."""

from __future__ import annotations

import pytest

from agerepro.datasets import utkface
from agerepro.errors import UserError

# Named in the issues and readers of users of the set; the first three say all labels, the others lack one.
COMPLETE = ["55_0_0_20170116232725357jpg.chip.jpg", "44_1_4_20170116235150272.pg.chip.jpg", "24_0_1_20170116220224657 .jpg"]
INCOMPLETE = [
    "39_1_20170116174525125.jpg.chip.jpg", "61_1_20170109142408075.jpg.chip.jpg", "61_3_20170109150557335.jpg",
    "53__0_20170116184028385.jpg",
]  # fmt: skip


@pytest.mark.parametrize("nesting", [".", "UTKFace", "utkface_aligned_cropped/UTKFace", "part2"])
def test_labels_from_names(tmp_path, touch, nesting):
    touch(tmp_path / nesting, "1_0_0_20161219140623097.jpg.chip.jpg", "116_1_4_20170120134921760.jpg", *COMPLETE, *INCOMPLETE)
    photos = utkface.read(tmp_path)
    table = photos.table.set_index("photo")
    assert table.loc["utkface/116_1_4_20170120134921760.jpg", ["age", "gender", "subject"]].tolist() == [116.0, "f", ""]
    assert table.loc["utkface/1_0_0_20161219140623097.jpg.chip.jpg", ["age", "gender"]].tolist() == [1.0, "m"]
    assert {f"utkface/{name}" for name in COMPLETE} < set(table.index) and len(table) == 5
    assert sorted(skip.path.rpartition("/")[2] for skip in photos.skipped) == sorted(INCOMPLETE)
    assert all((tmp_path / path).exists() for path in table["path"])


def test_the_parts_in_the_wild_are_one_set(tmp_path, touch):
    for part, age in (("part1", 3), ("part2", 4), ("part3", 5)):
        touch(tmp_path / "in the wild" / part, f"{age}_0_0_20161219140623097.jpg")
    photos = utkface.read(tmp_path)
    assert sorted(photos.table["age"]) == [3.0, 4.0, 5.0] and photos.skipped == ()


def test_an_empty_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(UserError, match="CVPR 2017"):
        utkface.read(tmp_path)
