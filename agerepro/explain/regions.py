"""Regions of the face from landmarks, and how much of a map lies on each, by photo and by age group."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from agerepro.config.schema import Faces
from agerepro.errors import UserError
from agerepro.evaluation.bootstrap import cluster_bootstrap
from agerepro.explain.cam import resize
from agerepro.explain.maps import is_empty
from agerepro.faces.alignment import MEAN_FACE, Box, apply, box_matrix, compose, eye_rotation, similarity, with_margin

REGIONS = ("eyes", "nose", "mouth", "forehead", "cheeks", "hair", "background")  # "cheeks" is the rest of the face, with the chin
EYES, NOSE, MOUTH, FOREHEAD, CHEEKS, HAIR, BACKGROUND = range(len(REGIONS))
Energy = Literal["absolute", "positive"]

EYE = (0.40, 0.30)  # half axes of an ellipse about either eye, with its brow
NOSE_HALF = (0.14, 0.30)  # half widths of the nose between the eyes and at its wings
WINGS_BELOW_TIP = 0.16  # of the nose, which ends there
MOUTH_REACH = (1.25, 0.24)  # half axes: times half of the mouth's width, and down
FACE = (0.35, 1.15, 1.40)  # of the ellipse from hairline to chin: its centre's height, half axes
HEAD = (0.05, 1.35, 1.90)  # of the ellipse about the hair, likewise
BROWS = -0.30  # the forehead is what of the face lies above
HAIR_ENDS = 1.00  # beside the face; below are neck and shoulders
NARROWEST = 0.6  # the least unit sideways, in units down: the eyes of a face in profile all but coincide

STARTS = (0, 10, 20, 40, 60)  # years; koenig2019's data end at 69, and childhood changes a face most
ALL = "all"

SIDE = 112  # pixels at which regions are drawn; a third of a percent of a region's area at most
EYES_AND_NOSE = "eyes and nose"  # what koenig2019, section 6, says activations centre on
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
EMPTY_MAP, NO_LANDMARKS = "empty map", "no landmarks"  # notes


def crop_matrix(landmarks: np.ndarray, box: Box, faces: Faces, *, photo_shape: tuple[int, int], size: int) -> np.ndarray:
    """The 2x3 matrix from the upright photo to its crop of `size` pixels a side, for a face that the detector found.

    landmarks (5, 2) and box: as in the faces table, the box in the photo turned by `rotation`; faces: the settings of the crop;
    photo_shape: height and width of the upright photo, where `border: clip` ends the crop; size: of the crop as the network sees
    it, which need not be the stored one. Coordinates are continuous: pixel i covers i..i+1. Exact but for photos over 2,048
    pixels, which were reduced before they were cut: there within half a reduced pixel.
    """
    if faces.align == "five_points":
        return similarity(landmarks, (MEAN_FACE + faces.margin) / (1 + 2 * faces.margin) * size)
    _, rotation = eye_rotation(landmarks)
    return compose(box_matrix(with_margin(box, faces.margin, shape=photo_shape, border=faces.border), size), rotation)


def landmarks_in_crop(landmarks: np.ndarray, box: Box, faces: Faces, *, photo_shape: tuple[int, int], size: int) -> np.ndarray:
    """The landmarks (5, 2) of the faces table, in its order, in pixels of the crop; arguments as in `crop_matrix`."""
    return apply(crop_matrix(landmarks, box, faces, photo_shape=photo_shape, size=size), landmarks)


def usable(landmarks: np.ndarray) -> np.ndarray:
    """Whether regions can be drawn, (...,) bool of (..., 5, 2): all landmarks known, the mouth below the eyes."""
    _, _, down = _frame(landmarks)
    return np.isfinite(landmarks).all(axis=(-2, -1)) & (down > 0)


def face_regions(landmarks: np.ndarray, size: int) -> np.ndarray:
    """The number in REGIONS of every pixel of a crop, (size, size) uint8; each belongs to one region, the first that fits.

    landmarks: (5, 2) in pixels of the crop: left eye, right eye, nose tip, left and right corner of the mouth. Raises UserError
    for landmarks that are not `usable`.
    """
    if not usable(landmarks):
        raise UserError("Regions need five known landmarks with the mouth below the eyes: leave out the photos where `usable` is false.")
    centres = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), axis=-1)
    across, down = np.moveaxis(_in_face(centres, landmarks), -1, 0)
    points = _in_face(landmarks, landmarks)
    masks = (
        _ellipse(across, down, points[0], EYE) | _ellipse(across, down, points[1], EYE),
        _nose(across, down, points[2]),
        _ellipse(across, down, points[3:].mean(axis=0), (abs(points[4, 0] - points[3, 0]) / 2 * MOUTH_REACH[0], MOUTH_REACH[1])),
        _ellipse(across, down, np.array([0, FACE[0]]), FACE[1:]) & (down < BROWS),
        _ellipse(across, down, np.array([0, FACE[0]]), FACE[1:]),
        _ellipse(across, down, np.array([0, HEAD[0]]), HEAD[1:]) & (down < HAIR_ENDS),
    )
    return np.select(masks, range(BACKGROUND), default=BACKGROUND).astype(np.uint8)


def energy_shares(maps: np.ndarray, regions: np.ndarray, *, energy: Energy) -> np.ndarray:
    """The share of each map that lies in each region: (n, s, s) maps and regions -> (n, 7), rows sum to 1; NaN for an empty map.

    energy: `absolute` counts what speaks for and against alike, `positive` only what speaks for.
    """
    values = np.abs(maps) if energy == "absolute" else np.maximum(maps, 0)
    inside = _sums(np.asarray(values, np.float64), regions)
    total = inside.sum(axis=1, keepdims=True)
    return np.divide(inside, total, out=np.full(inside.shape, np.nan), where=total > 0)


def area_shares(regions: np.ndarray) -> np.ndarray:
    """The share of the crop that each region takes: (n, s, s) -> (n, 7), rows sum to 1."""
    return _sums(np.ones(regions.shape), regions) / regions[0].size


def relative_energy(shares: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Energy a pixel beside the crop's mean: (n, 7) twice -> (n, 7); 1 is even, NaN for a region outside the crop."""
    return np.divide(shares, areas, out=np.full(shares.shape, np.nan), where=areas > 0)


