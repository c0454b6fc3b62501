"""Figures of maps over faces, before and after tuning, and of how far the two differ."""

from __future__ import annotations

import textwrap
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
from agerepro.explain.cam import resize
from agerepro.explain.maps import STOPS, absolute_difference, overlay
from agerepro.report.figures.style import BLACK, GREY, WIDTH, Caption, panels, save

AGAINST_FOR = LinearSegmentedColormap.from_list("against-for", list(STOPS))
# Even steps of lightness; in the middle a colour that no face has, so that a half-transparent map is seen.
BLUE_YELLOW = LinearSegmentedColormap.from_list("blue-yellow", ["#1B2F9E", "#0E8FB0", "#2FC7A0", "#FFE32B"])
MOST_COMPARED = 4  # networks beside each other
Shown = Literal["faces", "outlines"]  # outlines where no face may be shown
SIDE = 112  # pixels at which maps are stretched
DIFFERENCES = "map-differences"  # name of the figure's files
NO_ACTIVATION, NO_DIFFERENCE = "no activation", "no difference"  # over a map that is zero everywhere
_WHOLE = (0, 1, 1, 0)  # every picture fills the unit square, its row 0 on top
_CAM_HEIGHT, _NARROW, _DIFFERENCE_HEIGHT = 1.5, 1.25, 1.9  # inches of a row; of one below which no name stands; of a row of differences
_COLUMNS = ("the face", "before", "after", "absolute difference")
_FROM_OWN_ESTIMATE = "Minus {unit} from the photo's own estimate"
_EXPECTED = "expected_"  # begins the targets that are numbers, not classes


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
    def of(how: str, *targets: str) -> MapWords:
        """Words for maps made `how`; targets as in the about.json of each of the networks, at least one."""
        words, first, unit = _WORDS[how], targets[0].replace("_", " "), "points" if targets[0] == "expected_score" else "years"
        of_class = "Probability of the class" if not targets[0].startswith(_EXPECTED) else ""
        score = words.score.format(unit=unit) or of_class or f"{first.capitalize()} ({unit})"
        named = " or ".join(dict.fromkeys(target.replace("_", " ") for target in targets))
        return replace(words, explains=words.explains.format(target=named), score=score)


_WORDS = {
    "mean": MapWords("Class activation maps", "class-activation-maps", "What speaks for the {target}"),
    "grad_cam": MapWords("Class activation maps (Grad-CAM)", "class-activation-maps", "What speaks for the {target}"),
    "sensitivity": MapWords(
        "Sensitivity maps", "sensitivity-maps", "How much the {target} depends on each pixel", "depends on it", _FROM_OWN_ESTIMATE
    ),
}


@dataclass(frozen=True)
class Face:
    """A tested photo: `truth` in words ("9"); picture (s, s, 3) uint8 or None; regions (r, r) or None."""

    photo: str
    truth: str
    picture: np.ndarray | None
    regions: np.ndarray | None


@dataclass(frozen=True)
class Network:
    """A column and a row of the figure: backbone ("VGG-16") and row ("before"); by photo, maps (h, w) and predictions in words."""

    backbone: str
    row: str
    experiment: str
    maps: Mapping[str, np.ndarray]
    predictions: Mapping[str, str]


def plot_class_activation(
    networks: Sequence[Network], faces: Sequence[Face], caption: Caption, folder: Path, *, words: MapWords
) -> list[Path]:
    """Plot the maps: columns are backbones in the order given, rows each face's `before` and `after`, further runs below; of one
    backbone alone, columns are faces and rows networks.

    words says what the maps are. A map that is zero everywhere has NO_ACTIVATION written over it, and the subtitle counts such
    maps. Raises UserError for no network or no face.
    """
    if not networks or not faces:
        raise UserError("There is no network, or no face, to draw maps of.")
    maps = [network.maps[face.photo] for network in networks for face in faces]
    subtitle = (
        f"{words.explains}, by the fold that did not see the person; each map by its own strongest place. Faces drawn by chance"
        + empty_maps_text(maps)
    )
    title = words.title + (" before and after tuning to age" if len({network.row for network in networks}) > 1 else "")
    one_backbone = len({network.backbone for network in networks}) == 1
    shape = (1 + len(networks), len(faces)) if one_backbone else (len(faces) * len(_rows(networks)), 1 + len(_backbones(networks)))
    with panels(title, subtitle, caption, height=(_NARROW if one_backbone else _CAM_HEIGHT) * shape[0] + 0.5, shape=shape) as (drawn, axes):
        (_fill_one_backbone if one_backbone else _fill)(axes, networks, faces)
        plot_colour_bar(drawn, axes, signed=any((heat < 0).any() for heat in maps), strong=words.strong)
        return save(drawn, _cam_table(networks, faces), folder, words.name)


