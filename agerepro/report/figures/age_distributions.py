"""Figure: the share of each data set's photos up to every age [koenig2019, Figure 5]."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from agerepro.errors import UserError
from agerepro.report.figures.style import COLOURS, DASHES, GREY, MARKERS, Caption, figure, save
from agerepro.tables import AGES, conform


def draw_age_distributions(ages: pd.DataFrame, caption: Caption, folder: Path, *, name: str = "age-distributions") -> list[Path]:
    """Draw the cumulative distribution of every data set in an AGES table, in its order.

    Raises UserError for no data set with ages, or more than can be told apart.
    """
    counted = conform(ages, AGES)
    names = list(dict.fromkeys(counted["data"]))
    if not 0 < len(names) <= len(COLOURS):
        raise UserError(f"A figure of age distributions holds 1 to {len(COLOURS)} data sets, not {len(names)}.")
    with figure("Ages of the photos, as used", "Share of photos up to each age", caption, height=4.0) as (drawn, axes):
        tables = []
        for label, colour, dashes, marker in zip(names, COLOURS, DASHES, MARKERS):
            table = cumulative(counted[counted["data"] == label])
            tables.append(table)
            median = table.loc[table["share"] >= 0.5, "age"].iloc[0]
            axes.step(
                table["age"],
                100 * table["share"],
                where="post",
                color=colour,
                linestyle=dashes,
                marker=marker,
                markersize=4.5,
                markevery=max(1, len(table) // 9),
                label=f"{label}: {table['photos'].sum():,} photos, median {median:g} years",
            )
        axes.axhline(50, color=GREY, linewidth=0.8, zorder=1)
        axes.set(ylim=(0, 102), xlabel="Age (years)", ylabel="Photos up to this age (%)")
        axes.set_xlim(left=min(0, axes.get_xlim()[0]))
        axes.legend(loc="lower right", handlelength=3)
        return save(drawn, pd.concat(tables, ignore_index=True), folder, name)


def cumulative(counted: pd.DataFrame) -> pd.DataFrame:
    """The rows of one data set by rising age, with `share`: of its photos up to and with that age."""
    table = counted.sort_values("age", ignore_index=True)
    return table.assign(share=table["photos"].cumsum() / table["photos"].sum())
