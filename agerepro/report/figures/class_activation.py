"""Figure: maps of the same faces by several networks, before and after tuning to age [koenig2019, Figure 14]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from agerepro.errors import UserError
from agerepro.report.figures.face_map import colour_bar, draw_face, draw_map
from agerepro.report.figures.map_words import MapWords
from agerepro.report.figures.style import Caption, panels, save

_HEIGHT, _NARROW = 1.5, 1.25  # inches of a row; of one below which no name stands


@dataclass(frozen=True)
class Face:
    """A tested photo: `said` is its truth in words ("9 years"); picture (s, s, 3) uint8 or None; regions (r, r) or None."""

    photo: str
    said: str
    picture: np.ndarray | None
    regions: np.ndarray | None


@dataclass(frozen=True)
class Network:
    """A column and a row of the figure: backbone ("VGG-16") and row ("before"); by photo, maps (h, w) and what it predicts, in words."""

    backbone: str
    row: str
    experiment: str
    maps: Mapping[str, np.ndarray]
    said: Mapping[str, str]


def draw_class_activation(
    networks: Sequence[Network], faces: Sequence[Face], caption: Caption, folder: Path, *, words: MapWords
) -> list[Path]:
    """Draw the maps: columns are backbones in the order given, rows each face's `before` and `after`, further runs below; of one
    backbone alone, columns are faces and rows networks.

    words says what the maps are. Raises UserError for no network or no face.
    """
    if not networks or not faces:
        raise UserError("There is no network, or no face, to draw maps of.")
    signed = any((one.maps[face.photo] < 0).any() for one in networks for face in faces)
    subtitle = f"{words.explains}, by the fold that did not see the person; each map by its own strongest place. Faces drawn by chance"
    title = words.title + (" before and after tuning to age" if len({one.row for one in networks}) > 1 else "")
    one_backbone = len({one.backbone for one in networks}) == 1
    shape = (1 + len(networks), len(faces)) if one_backbone else (len(faces) * len(_rows(networks)), 1 + len(_backbones(networks)))
    with panels(title, subtitle, caption, height=(_NARROW if one_backbone else _HEIGHT) * shape[0] + 0.5, shape=shape) as (drawn, axes):
        (_fill_one if one_backbone else _fill)(axes, networks, faces)
        colour_bar(drawn, axes, signed=signed, strong=words.strong)
        return save(drawn, _table(networks, faces), folder, words.name)


def _fill_one(axes: np.ndarray, networks: Sequence[Network], faces: Sequence[Face]) -> None:
    """Of one backbone: the faces on top, a row a network below."""
    for place, face in zip(axes[0], faces):
        _first(place, face)
    for line, network in zip(axes[1:], sorted(networks, key=lambda one: one.row != "before")):
        for place, face in zip(line, faces):
            _cell(place, network, face, labelled="")
            place.set_xlabel("")
        line[0].set_ylabel(f"{network.backbone}, {network.row}\n{network.experiment}", fontsize=7)


def _fill(axes: np.ndarray, networks: Sequence[Network], faces: Sequence[Face]) -> None:
    """Of several: a column each, and for every face a row before and a row after."""
    placed, rows, backbones = _placed(networks), _rows(networks), _backbones(networks)
    for f, face in enumerate(faces):
        for r, row in enumerate(rows):
            line = axes[f * len(rows) + r]
            _first(line[0], face if not r else None)
            for place, backbone in zip(line[1:], backbones):
                _cell(place, placed.get((row, backbone)), face, labelled=row[0])
    for place, backbone in zip(axes[0, 1:], backbones):
        place.annotate(backbone, (0.5, 1), xytext=(0, 15), xycoords="axes fraction", textcoords="offset points", ha="center", fontsize=10)


def _backbones(networks: Sequence[Network]) -> list[str]:
    return list(dict.fromkeys(one.backbone for one in networks))


def _rows(networks: Sequence[Network]) -> list[tuple[str, int]]:
    return sorted({row for row, _ in _placed(networks)}, key=lambda row: (row[0] != "before", row[1]))


def _placed(networks: Sequence[Network]) -> dict[tuple[tuple[str, int], str], Network]:
    """Networks by row, numbered where a backbone has several of a kind, and backbone."""
    found: dict[tuple[tuple[str, int], str], Network] = {}
    for one in networks:
        number = sum(row[0] == one.row and backbone == one.backbone for row, backbone in found)
        found[(one.row, number), one.backbone] = one
    return found


def _first(axes: Axes, face: Face | None) -> None:
    if face is None:
        axes.set_axis_off()
        return
    draw_face(axes, face.picture, face.regions)
    axes.set_title(f"true: {face.said}", fontsize=8, loc="center", pad=3)


def _cell(axes: Axes, network: Network | None, face: Face, *, labelled: str) -> None:
    if network is None:
        axes.set_axis_off()
        return
    draw_map(axes, network.maps[face.photo], face.picture, face.regions)
    axes.set_title(f"{labelled}: {network.said[face.photo]}" if labelled else network.said[face.photo], fontsize=8, loc="center", pad=3)
    axes.set_xlabel(network.experiment, fontsize=6.5, labelpad=1.5)


def _table(networks: Sequence[Network], faces: Sequence[Face]) -> pd.DataFrame:
    """Every value drawn: one row a network, photo and place of its map."""
    rows = [
        (one.backbone, one.row, one.experiment, face.photo, face.said, one.said[face.photo], y, x, float(one.maps[face.photo][y, x]))
        for one in networks
        for face in faces
        for y, x in np.ndindex(*one.maps[face.photo].shape)
    ]
    return pd.DataFrame(rows, columns=["backbone", "tuned", "experiment", "photo", "true", "predicted", "y", "x", "value"])