def plot_map_differences(
    before: Network, after: Network, faces: Sequence[Face], caption: Caption, folder: Path, *, words: MapWords, name: str = DIFFERENCES
) -> list[Path]:
    """One row a face: the face, its map under both networks, and the absolute difference of the two.

    The maps are those of `Network`, each already divided by its strongest place, and compared stretched to the same side. Maps
    that are zero everywhere are named as in `plot_class_activation`.
    """
    maps = [network.maps[face.photo] for network in (before, after) for face in faces]
    subtitle = (
        f"{before.backbone}. {words.explains}; each map by its own strongest place, then how far the two differ{empty_maps_text(maps)}"
    )
    title = f"{words.title} before and after tuning to age"
    stretched = {face.photo: [resize(network.maps[face.photo][None], SIDE) for network in (before, after)] for face in faces}
    differences = {photo: absolute_difference(*pair)[0] for photo, pair in stretched.items()}
    with panels(title, subtitle, caption, height=_DIFFERENCE_HEIGHT * len(faces) + 0.8, shape=(len(faces), len(_COLUMNS))) as (drawn, axes):
        for line, face in zip(axes, faces):
            difference = differences[face.photo]
            plot_face(line[0], face.picture, face.regions)
            line[0].set_title(f"true: {face.truth}", fontsize=8, loc="center", pad=3)
            for place, network in zip(line[1:3], (before, after)):
                plot_map(place, network.maps[face.photo], face.picture, face.regions)
                place.set_title(network.predictions[face.photo], fontsize=8, loc="center", pad=3)
            plot_map(line[3], difference, face.picture, face.regions, empty=NO_DIFFERENCE)
            line[3].set_title(f"up to {difference.max():.2f}", fontsize=8, loc="center", pad=3)
        for place, heading in zip(axes[-1], _COLUMNS):
            place.set_xlabel(heading, fontsize=9)
        for place, network in zip(axes[-1, 1:3], (before, after)):
            place.set_xlabel(f"{place.get_xlabel()}\n{network.experiment}", fontsize=8)
        plot_colour_bar(drawn, axes, signed=any((heat < 0).any() for heat in maps), strong=f"{words.strong}, or differs")
        return save(drawn, _difference_table(faces, differences), folder, name)


