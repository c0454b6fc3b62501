"""How much of a map lies where: by hand, and whatever the map's size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from agerepro.diagnosis.regions import SIDE, TOGETHER, densest, region_summary, region_table
from agerepro.explain.regions import REGIONS, face_regions

LANDMARKS = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])  # shares of the side


def photos(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"photo": [f"p{n}" for n in range(count)], "subject": [f"s{n // 2}" for n in range(count)], "age": np.arange(count) * 10.0}
    )


def everywhere(count: int) -> np.ndarray:
    return np.repeat(LANDMARKS[None], count, axis=0)


def test_an_even_map_has_every_region_at_one_and_shares_sum_to_one() -> None:
    table = region_table(photos(2), np.ones((2, 3, 3)), everywhere(2))
    assert list(table["region"].unique()) == list(REGIONS)
    np.testing.assert_allclose(table["relative"], 1)
    np.testing.assert_allclose(table.groupby("photo")["share"].sum(), 1)
    np.testing.assert_allclose(table.groupby("photo")["area_share"].sum(), 1)


def test_a_map_on_the_mouth_alone_holds_all_of_its_energy_there_whatever_its_sign() -> None:
    mouth = (face_regions(LANDMARKS * SIDE, SIDE) == REGIONS.index("mouth")).astype(float)
    table = region_table(photos(2), np.stack([mouth, -mouth]), everywhere(2)).set_index(["photo", "region"])
    assert table.loc[("p0", "mouth"), "share"] == table.loc[("p1", "mouth"), "share"] == 1
    assert table.loc[("p0", "mouth"), "relative"] == pytest.approx(1 / mouth.mean())


def test_photos_without_landmarks_or_with_an_empty_map_have_no_rows() -> None:
    landmarks, maps = everywhere(3), np.ones((3, 2, 2))
    landmarks[0], maps[1] = np.nan, 0
    assert set(region_table(photos(3), maps, landmarks)["photo"]) == {"p2"}
    assert region_table(photos(3), maps, np.full((3, 5, 2), np.nan)).empty


def test_the_summary_is_a_mean_over_photos_and_eyes_and_nose_are_their_sum() -> None:
    maps = np.random.default_rng(0).random((6, 8, 8))
    table = region_table(photos(6), maps, everywhere(6))
    groups = pd.Series(["0-9", "10-19", "20-39", "20-39", "40-59", "40-59"], index=photos(6)["photo"])
    summary = region_summary(table, groups).set_index(["group", "region"])
    mine = table.loc[table["region"] == "nose"]
    assert summary.loc[("all", "nose"), "share"] == pytest.approx(mine["share"].mean())
    assert summary.loc[("all", "nose"), "relative"] == pytest.approx(mine["share"].sum() / mine["area_share"].sum())
    parts = summary.loc["all"].loc[["eyes", "nose"], "share"]
    assert summary.loc[("all", TOGETHER), "share"] == pytest.approx(parts.sum())
    assert (summary.loc["all"]["people"] == 3).all() and summary.loc[("20-39", "nose"), "photos"] == 2
    low, high = (summary.loc[("all", TOGETHER), end] for end in ("relative_low", "relative_high"))
    assert low < summary.loc[("all", TOGETHER), "relative"] < high


def test_the_densest_region_is_the_one_with_most_a_pixel() -> None:
    nose = (face_regions(LANDMARKS * SIDE, SIDE) == REGIONS.index("nose")) + 0.1
    table = region_table(photos(2), np.stack([nose, nose]), everywhere(2))
    assert densest(region_summary(table, pd.Series("", index=photos(2)["photo"])))[0] == "nose"
