"""Runs explained one after the other, drawn, compared and told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from agerepro.datasets import catalog
from agerepro.explain.conclusions import before_after, explanation_text
from agerepro.explain.explanation import Explained, explain, make_latest
from agerepro.explain.run_maps import Clock, ExplainConfig, run_faces
from agerepro.io import config_hash, write_text
from agerepro.report.figures.explained import plot_explained
from agerepro.report.figures.maps import Shown
from agerepro.report.page.contents import Wish as Wanted
from agerepro.report.page.contents import decide
from agerepro.runs.layout import Run
from agerepro.runs.model import load_run_model


def explain_runs(
    runs: Sequence[Run],
    wish: ExplainConfig,
    *,
    data: Path | None,
    faces: bool | None,
    clock: Clock,
    on_progress: Callable[[str, int, int], None],
) -> tuple[str, Path]:
    """What is to be printed, and the folder of the results: of one run its RUN/explain, of several one beside them.

    faces: show them in figures; None: as the data's licence allows.
    """
    done = [_one(run, wish, data=data, faces=faces, clock=clock, on_progress=on_progress) for run in runs]
    pairs = before_after(done)
    text = explanation_text(done, pairs)
    if len(done) == 1:
        return text, done[0].folder.parent
    names = [one.run.folder.name for one in done]
    place = runs[0].folder.parents[1] / f"explain-{'-'.join(dict.fromkeys(one.run.profile for one in done))}-{_digest(names, done)}"
    plot_explained(done, place / "figures", shown="faces" if all(_shown(one, faces) == "faces" for one in done) else "outlines")
    write_text(place / "before-after.csv", pairs.to_csv(index=False, lineterminator="\n"))
    write_text(place / "explanation.txt", text)
    return text, place


def _one(
    run: Run,
    wish: ExplainConfig,
    *,
    data: Path | None,
    faces: bool | None,
    clock: Clock,
    on_progress: Callable[[str, int, int], None],
) -> Explained:
    back = load_run_model(run)
    found = run_faces(run, back.experiment, data=data)
    one = explain(back, found, wish, clock=clock, on_progress=lambda what, at, of: on_progress(f"{run.experiment}, {what}", at, of))
    plot_explained([one], one.folder / "figures", shown=_shown(one, faces))
    write_text(one.folder / "explanation.txt", explanation_text([one], before_after([])))
    make_latest(one.folder)
    return one


def _shown(one: Explained, faces: bool | None) -> Shown:
    card = catalog.card(one.experiment.stages[-1].data)
    wish: Wanted = "as licensed" if faces is None else "in" if faces else "out"
    return "faces" if decide(card, drawn=one.faces.drawn, wish=wish).shown else "outlines"


def _digest(names: list[str], done: Sequence[Explained]) -> str:
    return config_hash([*names, *(one.folder.name for one in done)])[:8]
