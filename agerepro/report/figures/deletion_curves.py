"""Figure: deletion and insertion curves of a run's maps, beside those of random maps."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import offset_copy

from agerepro.diagnosis.check_tables import MAPS, ORDERS, Checks, of_check
from agerepro.report.figures.style import BLUE, DASHES, VERMILION, Caption, panels, save

_TITLES = {"deletion": "Deletion: to the mean colour", "insertion": "Insertion: from a blur"}
_LABELS = {"map": "the run's maps, hottest first", "random": "random maps, as smooth"}


def draw_deletion_curves(checks: Checks, caption: Caption, folder: Path, *, score: str, name: str = "deletion-curves") -> list[Path]:
    """Draw the mean score of the checked photos against the share of pixels changed; `score` names what is on the axis."""
    means = checks.curves.groupby(["order", "map", "share"], as_index=False).agg(score=("score", "mean"))
    photos, people = checks.curves["photo"].nunique(), checks.curves["subject"].nunique()
    subtitle = f"Means over {photos} photos of {people} people. Numbers: area under the map's curve less the random one's"
    with panels("Do the maps point at what counts?", subtitle, caption, height=3.3, shape=(1, 2)) as (drawn, axes):
        for place, order in zip(axes[0], ORDERS):
            _curves(place, means.loc[means["order"] == order])
            found = of_check(checks.summary, f"{order} area, map less random")
            better = "less is better" if order == "deletion" else "more is better"
            place.set_title(
                f"{_TITLES[order]}\n{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}] ({better})", fontsize=9, linespacing=1.4
            )
            place.set_xlabel("Pixels changed (%)", fontsize=9.5)
        axes[0, 0].set_ylabel(score, fontsize=9.5)
        axes[0, 1].sharey(axes[0, 0])
        under = offset_copy(axes[0, 0].transAxes, drawn, x=0, y=-36, units="points")
        axes[0, 0].legend(loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=under, borderaxespad=0, fontsize=8.5)
        return save(drawn, means, folder, name)


def _curves(axes: Axes, means: pd.DataFrame) -> None:
    for kind, colour, dash in zip(MAPS, (BLUE, VERMILION), DASHES):
        mine = means.loc[means["map"] == kind]
        axes.plot(100 * mine["share"], mine["score"], color=colour, linestyle=dash, label=_LABELS[kind])
    axes.set_xlim(0, 100)
    axes.tick_params(labelsize=8.5)
