"""How much of each photo's map lies in each region of the face, and the means over photos with intervals over people."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from agerepro.diagnosis.age_groups import ALL, in_order
from agerepro.evaluation.intervals import bootstrap_people
from agerepro.explain.heat import upsampled
from agerepro.explain.regions import REGIONS, area_shares, energy_shares, face_regions, relative_energy, usable

SIDE = 112  # pixels at which regions are drawn; a third of a percent of a region's area at most
TOGETHER = "eyes and nose"  # what koenig2019, section 6, says activations centre on
COLUMNS = ("photo", "subject", "age", "region", "share", "area_share", "relative")
SUMMARY = (
    "group",
    "region",
    "photos",
    "people",
    "share",
    "share_low",
    "share_high",
    "area_share",
    "relative",
    "relative_low",
    "relative_high",
)


def region_table(photos: pd.DataFrame, maps: np.ndarray, landmarks: np.ndarray) -> pd.DataFrame:
    """COLUMNS, one row a photo and region, of photos with usable landmarks and a map that is not empty.

    photos: `photo`, `subject`, `age`; maps (n, h, w), signed: what speaks for and against counts alike; landmarks (n, 5, 2) in
    shares of the side. share: of the map's energy; area_share: of the crop; relative: the one over the other, 1 where even.
    """
    fits = np.flatnonzero(usable(landmarks))
    regions = np.stack([face_regions(landmarks[row] * SIDE, SIDE) for row in fits]) if len(fits) else np.empty((0, SIDE, SIDE), np.uint8)
    if not len(fits):
        return pd.DataFrame(columns=list(COLUMNS))
    shares, areas = energy_shares(upsampled(maps[fits], SIDE), regions, energy="absolute"), area_shares(regions)
    table = pd.DataFrame(
        {
            **{name: np.repeat(photos[name].to_numpy()[fits], len(REGIONS)) for name in ("photo", "subject", "age")},
            "region": np.tile(REGIONS, len(fits)),
            "share": shares.ravel(),
            "area_share": areas.ravel(),
            "relative": relative_energy(shares, areas).ravel(),
        }
    )
    return table.loc[table["share"].notna()].reset_index(drop=True)


def region_summary(table: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """SUMMARY: for all photos and for each age group (`groups` by photo), every region and eyes and nose together.

    share and area_share are means over photos; relative is the one over the other, so that photos in which a region is all but
    outside the crop weigh little; intervals are 95 % bootstraps over people.
    """
    wide = widened(table)
    group = groups.reindex(wide["photo"]).to_numpy(str)
    parts = [(ALL, wide)] + [(name, wide.loc[group == name]) for name in in_order(group)]
    rows = [_row(name, region, part) for name, part in parts if len(part) for region in (*REGIONS, TOGETHER)]
    return pd.DataFrame(rows, columns=list(SUMMARY))


def widened(table: pd.DataFrame) -> pd.DataFrame:
    """One row a photo: `photo`, `subject`, and `<region> share`, `<region> area` of each region and of eyes and nose together."""
    shares, areas = (
        table.pivot(index="photo", columns="region", values=name).reindex(columns=list(REGIONS)) for name in ("share", "area_share")
    )
    for each in (shares, areas):
        each[TOGETHER] = each["eyes"] + each["nose"]
    wide = pd.concat([shares.add_suffix(" share"), areas.add_suffix(" area")], axis=1)
    people = table.drop_duplicates("photo").set_index("photo")["subject"]
    return wide.assign(subject=people.reindex(wide.index)).reset_index()


def people_of(frame: pd.DataFrame) -> np.ndarray:
    """Who is in each photo, (n,) text; a photo of nobody known stands for itself."""
    return np.where(frame["subject"] == "", frame["photo"], frame["subject"]).astype(str)


def _row(group: str, region: str, part: pd.DataFrame) -> tuple[object, ...]:
    shares, areas, people = part[f"{region} share"].to_numpy(), part[f"{region} area"].to_numpy(), people_of(part)
    share = bootstrap_people(shares, np.ones(len(part)), people)
    relative = bootstrap_people(shares, areas, people) if _drawable(areas, people) else None
    three = (relative.value, relative.low, relative.high) if relative else (float("nan"),) * 3
    return (group, region, len(part), share.n, share.value, share.low, share.high, float(areas.mean()), *three)


def _drawable(areas: np.ndarray, people: np.ndarray) -> bool:
    """Whether every draw of people has some of the region in it."""
    return all(areas[people == one].sum() > 0 for one in np.unique(people))


def densest(summary: pd.DataFrame) -> tuple[str, float]:
    """The region with most energy a pixel over all photos, and how much beside an even spread."""
    rows = summary.loc[(summary["group"] == ALL) & (summary["region"] != TOGETHER)].dropna(subset=["relative"])
    at = int(rows["relative"].to_numpy().argmax())
    return str(rows["region"].iloc[at]), float(rows["relative"].iloc[at])


def of_region(summary: pd.DataFrame, regions: Sequence[str], *, group: str = ALL) -> Iterator[dict[Hashable, Any]]:
    """The rows of these regions in a group, in this order."""
    rows = {row["region"]: row for row in summary.loc[summary["group"] == group].to_dict("records")}
    return (rows[region] for region in regions)
