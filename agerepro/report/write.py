"""A report of loaded runs: its table printed, its tables and figures written beside the runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from agerepro.io import config_hash, write_json, write_manifest
from agerepro.provenance import provenance
from agerepro.report.compared import plot_compared
from agerepro.report.loading import LoadedRun, within
from agerepro.report.page.contents import FacesChoice
from agerepro.report.results import compare_results, write_results
from agerepro.report.run_figures import plot_run
from agerepro.report.run_result import disambiguate
from agerepro.runs.layout import inputs_digest

Print = Callable[[str], object]
PAGE = "report.html"
MADE_FROM = '<meta name="made-from" content="{}">'  # in the page of one run: what it was made from
_HEAD = 2000  # letters of a page, in which that stands


def write_report(
    runs: Sequence[LoadedRun],
    *,
    out: Print,
    note: Print,
    style: str = "text",
    within_std: float | None = None,
    page: Literal["stays", "follows"] = "stays",
) -> Path:
    """Print the table of the runs in `style`, write scores, tables and figures, and return the folder they are in.

    The table needs no writing: where a file cannot be written, `note` is given one sentence about it.
    within_std: test on the photos only whose age is known within these years. One run's results lie in it; several runs' lie
    beside them, in results-<profiles>-<digest of their names>. page: an old page that stays is noted; one that follows is written anew.
    Raises UserError as `compare_results` and `within`.
    """
    results = disambiguate([run.result if within_std is None else within(run, years=within_std) for run in runs])
    place = results_folder(runs, ending="" if within_std is None else f"-std-{within_std:g}")
    comparison = compare_results(results)
    out(comparison.tables[style].rstrip("\n"))
    saved = False
    with noting_unsaved(place, note):
        write_results(comparison, place)
        if len(runs) > 1 and within_std is None:
            plot_compared(runs, place / "figures")
        if len(runs) == 1 and within_std is None:
            plot_run(runs[0], place / "figures")
            # The step `collect` is done, until a fold, a seed or the decoding changes.
            made_by = inputs_digest(runs[0].run, runs[0].experiment)
            if page == "stays" and _is_old(place / PAGE, made_by):
                note(f"{place / PAGE} is of earlier folds or settings: `agerepro report` makes it anew.")
            write_json(place / "provenance.json", provenance())
            write_manifest(place, made_by=made_by)
        saved = True
    if saved and style == "text":
        out(f"\nTables and figures: {place}")
    return place


def write_figures(runs: Sequence[LoadedRun], *, note: Print, faces: FacesChoice = "as licensed") -> None:
    """Draw what is drawn of one run alone into the results of each, and what several are compared in beside them; `note` is given one
    sentence about what cannot be written."""
    for run in runs:
        folder = run.run.folder / "results" / "figures"
        with noting_unsaved(folder, note):
            plot_run(run, folder)
    if len(runs) > 1:
        folder = results_folder(runs) / "figures"
        with noting_unsaved(folder, note):
            plot_compared(runs, folder, faces=faces)


def results_folder(runs: Sequence[LoadedRun], *, ending: str = "") -> Path:
    """The folder of the results: in the run for one, beside the runs, named by them, for several."""
    folders = [run.run.folder for run in runs]
    if len(folders) == 1:
        return folders[0] / f"results{ending}"
    profiles = "-".join(dict.fromkeys(run.result.profile for run in runs))
    return folders[0].parents[1] / f"results-{profiles}-{config_hash([folder.name for folder in folders])[:8]}{ending}"


def _is_old(page: Path, made_by: str) -> bool:
    """Whether there is a page, and it was made from something else."""
    if not page.is_file():
        return False
    with page.open(encoding="utf-8") as file:
        return MADE_FROM.format(made_by) not in file.read(_HEAD)


@contextmanager
def noting_unsaved(place: Path, note: Print) -> Iterator[None]:
    """Inside, an OSError of writing ends the writing and nothing else: `note` is given a sentence with the place and the reason."""
    try:
        yield
    except OSError as error:
        note(f"Not saved in {place}: {error.strerror or error}. All else is complete.")
