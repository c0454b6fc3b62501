"""Figure: maps of the same faces before and after tuning, and how far they differ [agustsson2017, Figure 6, for two networks]."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.explain.compare_maps import absolute_difference
from agerepro.explain.heat import upsampled
from agerepro.report.figures.class_activation import Face, Network
from agerepro.report.figures.face_map import SIDE, colour_bar, draw_face, draw_map
from agerepro.report.figures.map_words import MapWords
from agerepro.report.figures.style import Caption, panels, save

NAME = "map-differences"
_HEIGHT = 1.9  # inches of a row
_COLUMNS = ("the face", "before", "after", "absolute difference")


def draw_map_differences(
    before: Network, after: Network, faces: Sequence[Face], caption: Caption, folder: Path, *, words: MapWords, name: str = NAME
) -> list[Path]:
    """One row a face: the face, its map under both networks, and the absolute difference of the two.

    The maps are those of `Network`, each already divided by its strongest place, and compared stretched to the same side.
    """
    subtitle = f"{before.backbone}. {words.explains}; each map by its own strongest place, then how far the two differ"
    title = f"{words.title} before and after tuning to age"
    stretched = {face.photo: [upsampled(one.maps[face.photo][None], SIDE) for one in (before, after)] for face in faces}
    rest = {photo: absolute_difference(*both)[0] for photo, both in stretched.items()}
    with panels(title, subtitle, caption, height=_HEIGHT * len(faces) + 0.8, shape=(len(faces), len(_COLUMNS))) as (drawn, axes):
        for line, face in zip(axes, faces):
            draw_face(line[0], face.picture, face.regions)
            line[0].set_title(f"true: {face.said}", fontsize=8, loc="center", pad=3)
            for place, network in zip(line[1:3], (before, after)):
                draw_map(place, network.maps[face.photo], face.picture, face.regions)
                place.set_title(network.said[face.photo], fontsize=8, loc="center", pad=3)
            draw_map(line[3], rest[face.photo], face.picture, face.regions)
            line[3].set_title(f"up to {rest[face.photo].max():.2f}", fontsize=8, loc="center", pad=3)
        for place, heading in zip(axes[-1], _COLUMNS):
            place.set_xlabel(heading, fontsize=9)
        for place, network in zip(axes[-1, 1:3], (before, after)):
            place.set_xlabel(f"{place.get_xlabel()}\n{network.experiment}", fontsize=8)
        signed = any((one.maps[face.photo] < 0).any() for one in (before, after) for face in faces)
        colour_bar(drawn, axes, signed=signed, strong=f"{words.strong}, or differs")
        return save(drawn, _table(faces, rest), folder, name)


def _table(faces: Sequence[Face], rest: dict[str, np.ndarray]) -> pd.DataFrame:
    """The differences drawn: one row a photo and line of pixels, columns x0, x1, ..."""
    frames = []
    for face in faces:
        values = pd.DataFrame(np.round(rest[face.photo], 4)).add_prefix("x")
        values.insert(0, "y", np.arange(len(values)))
        values.insert(0, "photo", face.photo)
        frames.append(values)
    return pd.concat(frames, ignore_index=True)
