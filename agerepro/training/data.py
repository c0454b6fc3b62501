"""The data sets of an experiment: the user's own, or drawn by the renderer for the demo; all that is missing in one error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agerepro.datasets import catalog
from agerepro.datasets.shared_people import shared_subjects
from agerepro.errors import UserError
from agerepro.experiment.read import plain
from agerepro.experiment.schema import Experiment
from agerepro.files import digest_of
from agerepro.inputs.prepare import Prepared, prepare
from agerepro.models.sources import find_weights
from agerepro.training.reporting import Reporter


def data_folders(experiment: Experiment, *, data: Path | None, runs: Path, jobs: int, reporter: Reporter) -> dict[str, Path]:
    """{data set: folder that holds it under its own name}. Without `data`, synthetic sets are drawn under `runs`/synthetic."""
    names = list(dict.fromkeys(stage.data for stage in experiment.stages))
    if data is not None:
        return dict.fromkeys(names, data)
    undrawn = [name for name in names if name not in experiment.synthetic]
    if undrawn:
        raise UserError(
            f"Say where {', '.join(undrawn)} is: --data DIR with one folder a data set (make: DATA=DIR), each in its native "
            "layout. `agerepro data list` tells how to get each; `--profile demo` draws synthetic faces where it exists."
        )
    from agerepro.datasets.synthetic.write import RENDERER, write  # the renderer is only for the demo

    folders = {}
    for name in names:
        settings = experiment.synthetic[name]
        folders[name] = runs / "synthetic" / digest_of([RENDERER, name, plain(settings)])
        write(name, folders[name] / name, settings, jobs=jobs, on_progress=_counted(reporter, f"drawing {name}"))
    return folders


def drawn_sets(folders: dict[str, Path]) -> list[str]:
    """Names of the data sets that the renderer drew, also when their folder was given as the user's own data."""
    from agerepro.datasets.synthetic.write import FINISHED

    return [name for name, folder in folders.items() if (catalog.folder_of(name, folder) / FINISHED).is_file()]


def refuse_missing(experiment: Experiment, folders: dict[str, Path], *, weights_folder: Path | None) -> None:
    """One UserError that lists every data set and weight file that is not there, before anything starts."""
    missing = [
        f"{name}: no folder {folder / name}. {catalog.card(name).how_to_get}"
        for name, folder in folders.items()
        if not catalog.folder_of(name, folder).is_dir()
    ]
    if any(stage.start_from == "weights" for stage in experiment.stages):
        try:
            find_weights(experiment.backbone.weights, experiment.backbone.name, folder=weights_folder)
        except UserError as error:
            missing.append(str(error))
    if missing:
        raise UserError("Nothing was started; this is missing:\n" + "\n".join(f"  - {one}" for one in missing))


def prepared_sets(experiment: Experiment, folders: dict[str, Path], *, runs: Path, reporter: Reporter) -> dict[str, Prepared]:
    """Every data set of the experiment, aligned; people shared by name with the target are counted, and dropped if it says so."""
    sets = {
        name: prepare(
            name,
            data=folder,
            faces=experiment.faces,
            group_labels=experiment.group_labels,
            folder=runs / "faces",
            on_progress=lambda what, done, total: reporter.count(f"faces of {what}", done, total),
        )
        for name, folder in folders.items()
    }
    for name, one in sets.items():
        reporter.say(f"{name}: {len(one.photos)} faces, {one.photos['subject'].nunique()} people; {_said(one)}")
    names = list(sets)
    for at, name in enumerate(names[:-1]):
        later = {other: shared_subjects(sets[name].photos, sets[other].photos) for other in names[at + 1 :]}
        for other, people in later.items():
            if people:
                reporter.say(
                    f"{len(people)} people of {name} are also in {other} by name"
                    + ("; left out of it (drop_shared_people)." if experiment.drop_shared_people else "; kept, as the paper does.")
                )
        if experiment.drop_shared_people:
            sets[name] = sets[name].without(set().union(*later.values()))
    return sets


def _said(prepared: Prepared) -> str:
    return ", ".join(f"{count} {what}" for what, count in prepared.funnel["faces"].items() if count)


def _counted(reporter: Reporter, what: str) -> Callable[[int, int], None]:
    return lambda done, total: reporter.count(what, done, total)
