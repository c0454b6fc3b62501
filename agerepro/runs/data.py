"""The data sets of a run: the user's own or drawn; all that is missing in one error; the crops that a finished run used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from agerepro.config.loading import to_dict
from agerepro.config.schema import Experiment, Faces
from agerepro.datasets import catalog
from agerepro.datasets.photos import subject_overlap
from agerepro.faces.alignment import SIDES
from agerepro.faces.prepare import FaceDataset, content_digest, prepare_faces, store_folder
from agerepro.faces.store import FaceStore
from agerepro.io import config_hash
from agerepro.runs.layout import Run
from agerepro.tables import FACES, PHOTOS, read_table
from agerepro.training.loop import Reporter


def data_folders(experiment: Experiment, *, data: Path | None, runs: Path, jobs: int, reporter: Reporter) -> dict[str, Path]:
    """{data set: folder that holds it under its own name}. Without `data`, synthetic sets are drawn under `runs`/synthetic."""
    names = list(dict.fromkeys(stage.data for stage in experiment.stages))
    if data is not None:
        return dict.fromkeys(names, data)
    from agerepro.synthetic.writers import RENDERER, write  # the renderer is only for the demo

    folders = {}
    for name in names:
        settings = experiment.synthetic[name]
        folders[name] = runs / "synthetic" / config_hash([RENDERER, name, to_dict(settings)])
        write(name, folders[name] / name, settings, jobs=jobs, on_progress=_counted(reporter, f"drawing {name}"))
    return folders


def drawn_sets(folders: dict[str, Path]) -> list[str]:
    """Names of the data sets that the renderer drew, also when their folder was given as the user's own data."""
    from agerepro.synthetic.writers import is_drawn

    return [name for name, folder in folders.items() if is_drawn(catalog.folder_of(name, folder))]


def prepared_sets(experiment: Experiment, folders: dict[str, Path], *, runs: Path, reporter: Reporter) -> dict[str, FaceDataset]:
    """Every data set of the experiment, aligned; people shared by name with the target are counted, and dropped if it says so."""
    sets = {
        name: prepare_faces(
            name,
            data=folder,
            faces=experiment.faces,
            group_labels=experiment.group_labels,
            folder=runs / "faces",
            on_progress=lambda what, done, total: reporter.count(f"faces of {what}", done, total),
        )
        for name, folder in folders.items()
    }
    for name, dataset in sets.items():
        reporter.say(f"{name}: {len(dataset.photos)} faces, {dataset.photos['subject'].nunique()} people; {_describe_faces(dataset)}")
    names = list(sets)
    for at, name in enumerate(names[:-1]):
        later = {other: subject_overlap(sets[name].photos, sets[other].photos) for other in names[at + 1 :]}
        for other, people in later.items():
            if people:
                reporter.say(
                    f"{len(people)} people of {name} are also in {other} by name"
                    + (
                        "; left out of it (drop_overlapping_subjects)."
                        if experiment.drop_overlapping_subjects
                        else "; kept, as the paper does."
                    )
                )
        if experiment.drop_overlapping_subjects:
            sets[name] = sets[name].without(set().union(*later.values()))
    return sets


def _describe_faces(dataset: FaceDataset) -> str:
    return ", ".join(f"{count} {what}" for what, count in dataset.funnel["faces"].items() if count)


def _counted(reporter: Reporter, what: str) -> Callable[[int, int], None]:
    return lambda done, total: reporter.count(what, done, total)


@dataclass(frozen=True)
class RunCrops:
    """photos: the run's PHOTOS with the columns of FACES, its box as `cropped_<side>`; `image` is the key in the store in `folder`."""

    photos: pd.DataFrame
    folder: Path

    def store(self) -> FaceStore:
        """The store, opened."""
        return FaceStore(self.folder)


def find_run_crops(run: Path, data: str, settings: Faces) -> RunCrops | None:
    """The very crops of data set `data` that the run in folder `run` names in its provenance, or None where they are gone.

    A folder of the same data and another alignment, or of the same alignment and other data, gives another digest.
    """
    run = run.resolve()
    photos, faces = read_table(run / "photos.csv", PHOTOS), run.parents[2] / "faces"
    digest = Run(run).provenance()["data"].get(data, {}).get("digest", "")
    usual = store_folder(photos, settings, faces).parent
    name = usual.name.rpartition("-")[0]
    for folder in dict.fromkeys([usual, *sorted(faces.glob(f"{name}-*"))]):
        if not (folder / "faces.csv").is_file():
            continue
        # PHOTOS has a box, too: the source's.
        table = read_table(folder / "faces.csv", FACES).rename(columns={side: f"cropped_{side}" for side in SIDES})
        merged = photos.merge(table, on="photo", how="left", validate="one_to_one")
        merged["image"] = merged["image"].fillna("")
        if content_digest(merged) == digest:
            return RunCrops(merged, folder / "store")
    return None
