"""Class activation maps over faces, before and after, and their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from agerepro.errors import UserError
from agerepro.explain.cam import upsampled
from agerepro.explain.maps import STOPS, absolute_difference, overlay
from agerepro.report.figures.style import GREY, Caption, panels, save

AGAINST_FOR = LinearSegmentedColormap.from_list("against-for", list(STOPS))
Shown = Literal["faces", "outlines"]  # outlines where no face may be shown
SIDE = 112  # pixels at which maps are stretched
_WHOLE = (0, 1, 1, 0)  # every picture fills the unit square, its row 0 on top


def plot_face(axes: Axes, face: np.ndarray | None, regions: np.ndarray | None) -> None:
    """The face (s, s, 3) uint8 itself, else the outlines of its regions (r, r)."""
    _blank(axes)
    if face is not None:
        axes.imshow(face, extent=_WHOLE)
    elif regions is not None:
        plot_outlines(axes, regions, colour=GREY)


def plot_map(axes: Axes, heat: np.ndarray, face: np.ndarray | None, regions: np.ndarray | None) -> None:
    """A map (h, w) over the grey face, or under the outlines; the stronger, the less of the face shows."""
    _blank(axes)
    if face is None:
        strongest = float(np.abs(heat).max()) or 1.0
        axes.imshow(upsampled(heat[None] / strongest, SIDE)[0], cmap=AGAINST_FOR, vmin=-1, vmax=1, extent=_WHOLE)
        if regions is not None:
            plot_outlines(axes, regions, colour=GREY)
        return
    axes.imshow(overlay(face, heat, 2 * SIDE), extent=_WHOLE)


def plot_outlines(axes: Axes, regions: np.ndarray, *, colour: str) -> None:
    """The edges of every region of (r, r) numbers."""
    centres = (np.arange(len(regions)) + 0.5) / len(regions)
    for number in np.unique(regions):
        axes.contour(centres, centres, regions == number, levels=[0.5], colors=[colour], linewidths=0.7)


def colour_bar(drawn: Figure, axes: np.ndarray, *, signed: bool, strong: str) -> None:
    """What the colours say, under all of the axes; strong: what the strongest place above zero does."""
    if signed:
        bar = drawn.colorbar(ScalarMappable(Normalize(-1, 1), AGAINST_FOR), ax=axes, location="bottom", shrink=0.5, aspect=35, pad=0.01)
        bar.set_ticks([-1, 0, 1], labels=["speaks against", "no matter", strong])
    else:
        upper = LinearSegmentedColormap.from_list("for", AGAINST_FOR(np.linspace(0.5, 1, 64)))
        bar = drawn.colorbar(ScalarMappable(Normalize(0, 1), upper), ax=axes, location="bottom", shrink=0.5, aspect=35, pad=0.01)
        bar.set_ticks([0, 1], labels=["no matter", strong])
    bar.ax.tick_params(labelsize=8, length=0)


def _blank(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(1, 0), aspect="equal")
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set(visible=True, color="#BBBBBB", linewidth=0.5)


@dataclass(frozen=True)
class MapWords:
    """title: names the maps; name: of the figure's files; explains: a sentence; strong: what the strongest colour means; score: on the
    axis of deletion curves."""

    title: str
    name: str
    explains: str
    strong: str = "speaks for"
    score: str = ""

    @staticmethod
    def of(how: str, target: str) -> MapWords:
        """Words for maps made `how`; target as in about.json."""
        words = _WORDS[how]
        score = words.score or ("Expected age (years)" if target == "expected_age" else "Probability of the class")
        return replace(words, explains=words.explains.format(target=target.replace("_", " ")), score=score)


_AWAY = "Minus years from the photo's own estimate"
_WORDS = {
    "mean": MapWords("Class activation maps", "class-activation-maps", "What speaks for the {target}"),
    "grad_cam": MapWords("Class activation maps (Grad-CAM)", "class-activation-maps", "What speaks for the {target}"),
    "sensitivity": MapWords("Sensitivity maps", "sensitivity-maps", "How much the {target} depends on each pixel", "depends on it", _AWAY),
}

_CAM_HEIGHT, _NARROW = 1.5, 1.25  # inches of a row; of one below which no name stands


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


def plot_class_activation(
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
    with panels(title, subtitle, caption, height=(_NARROW if one_backbone else _CAM_HEIGHT) * shape[0] + 0.5, shape=shape) as (drawn, axes):
        (_fill_one if one_backbone else _fill)(axes, networks, faces)
        colour_bar(drawn, axes, signed=signed, strong=words.strong)
        return save(drawn, _cam_table(networks, faces), folder, words.name)


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
    plot_face(axes, face.picture, face.regions)
    axes.set_title(f"true: {face.said}", fontsize=8, loc="center", pad=3)


def _cell(axes: Axes, network: Network | None, face: Face, *, labelled: str) -> None:
    if network is None:
        axes.set_axis_off()
        return
    plot_map(axes, network.maps[face.photo], face.picture, face.regions)
    axes.set_title(f"{labelled}: {network.said[face.photo]}" if labelled else network.said[face.photo], fontsize=8, loc="center", pad=3)
    axes.set_xlabel(network.experiment, fontsize=6.5, labelpad=1.5)


def _cam_table(networks: Sequence[Network], faces: Sequence[Face]) -> pd.DataFrame:
    """Every value drawn: one row a network, photo and place of its map."""
    rows = [
        (one.backbone, one.row, one.experiment, face.photo, face.said, one.said[face.photo], y, x, float(one.maps[face.photo][y, x]))
        for one in networks
        for face in faces
        for y, x in np.ndindex(*one.maps[face.photo].shape)
    ]
    return pd.DataFrame(rows, columns=["backbone", "tuned", "experiment", "photo", "true", "predicted", "y", "x", "value"])


NAME = "map-differences"
_DIFFERENCE_HEIGHT = 1.9  # inches of a row
_COLUMNS = ("the face", "before", "after", "absolute difference")


def plot_map_differences(
    before: Network, after: Network, faces: Sequence[Face], caption: Caption, folder: Path, *, words: MapWords, name: str = NAME
) -> list[Path]:
    """One row a face: the face, its map under both networks, and the absolute difference of the two.

    The maps are those of `Network`, each already divided by its strongest place, and compared stretched to the same side.
    """
    subtitle = f"{before.backbone}. {words.explains}; each map by its own strongest place, then how far the two differ"
    title = f"{words.title} before and after tuning to age"
    stretched = {face.photo: [upsampled(one.maps[face.photo][None], SIDE) for one in (before, after)] for face in faces}
    rest = {photo: absolute_difference(*both)[0] for photo, both in stretched.items()}
    with panels(title, subtitle, caption, height=_DIFFERENCE_HEIGHT * len(faces) + 0.8, shape=(len(faces), len(_COLUMNS))) as (drawn, axes):
        for line, face in zip(axes, faces):
            plot_face(line[0], face.picture, face.regions)
            line[0].set_title(f"true: {face.said}", fontsize=8, loc="center", pad=3)
            for place, network in zip(line[1:3], (before, after)):
                plot_map(place, network.maps[face.photo], face.picture, face.regions)
                place.set_title(network.said[face.photo], fontsize=8, loc="center", pad=3)
            plot_map(line[3], rest[face.photo], face.picture, face.regions)
            line[3].set_title(f"up to {rest[face.photo].max():.2f}", fontsize=8, loc="center", pad=3)
        for place, heading in zip(axes[-1], _COLUMNS):
            place.set_xlabel(heading, fontsize=9)
        for place, network in zip(axes[-1, 1:3], (before, after)):
            place.set_xlabel(f"{place.get_xlabel()}\n{network.experiment}", fontsize=8)
        signed = any((one.maps[face.photo] < 0).any() for one in (before, after) for face in faces)
        colour_bar(drawn, axes, signed=signed, strong=f"{words.strong}, or differs")
        return save(drawn, _difference_table(faces, rest), folder, name)


def _difference_table(faces: Sequence[Face], rest: dict[str, np.ndarray]) -> pd.DataFrame:
    """The differences drawn: one row a photo and line of pixels, columns x0, x1, ..."""
    frames = []
    for face in faces:
        values = pd.DataFrame(np.round(rest[face.photo], 4)).add_prefix("x")
        values.insert(0, "y", np.arange(len(values)))
        values.insert(0, "photo", face.photo)
        frames.append(values)
    return pd.concat(frames, ignore_index=True)
