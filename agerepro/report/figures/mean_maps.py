"""Figure: where maps lie on the aligned face, by age group and run."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from agerepro.diagnosis.age_groups import ALL, in_order
from agerepro.diagnosis.aligned import MeanMaps
from agerepro.errors import UserError
from agerepro.report.figures.face_map import Shown, draw_face, draw_outlines
from agerepro.report.figures.style import Caption, panels, save

COLOURS = "cividis"  # even steps of lightness with any colour vision, and in grey
_HEIGHT = 1.22
_WORDS = 17  # letters of a label that stand beside a row
_CONTRAST = 1.5  # times even that the colours reach at least, so that noise does not look like a pattern


def draw_mean_maps(runs: Mapping[str, MeanMaps], caption: Caption, folder: Path, *, shown: Shown, name: str = "mean-maps") -> list[Path]:
    """Draw a row a run and a column an age group, under the mean faces where faces are `shown`. UserError for no run."""
    if not runs:
        raise UserError("No run has photos with landmarks to average maps of.")
    first = next(iter(runs.values()))
    groups = [ALL, *in_order(np.array([group for run in runs.values() for group in run.energy if group != ALL]))]
    top = max(_CONTRAST, max(float(np.nanmax(energy)) for run in runs.values() for energy in run.energy.values()))
    subtitle = "Mean energy of the maps a pixel, times an even spread, after all landmarks were laid on the same places; lines: regions"
    above = 1 if shown == "faces" else 0
    shape = (above + len(runs), len(groups))
    with panels("Mean maps by age group", subtitle, caption, height=_HEIGHT * shape[0] + 0.55, shape=shape) as (drawn, axes):
        if above:
            for place, group in zip(axes[0], groups):
                draw_face(place, first.faces.get(group), first.regions)
        for line, (label, run) in zip(axes[above:], runs.items()):
            for place, group in zip(line, groups):
                draw_face(place, None, None)
                if group not in run.energy:
                    place.set_axis_off()
                    continue
                place.imshow(run.energy[group], cmap=COLOURS, vmin=0, vmax=top, extent=(0, 1, 1, 0))
                draw_outlines(place, run.regions, colour="white")
                place.set_xlabel(f"{run.photos[group]:,} photos", fontsize=6.5, labelpad=1.5)
            line[0].set_ylabel("\n".join(textwrap.wrap(label, _WORDS)), fontsize=7)
        for place, group in zip(axes[0], groups):
            place.set_title("all ages" if group == ALL else group, fontsize=9, loc="center", pad=3)
        bar = drawn.colorbar(ScalarMappable(Normalize(0, top), COLOURS), ax=axes, location="bottom", shrink=0.5, aspect=35, pad=0.01)
        bar.set_label("times an even spread", fontsize=8.5)
        bar.ax.tick_params(labelsize=8)
        return save(drawn, _table(runs), folder, name)


def _table(runs: Mapping[str, MeanMaps]) -> pd.DataFrame:
    """One row a run, group and line of pixels from the top; a column a pixel."""
    parts = []
    for label, run in runs.items():
        for group, energy in run.energy.items():
            lines = pd.DataFrame(energy.round(4), columns=[f"x{x}" for x in range(energy.shape[1])])
            lines.insert(0, "run", label)
            lines.insert(1, "group", group)
            lines.insert(2, "photos", run.photos[group])
            lines.insert(3, "y", range(len(energy)))
            parts.append(lines)
    return pd.concat(parts, ignore_index=True)