def age_groups(photos: pd.DataFrame) -> np.ndarray:
    """The group of each photo, (n,) text: 0-9, 10-19, 20-39, 40-59, 60+, its own `group` where no age is known, else ""."""
    ages = photos["age"].to_numpy(float)
    known = np.isfinite(ages)
    number = np.searchsorted(STARTS, np.where(known, ages, 0), side="right") - 1
    return np.where(known, np.array(_group_names())[np.maximum(number, 0)], photos["group"].to_numpy(str))


def in_order(groups: np.ndarray) -> list[str]:
    """The groups that occur, from the youngest on."""
    return sorted(set(groups) - {""}, key=lambda name: (int(name.partition("-")[0].rstrip("+") or 0), name))


def region_table(photos: pd.DataFrame, maps: np.ndarray, landmarks: np.ndarray) -> pd.DataFrame:
    """COLUMNS, one row a photo and region, of photos with usable landmarks and a map that is not empty.

    photos: `photo`, `subject`, `age`; maps (n, h, w), signed: what speaks for and against counts alike; landmarks (n, 5, 2) in
    shares of the side. share: of the map's energy; area_share: of the crop; relative: the one over the other, 1 where even.
    """
    rows = np.flatnonzero(usable(landmarks))
    if not len(rows):
        return pd.DataFrame(columns=list(COLUMNS))
    regions = np.stack([face_regions(landmarks[row] * SIDE, SIDE) for row in rows])
    shares, areas = energy_shares(resize(maps[rows], SIDE), regions, energy="absolute"), area_shares(regions)
    table = pd.DataFrame(
        {
            **{name: np.repeat(photos[name].to_numpy()[rows], len(REGIONS)) for name in ("photo", "subject", "age")},
            "region": np.tile(REGIONS, len(rows)),
            "share": shares.ravel(),
            "area_share": areas.ravel(),
            "relative": relative_energy(shares, areas).ravel(),
        }
    )
    return table.loc[table["share"].notna()].reset_index(drop=True)


def with_notes(table: pd.DataFrame, photos: pd.DataFrame, maps: np.ndarray) -> pd.DataFrame:
    """The COLUMNS of `table` and `note`; a photo that has no rows there gets one without a region, whose note says why.

    photos and maps (n, h, w) as in `region_table`.
    """
    missing = ~photos["photo"].isin(table["photo"]).to_numpy()
    notes = np.where(is_empty(maps), EMPTY_MAP, NO_LANDMARKS)[missing]
    rows = photos.loc[missing, ["photo", "subject", "age"]].assign(region="", note=notes)
    parts = [part for part in (table.assign(note=""), rows) if len(part)]
    return pd.concat(parts, ignore_index=True).reindex(columns=[*COLUMNS, "note"]) if parts else table.assign(note="")


