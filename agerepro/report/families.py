"""Which families of models the searches of a regression chose: the table, and the section below the comparison."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from agerepro.report.run_result import RunResult, label_of
from agerepro.report.tables import PrintedTable

FAMILIES = ("family", "folds", "of", "mean_weight")


def families_of(run: RunResult) -> pd.DataFrame:
    """FAMILIES of a run with `chosen`: in how many of its fits a family is in the ensemble, and its weight there, 0 where it is not, on
    average over all of them; the heaviest first. A search that chooses one model gives it the weight 1."""
    assert run.chosen is not None
    fits = run.chosen[["seed", "fold"]].drop_duplicates()
    weights = run.chosen.groupby(["family", "seed", "fold"], as_index=False)["weight"].sum()
    weights = weights.loc[weights["weight"] > 0]
    table = weights.groupby("family").agg(folds=("weight", "size"), total=("weight", "sum")).reset_index()
    table = table.assign(of=len(fits), mean_weight=table["total"] / len(fits))
    return table.sort_values(["mean_weight", "family"], ascending=[False, True], ignore_index=True)[list(FAMILIES)]


def families_table(runs: Sequence[RunResult]) -> pd.DataFrame | None:
    """FAMILIES of every run that has searched, with its experiment, profile and engine; None where none has."""
    tables = [
        families_of(run).assign(experiment=run.experiment, profile=run.profile, engine=run.engine) for run in runs if run.chosen is not None
    ]
    return pd.concat(tables, ignore_index=True)[["experiment", "profile", "engine", *FAMILIES]] if tables else None


def family_pages(runs: Sequence[RunResult]) -> list[PrintedTable]:
    """A row a family of every run that has searched; none without such runs."""
    rows: list[tuple[str, ...]] = []
    searched = [run for run in runs if run.chosen is not None]
    for run in searched:
        for place, line in enumerate(families_of(run).to_dict("records")):
            first = (label_of(run, runs), run.engine) if not place else ("", "")
            rows.append((*first, str(line["family"]), f"{line['folds']} of {line['of']}", f"{line['mean_weight']:.2f}"))
    if not rows:
        return []
    note = (
        "Folds: in whose ensemble a model of the family has a weight. Mean weight: over all folds, 0 where it has none; a search that "
        "chooses one model gives it the weight 1."
    )
    banner = "; ".join(dict.fromkeys(part for run in searched for part in run.standing.split("; ") if part))
    headings = ("Experiment", "Engine", "Family", "Folds", "Mean weight")
    return [PrintedTable("What the regressors are", banner, headings, (3, 4), tuple(rows), (note,))]