def plot_compared_maps(
    networks: Sequence[Network], faces: Sequence[Face], gaps: Mapping[str, str], caption: Caption, folder: Path, *, words: MapWords
) -> list[Path]:
    """One row a face: the face, its map under up to MOST_COMPARED networks, and the absolute difference of the first two; the ages below.

    As agustsson2017, Figure 6: the value of a map is its colour, from blue to yellow, and its opacity. faces: sorted by age, which is
    said above them; gaps: by photo, how far the first two predictions differ, in words. Raises UserError for fewer than two networks, or
    more than fit.
    """
    if not 2 <= len(networks) <= MOST_COMPARED or not faces:
        raise UserError(f"A figure of compared maps holds 2 to {MOST_COMPARED} networks, not {len(networks)}, and at least one face.")
    first, second, *_ = networks
    maps = [network.maps[face.photo] for network in networks for face in faces]
    subtitle = (
        f"{words.explains}; each map by its own strongest place. Faces from the youngest to the oldest, in steps of age. Below: predicted "
        f"age (in brackets its residual). Right: how far the first two differ{empty_maps_text(maps)}"
    )
    pairs = {face.photo: [resize(network.maps[face.photo][None], SIDE) for network in (first, second)] for face in faces}
    differences = {photo: absolute_difference(*pair)[0] for photo, pair in pairs.items()}
    shape = (len(faces), len(networks) + 2)
    side = min(1.25, (WIDTH - 0.2) / shape[1])
    with panels(f"{words.title} compared", subtitle, caption, height=(side + 0.1) * shape[0] + 0.7, shape=shape) as (drawn, axes):
        for line, face in zip(axes, faces):
            plot_face(line[0], face.picture, face.regions)
            line[0].set_xlabel(face.truth, fontsize=7.5, labelpad=2)
            for place, network in zip(line[1:], networks):
                _plot_overlaid(place, network.maps[face.photo], face)
                place.set_xlabel(network.predictions[face.photo], fontsize=7.5, labelpad=2)
            _plot_overlaid(line[-1], differences[face.photo], face, empty=NO_DIFFERENCE)
            line[-1].set_xlabel(gaps[face.photo], fontsize=7.5, labelpad=2)
        headings = ["the face", *(network.experiment for network in networks), f"{second.experiment} - {first.experiment}"]
        for place, heading in zip(axes[0], headings):
            place.set_title(textwrap.fill(heading, 100 // shape[1], break_on_hyphens=False), fontsize=7.5, loc="center", pad=3)
        bar = drawn.colorbar(ScalarMappable(Normalize(0, 1), BLUE_YELLOW), ax=axes, location="bottom", shrink=0.5, aspect=35, pad=0.01)
        bar.set_ticks([0, 1], labels=["no matter (transparent)", f"{words.strong}, or differs"])
        bar.ax.tick_params(labelsize=8, length=0)
        table = pd.concat([_cam_table(networks, faces), _gap_table(first, second, faces, differences)], ignore_index=True)
        return save(drawn, table, folder, f"{words.name}-compared")


def plot_face(axes: Axes, face: np.ndarray | None, regions: np.ndarray | None) -> None:
    """The face (s, s, 3) uint8 itself, else the outlines of its regions (r, r)."""
    _blank(axes)
    if face is not None:
        axes.imshow(face, extent=_WHOLE)
    elif regions is not None:
        plot_outlines(axes, regions, colour=GREY)


def plot_map(axes: Axes, heat: np.ndarray, face: np.ndarray | None, regions: np.ndarray | None, *, empty: str = NO_ACTIVATION) -> None:
    """A map (h, w) over the grey face, or under the outlines; the stronger, the less of the face shows.

    `empty` is written over a map that is zero everywhere, which otherwise looks like a faded face.
    """
    _blank(axes)
    if face is None:
        strongest = float(np.abs(heat).max()) or 1.0
        axes.imshow(resize(heat[None] / strongest, SIDE)[0], cmap=AGAINST_FOR, vmin=-1, vmax=1, extent=_WHOLE)
        if regions is not None:
            plot_outlines(axes, regions, colour=GREY)
    else:
        axes.imshow(overlay(face, heat, 2 * SIDE), extent=_WHOLE)
    if not heat.any():
        _write_over(axes, empty)


def plot_outlines(axes: Axes, regions: np.ndarray, *, colour: str) -> None:
    """The edges of every region of (r, r) numbers."""
    centres = (np.arange(len(regions)) + 0.5) / len(regions)
    for number in np.unique(regions):
        axes.contour(centres, centres, regions == number, levels=[0.5], colors=[colour], linewidths=0.7)


def plot_colour_bar(drawn: Figure, axes: np.ndarray, *, signed: bool, strong: str) -> None:
    """What the colours say, under all of the axes; strong: what the strongest place above zero does."""
    if signed:
        bar = drawn.colorbar(ScalarMappable(Normalize(-1, 1), AGAINST_FOR), ax=axes, location="bottom", shrink=0.5, aspect=35, pad=0.01)
        bar.set_ticks([-1, 0, 1], labels=["speaks against", "no matter", strong])
    else:
        upper = LinearSegmentedColormap.from_list("for", AGAINST_FOR(np.linspace(0.5, 1, 64)))
        bar = drawn.colorbar(ScalarMappable(Normalize(0, 1), upper), ax=axes, location="bottom", shrink=0.5, aspect=35, pad=0.01)
        bar.set_ticks([0, 1], labels=["no matter", strong])
    bar.ax.tick_params(labelsize=8, length=0)


def empty_maps_text(maps: Sequence[np.ndarray]) -> str:
    """`; 2 of 12 maps are zero everywhere (no activation)`, to end a sentence about the maps; "" where none is."""
    empty = sum(not heat.any() for heat in maps)
    return f"; {empty} of {len(maps)} maps {'is' if empty == 1 else 'are'} zero everywhere ({NO_ACTIVATION})" if empty else ""


def _write_over(axes: Axes, text: str) -> None:
    box = {"boxstyle": "square,pad=0.25", "facecolor": "white", "edgecolor": "#BBBBBB", "linewidth": 0.5}
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=7, color=BLACK, bbox=box)


def _blank(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(1, 0), aspect="equal")
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set(visible=True, color="#BBBBBB", linewidth=0.5)


def _fill_one_backbone(axes: np.ndarray, networks: Sequence[Network], faces: Sequence[Face]) -> None:
    """Of one backbone: the faces on top, a row a network below."""
    for place, face in zip(axes[0], faces):
        _plot_truth(place, face)
    for line, network in zip(axes[1:], sorted(networks, key=lambda network: network.row != "before")):
        for place, face in zip(line, faces):
            _plot_prediction(place, network, face, label="")
            place.set_xlabel("")
        line[0].set_ylabel(f"{network.backbone}, {network.row}\n{network.experiment}", fontsize=7)


def _fill(axes: np.ndarray, networks: Sequence[Network], faces: Sequence[Face]) -> None:
    """Of several: a column each, and for every face a row before and a row after."""
    placed, rows, backbones = _placed(networks), _rows(networks), _backbones(networks)
    for f, face in enumerate(faces):
        for r, row in enumerate(rows):
            line = axes[f * len(rows) + r]
            _plot_truth(line[0], face if not r else None)
            for place, backbone in zip(line[1:], backbones):
                _plot_prediction(place, placed.get((row, backbone)), face, label=row[0])
    for place, backbone in zip(axes[0, 1:], backbones):
        place.annotate(backbone, (0.5, 1), xytext=(0, 15), xycoords="axes fraction", textcoords="offset points", ha="center", fontsize=10)


def _backbones(networks: Sequence[Network]) -> list[str]:
    return list(dict.fromkeys(network.backbone for network in networks))


def _rows(networks: Sequence[Network]) -> list[tuple[str, int]]:
    return sorted({row for row, _ in _placed(networks)}, key=lambda row: (row[0] != "before", row[1]))


def _placed(networks: Sequence[Network]) -> dict[tuple[tuple[str, int], str], Network]:
    """Networks by row, numbered where a backbone has several of a kind, and backbone."""
    placed: dict[tuple[tuple[str, int], str], Network] = {}
    for network in networks:
        number = sum(row[0] == network.row and backbone == network.backbone for row, backbone in placed)
        placed[(network.row, number), network.backbone] = network
    return placed


def _plot_truth(axes: Axes, face: Face | None) -> None:
    if face is None:
        axes.set_axis_off()
        return
    plot_face(axes, face.picture, face.regions)
    axes.set_title(f"true: {face.truth}", fontsize=8, loc="center", pad=3)


def _plot_prediction(axes: Axes, network: Network | None, face: Face, *, label: str) -> None:
    if network is None:
        axes.set_axis_off()
        return
    plot_map(axes, network.maps[face.photo], face.picture, face.regions)
    prediction = network.predictions[face.photo]
    axes.set_title(f"{label}: {prediction}" if label else prediction, fontsize=8, loc="center", pad=3)
    axes.set_xlabel(network.experiment, fontsize=6.5, labelpad=1.5)


def _cam_table(networks: Sequence[Network], faces: Sequence[Face]) -> pd.DataFrame:
    """Every value drawn: one row a network, photo and place of its map."""
    rows = [
        (*(network.backbone, network.row, network.experiment), face.photo, face.truth, network.predictions[face.photo], y, x, float(value))
        for network in networks
        for face in faces
        for (y, x), value in np.ndenumerate(network.maps[face.photo])
    ]
    return pd.DataFrame(rows, columns=["backbone", "tuned", "experiment", "photo", "true", "predicted", "y", "x", "value"])


def _plot_overlaid(axes: Axes, heat: np.ndarray, face: Face, *, empty: str = NO_ACTIVATION) -> None:
    """A map (h, w) of 0 to 1 over the grey face, or over the outlines; its value is colour and opacity."""
    grey = None if face.picture is None else np.repeat(face.picture.mean(axis=-1, keepdims=True).astype(np.uint8), 3, axis=-1)
    plot_face(axes, grey, face.regions)
    level = np.clip(resize(heat[None], SIDE)[0], 0, 1)
    axes.imshow(np.dstack([BLUE_YELLOW(level)[..., :3], level]), extent=_WHOLE)
    if not heat.any():
        _write_over(axes, empty)


def _gap_table(first: Network, second: Network, faces: Sequence[Face], differences: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The differences as rows of `_cam_table`, one a place."""
    name = f"{second.experiment} - {first.experiment}"
    difference = replace(second, experiment=name, maps=differences, predictions=dict.fromkeys(differences, ""))
    return _cam_table([difference], faces)


def _difference_table(faces: Sequence[Face], differences: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The differences drawn: one row a photo and line of pixels, columns x0, x1, ..."""
    frames = []
    for face in faces:
        values = pd.DataFrame(np.round(differences[face.photo], 4)).add_prefix("x")
        values.insert(0, "y", np.arange(len(values)))
        values.insert(0, "photo", face.photo)
        frames.append(values)
    return pd.concat(frames, ignore_index=True)