def region_summary(table: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """SUMMARY: for all photos and for each age group (`groups` by photo), every region and eyes and nose together.

    share and area_share are means over photos; relative is the one over the other, so that photos in which a region is all but
    outside the crop weigh little; intervals are 95 % bootstraps over people.
    """
    wide = widen(table)
    group = groups.reindex(wide["photo"]).to_numpy(str)
    parts = [(ALL, wide)] + [(name, wide.loc[group == name]) for name in in_order(group)]
    rows = [_summary_row(name, region, part) for name, part in parts if len(part) for region in (*REGIONS, EYES_AND_NOSE)]
    return pd.DataFrame(rows, columns=list(SUMMARY))


def widen(table: pd.DataFrame) -> pd.DataFrame:
    """One row a photo: `photo`, `subject`, and `<region> share`, `<region> area` of each region and of eyes and nose together."""
    shares, areas = (
        table.pivot(index="photo", columns="region", values=name).reindex(columns=list(REGIONS)) for name in ("share", "area_share")
    )
    for columns in (shares, areas):
        columns[EYES_AND_NOSE] = columns["eyes"] + columns["nose"]
    wide = pd.concat([shares.add_suffix(" share"), areas.add_suffix(" area")], axis=1)
    people = table.drop_duplicates("photo").set_index("photo")["subject"]
    return wide.assign(subject=people.reindex(wide.index)).reset_index()


def people_of(frame: pd.DataFrame) -> np.ndarray:
    """Who is in each photo, (n,) text; a photo of nobody known stands for itself."""
    return np.where(frame["subject"] == "", frame["photo"], frame["subject"]).astype(str)


def densest(summary: pd.DataFrame) -> tuple[str, float]:
    """The region with most energy a pixel over all photos, and how much beside an even spread."""
    rows = summary.loc[(summary["group"] == ALL) & (summary["region"] != EYES_AND_NOSE)].dropna(subset=["relative"])
    row = rows.iloc[int(rows["relative"].to_numpy().argmax())]
    return str(row["region"]), float(row["relative"])


def of_region(summary: pd.DataFrame, regions: Sequence[str], *, group: str = ALL) -> Iterator[dict[Hashable, Any]]:
    """The rows of these regions in a group, in this order."""
    rows = {row["region"]: row for row in summary.loc[summary["group"] == group].to_dict("records")}
    return (rows[region] for region in regions)


def _summary_row(group: str, region: str, part: pd.DataFrame) -> tuple[object, ...]:
    shares, areas, people = part[f"{region} share"].to_numpy(), part[f"{region} area"].to_numpy(), people_of(part)
    share = cluster_bootstrap(shares, np.ones(len(part)), people)
    relative = cluster_bootstrap(shares, areas, people) if _drawable(areas, people) else None
    ends = (relative.value, relative.low, relative.high) if relative else (float("nan"),) * 3
    return (group, region, len(part), share.n, share.value, share.low, share.high, float(areas.mean()), *ends)


def _drawable(areas: np.ndarray, people: np.ndarray) -> bool:
    """Whether every draw of people has some of the region in it."""
    return all(areas[people == person].sum() > 0 for person in np.unique(people))


def _group_names() -> list[str]:
    ends = [*(start - 1 for start in STARTS[1:]), None]
    return [f"{start}+" if end is None else f"{start}-{end}" for start, end in zip(STARTS, ends)]


def _sums(values: np.ndarray, regions: np.ndarray) -> np.ndarray:
    return np.stack([np.where(regions == number, values, 0).sum(axis=(1, 2)) for number in range(len(REGIONS))], axis=1)


def _frame(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vector along the eyes (..., 2), their distance, and how far below them the mouth is, at a right angle (...,)."""
    along = landmarks[..., 1, :] - landmarks[..., 0, :]
    distance = np.hypot(along[..., 0], along[..., 1])
    along = np.divide(along, distance[..., None], out=np.full(along.shape, np.nan), where=distance[..., None] > 0)
    to_mouth = landmarks[..., 3:, :].mean(axis=-2) - landmarks[..., :2, :].mean(axis=-2)
    return along, distance, to_mouth[..., 1] * along[..., 0] - to_mouth[..., 0] * along[..., 1]


def _in_face(points: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Points (..., 2) in units of the face."""
    along, distance, down = _frame(landmarks)
    offset = points - landmarks[:2].mean(axis=0)
    sideways = offset @ along / max(float(distance), NARROWEST * float(down))
    return np.stack([sideways, offset @ np.array([-along[1], along[0]]) / down], axis=-1)


def _ellipse(across: np.ndarray, down: np.ndarray, centre: np.ndarray, half: tuple[float, ...]) -> np.ndarray:
    return ((across - centre[0]) / half[0]) ** 2 + ((down - centre[1]) / half[1]) ** 2 <= 1


def _nose(across: np.ndarray, down: np.ndarray, tip: np.ndarray) -> np.ndarray:
    """A wedge from between the eyes to the wings, along the line to the tip."""
    end = tip[1] + WINGS_BELOW_TIP
    share = np.clip(down / end, 0, 1)
    half = NOSE_HALF[0] + (NOSE_HALF[1] - NOSE_HALF[0]) * share
    return (np.abs(across - tip[0] * share) <= half) & (down >= 0) & (down <= end)
