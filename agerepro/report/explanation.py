"""Runs explained one after the other, plotted, and compared in sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from agerepro.datasets import catalog
from agerepro.explain.explanation import Explained, before_after, explain, explanation_text, make_latest
from agerepro.explain.run_maps import Clock, ExplainConfig, run_faces
from agerepro.io import config_hash, write_text
from agerepro.report.figures.explained import plot_explained
from agerepro.report.figures.maps import Shown
from agerepro.report.loading import LoadedRun
from agerepro.report.page.contents import choice_of, decide_faces
from agerepro.runs.model import load_run_model

Progress = Callable[[str, int, int], None]


def explain_runs(
    runs: Sequence[LoadedRun],
    config: ExplainConfig,
    *,
    data: Path | None,
    faces: bool | None,
    clock: Clock,
    on_progress: Progress,
    before: Callable[[LoadedRun], object] = lambda run: None,
) -> tuple[str, Path]:
    """What is to be printed, and the folder of the results: of one run its RUN/explain, of several one beside them.

    faces: show them in figures; None: as the data's licence allows; before: called with each run when its turn comes. Raises UserError
    as `load_run_model` and `explain`.
    """
    explained = []
    for run in runs:
        before(run)
        explained.append(_explain_run(run, config, data=data, faces=faces, clock=clock, on_progress=on_progress))
    pairs = before_after(explained)
    text = explanation_text(explained, pairs)
    if len(runs) == 1:
        return text, explained[0].folder.parent
    folders = [run.run.folder for run in runs]
    profiles = "-".join(dict.fromkeys(run.run.profile for run in runs))
    digest = config_hash([*(folder.name for folder in folders), *(result.folder.name for result in explained)])[:8]
    place = folders[0].parents[1] / f"explain-{profiles}-{digest}"
    kinds = {_kind_of_faces(result, faces) for result in explained}
    ages = next((known for run in runs if (known := run.both_ages()) is not None), None)
    shown: Shown = "faces" if kinds == {"faces"} else "outlines"
    plot_explained(explained, [run.result for run in runs], place / "figures", shown=shown, ages=ages)
    write_text(place / "before-after.csv", pairs.to_csv(index=False, lineterminator="\n"))
    write_text(place / "explanation.txt", text)
    return text, place


def _explain_run(
    run: LoadedRun, config: ExplainConfig, *, data: Path | None, faces: bool | None, clock: Clock, on_progress: Progress
) -> Explained:
    model = load_run_model(run.run)
    crops = run_faces(run.run, model.experiment, data=data)
    name = run.run.experiment
    result = explain(model, crops, config, clock=clock, on_progress=lambda what, at, of: on_progress(f"{name}, {what}", at, of))
    plot_explained([result], [run.result], result.folder / "figures", shown=_kind_of_faces(result, faces))
    write_text(result.folder / "explanation.txt", explanation_text([result], before_after([])))
    make_latest(result.folder)
    return result


def _kind_of_faces(result: Explained, faces: bool | None) -> Shown:
    card = catalog.card(result.experiment.stages[-1].data)
    return "faces" if decide_faces(card, drawn=result.faces.drawn, choice=choice_of(faces)).shown else "outlines"
