"""The data sets of a run: drawn where the user has none, prepared, read back; and the crops that a finished run used."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from agerepro.datasets import catalog
from agerepro.datasets.photos import subject_overlap
from agerepro.faces.alignment import SIDES
from agerepro.faces.prepare import FaceDataset, open_crops
from agerepro.faces.store import FaceStore
from agerepro.io import WHEN_FREE, is_complete, lock_folder, verified
from agerepro.runs.layout import Run
from agerepro.runs.plan import Plan
from agerepro.splits.protocols import make_folds
from agerepro.stopping import check_stop
from agerepro.tables import FACES, PHOTOS, read_table
from agerepro.training.reporting import Reporter


def prepare_set(plan: Plan, name: str, reporter: Reporter) -> None:
    """Draw a data set where the user has none, and align its faces; what is there already, and has not changed, is left as it is.

    Raises UserError as the reader and the renderer do, and Interrupted where a stop is asked for.
    """
    faces = plan.prepared[name]
    if plan.options.data is None:
        draw_set(plan, name, reporter)
    dataset = faces.prepare(on_progress=lambda what, done, total: reporter.count(f"faces of {what}", done, total), say=reporter.say)
    counts = ", ".join(f"{count} {what}" for what, count in dataset.funnel["faces"].items() if count)
    people = dataset.photos.loc[dataset.photos["subject"] != "", "subject"].nunique()
    reporter.say(f"{name}: {len(dataset.photos)} faces, {f'{people} people' if people else 'people unknown'}; {counts}")
    if skipped := dataset.funnel["skipped"]:
        first = skipped[0]
        where = faces.place / "about.json"
        reporter.say(f"{name}: {len(skipped)} passed over, first {first['path']} ({first['reason']}); all are listed in {where}")


def draw_set(plan: Plan, name: str, reporter: Reporter) -> None:
    """Draw a data set of a profile that draws its own, where that is not done."""
    from agerepro.synthetic.writers import write  # the renderer is only for the demo

    place = plan.prepared[name].data / name
    with lock_folder(place, wait=WHEN_FREE, on_wait=lambda: reporter.say(f"{name}: another process draws it; waiting for it.")):
        write(
            name,
            place,
            plan.experiment.synthetic[name],
            jobs=plan.options.jobs,
            on_progress=_counted(reporter, f"drawing {name}"),
        )


def expected_folds(plan: Plan, reporter: Reporter) -> int:
    """How many folds the protocol has: of the prepared faces, or else by the labels of all photos, which are drawn where they are to be.

    Of faces that are not prepared yet it may be a few too many, where nobody's faces are found in a person's photos.
    """
    if plan.fold_count is not None:
        return plan.fold_count
    name, protocol = plan.target.data, plan.target.protocol
    assert protocol is not None  # as read_experiment checks
    faces = plan.prepared[name]
    if plan.options.data is None:
        draw_set(plan, name, reporter)
    photos = catalog.read(name, faces.data, group_labels=faces.group_labels, own=faces.own, reading=faces.reading)
    return int(make_folds(photos.table, protocol)["fold"].nunique())


def load_set(plan: Plan, name: str) -> FaceDataset:
    """The faces of a data set of the experiment, without the people that later sets know by name where it says so."""
    dataset = plan.prepared[name].load()
    if plan.experiment.drop_overlapping_subjects:
        names = list(plan.prepared)
        later = [plan.prepared[other].load() for other in names[names.index(name) + 1 :]]
        dataset = dataset.without(set().union(*(subject_overlap(dataset.photos, other.photos) for other in later)))
    return replace(dataset, digest=plan.digests[name])


def describe_overlaps(sets: dict[str, FaceDataset], *, dropped: bool) -> list[str]:
    """A sentence for each pair of sets that share people by name; dropped: whether these are left out of the earlier one."""
    names, sentences = list(sets), []
    for at, name in enumerate(names[:-1]):
        for other in names[at + 1 :]:
            if people := subject_overlap(sets[name].photos, sets[other].photos):
                what = "left out of it (drop_overlapping_subjects)." if dropped else "kept, as the paper does."
                sentences.append(f"{len(people)} people of {name} are also in {other} by name; {what}")
    return sentences


def facts_of(plan: Plan) -> dict[str, dict[str, Any]]:
    """What a run notes of its data sets: `digest`, `prepared` (folder of the faces), `photos`, and the funnel's parts."""
    facts = {}
    for name, faces in plan.prepared.items():
        about = faces.about()
        facts[name] = {"digest": plan.digests[name], "prepared": faces.place.name, "photos": about["photos"], **about["funnel"]}
    return facts


def drawn_sets(plan: Plan) -> list[str]:
    """Names of the data sets that the renderer drew, also when their folder was given as the user's own data."""
    return [name for name, faces in plan.prepared.items() if faces.about()["drawn"]]


def count_ages(sets: Sequence[FaceDataset]) -> pd.DataFrame:
    """AGES of every data set; a set without ages has no rows."""
    counts = [faces.photos.groupby("age").size().rename("photos").reset_index().assign(data=faces.name) for faces in sets]
    return pd.concat(counts, ignore_index=True)


def _counted(reporter: Reporter, what: str) -> Callable[[int, int], None]:
    def count(done: int, total: int) -> None:
        reporter.count(what, done, total)
        check_stop(what)  # finished photos are kept

    return count


@dataclass(frozen=True)
class RunCrops:
    """photos: the run's PHOTOS with the columns of FACES, its box as `cropped_<side>`; `image` is the key in the store.

    place: the folder of the prepared faces.
    """

    photos: pd.DataFrame
    place: Path
    store_name: str

    def store(self) -> FaceStore:
        """The store, opened."""
        return open_crops(self.place, self.store_name)[1]


def find_run_crops(run: Path, data: str) -> RunCrops | None:
    """The very crops of data set `data` that the run in folder `run` names in its provenance, or None where they are gone."""
    run = run.resolve()
    facts = Run(run).provenance()["data"].get(data, {})
    place = run.parents[2] / "faces" / str(facts.get("prepared", ""))
    if not facts.get("prepared") or not is_complete(place):
        return None
    about = json.loads(verified(place / "about.json").read_text(encoding="utf-8"))
    photos = read_table(run / "photos.csv", PHOTOS)
    # PHOTOS has a box, too: the source's.
    table = read_table(verified(place / "faces.csv"), FACES).rename(columns={side: f"cropped_{side}" for side in SIDES})
    merged = photos.merge(table, on="photo", how="left", validate="one_to_one")
    merged["image"] = merged["image"].fillna("")
    return RunCrops(merged, place, about["store"])
