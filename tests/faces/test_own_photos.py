"""A user's own photos, with one of every mistake."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from agerepro.config.schema import OwnData
from agerepro.faces.own_photos import check_own


def picture(path, seed):
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8))


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate("abcdefg"):
        picture(tmp_path / "photos" / f"{name}.png", seed)
    return tmp_path


def rows(folder, *lines):
    (folder / "faces.csv").write_text("\n".join(["file;years;person;part", *lines]) + "\n", encoding="utf-8-sig")
    return folder / "faces.csv"


def test_every_bad_row_is_named(folder):
    (folder / "photos" / "b.png").write_bytes(b"")
    (folder / "photos" / "c.png").write_bytes((folder / "photos" / "c.png").read_bytes()[:300])
    (folder / "photos" / "copy.png").write_bytes((folder / "photos" / "a.png").read_bytes())
    path = rows(
        folder, "photos/a.png;30;x;train", "photos/b.png;31;x;train", "photos/c.png;31,5;y;train", "photos/copy.png;33;y;train",
        "photos/d.png;40;x;test", "photos/e.png;old;z;", "photos/f.png;121;z;", "photos/gone.png;3;z;", "photos/d.png;40;x;test",
        "photos/g.png;41;x;test",
    )  # fmt: skip
    counted = []
    own_check = check_own(path, OwnData(), on_progress=lambda done, total: counted.append((done, total)))
    assert not own_check.clean and counted[-1] == (6, 6)
    words = {
        3: "empty file", 4: "broken file", 5: "same picture as photos/a.png (line 2)", 6: "'x' is in test here, and in train", 7: "'old'",
        8: "'121'", 9: "no such file", 10: "line 6",
    }  # fmt: skip
    reasons = {problem.line: problem.reason for problem in own_check.problems}
    assert list(reasons) == list(words) and all(word in reasons[line] for line, word in words.items())
    assert "age (33, there 30)" in reasons[5] and "person (y, there x)" in reasons[5]
    text = own_check.as_text()
    assert all(f"line {line}: photos/" in text for line in words)
    written = json.loads(own_check.to_json())
    assert [problem["line"] for problem in written["problems"]] == list(words) and written["clean"] is False
    assert (written["listed"], written["photos"], written["people"], written["splits"]) == (10, 6, 2, {"test": 2, "train": 4})


def test_clean_labels(folder):
    own_check = check_own(rows(folder, *(f"photos/{name}.png;{age};;" for name, age in zip("abc", (9, 10, 19)))), OwnData())
    assert own_check.clean and own_check.counts() == {
        "listed": 3, "photos": 3, "people": 0, "photos of nobody known": 3, "youngest": 9.0, "mean age": 12.67, "oldest": 19.0,
        "ages": {"0-9": 1, "10-19": 2}, "splits": {},
    }  # fmt: skip


def test_a_folder_by_pattern(folder, tmp_path):
    picture(tmp_path / "named" / "x_30.png", 1)
    picture(tmp_path / "named" / "y_31.png", 1)
    own_check = check_own(tmp_path / "named", OwnData(pattern="{subject}_{age}.png"))
    assert [problem.photo for problem in own_check.problems] == ["y_31.png"] and "under another age" in own_check.problems[0].reason
    assert own_check.as_text().splitlines()[0].startswith(f"{tmp_path / 'named'}: 2 files")
