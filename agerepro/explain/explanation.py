"""A finished run explained: maps, tables and checks in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from agerepro.config.schema import Experiment
from agerepro.explain.checks import Checks, run_checks
from agerepro.explain.mean_maps import mean_maps
from agerepro.explain.regions import age_groups, region_summary, region_table
from agerepro.explain.run_maps import (
    Clock,
    ExplainConfig,
    FoldMaps,
    RunFaces,
    TargetSpec,
    fold_maps,
    layer_of,
    name_of,
    resolve_target,
    sample_photos,
    save_arrays,
)
from agerepro.io import write_bytes, write_json, write_text
from agerepro.runs.layout import Run
from agerepro.runs.model import RunModel

if TYPE_CHECKING:
    from agerepro.explain.checks import Checks
    from agerepro.explain.mean_maps import MeanMaps
    from agerepro.explain.run_maps import RunFaces


@dataclass(frozen=True)
class Explained:
    """One run's maps (n, h, w) in -1..1, row by row with `tested` (`fold`, `photo`, `subject`, `age`, `group`, `predicted`, ...).

    regions [diagnosis.regions.COLUMNS] and summary [SUMMARY] are empty, and mean is None, where no photo has landmarks; checks is
    None where none were wanted. about: as in about.json. folder: where all of it lies.
    """

    run: Run
    experiment: Experiment
    folder: Path
    faces: RunFaces
    tested: pd.DataFrame
    maps: np.ndarray
    regions: pd.DataFrame
    summary: pd.DataFrame
    mean: MeanMaps | None
    checks: Checks | None
    about: dict[str, Any]

    def images(self, photos: Sequence[str]) -> np.ndarray:
        """The crops of these photos as tested, (n, s, s, 3) uint8 RGB."""
        return self.faces.images(self.faces.rows(list(photos)))

    def landmarks(self, photos: Sequence[str]) -> np.ndarray:
        """Their landmarks (n, 5, 2) in shares of the crop's side."""
        return self.faces.landmarks[self.faces.rows(list(photos))]

    def maps_of(self, photos: Sequence[str]) -> np.ndarray:
        """Their maps (n, h, w)."""
        where = {photo: row for row, photo in enumerate(self.tested["photo"])}
        return self.maps[[where[photo] for photo in photos]]


ABOUT = "about.json"
LEFT_OUT = ("folds", "checks")  # what a stopped call goes on with


def make_latest(folder: Path) -> Path:
    """Copy the finished results of `folder` (RUN/explain/<settings>) to RUN/explain, and return that.

    about.json goes first and comes last: while it is missing, the others may be of two settings.
    """
    above = folder.parent
    new = [
        path.relative_to(folder)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in LEFT_OUT
    ]
    (above / ABOUT).unlink(missing_ok=True)
    for old in [*above.glob("*.*"), *(above / "figures").glob("*.*")]:
        if old.is_file() and old.relative_to(above) not in new:
            old.unlink()
    for name in sorted(new, key=lambda one: one.name == ABOUT):
        if not name.name.startswith("."):
            write_bytes(above / name, (folder / name).read_bytes())
    return above


PURPOSE = "photos to explain"
Progress = Callable[[str, int, int], None]


def explain(back: RunModel, faces: RunFaces, wish: ExplainConfig, *, clock: Clock, on_progress: Progress) -> Explained:
    """Maps, regions, means and checks of one run, of its first seed, written to RUN/explain/<settings>/ and returned.

    Folds that are there already are not computed again. Raises UserError as `resolve_target`, `class_activation_maps` and `RunModel.load_fold`.
    """
    aim = resolve_target(wish, back.experiment)
    layer = layer_of(wish, back.network.last_conv)
    folder = back.run.folder / "explain" / name_of(wish, aim, layer)
    tested = _tested(back, faces, wish)
    found = fold_maps(
        back,
        faces,
        tested,
        how=wish.how,
        aim=aim,
        layer=layer,
        folder=folder / "folds",
        clock=clock,
        on_progress=_named(on_progress, "maps"),
    )
    rows = faces.rows(list(found.photos))
    groups = age_groups(tested)
    regions = region_table(tested, found.maps, faces.landmarks[rows])
    summary = region_summary(regions, pd.Series(groups, index=tested["photo"]))
    checks = _checks(back, faces, tested, found, wish, aim=aim, layer=layer, folder=folder / "checks", on_progress=on_progress)
    about = _about(back, tested, found, regions, wish, aim=aim, layer=layer)
    means = mean_maps(found.maps, faces.images(rows), faces.landmarks[rows], groups)
    done = Explained(back.run, back.experiment, folder, faces, tested, found.maps, regions, summary, means, checks, about)
    _write(done, found)
    return done


def _tested(back: RunModel, faces: RunFaces, wish: ExplainConfig) -> pd.DataFrame:
    """The photos to explain, by fold and name: those of the folds that kept weights."""
    seed = back.experiment.seeds[0]
    kept = back.folds_with_weights(seed)
    if not kept:
        back.load_fold(0, seed=seed)  # says why there are none
    said = back.run.predictions(back.experiment.seeds)
    said = said.loc[(said["seed"] == seed) & said["fold"].isin(kept)].drop(columns=["age", "group"])
    # A group run predicts no age, but its photos may have one.
    frame = said.merge(faces.photos[["photo", "age", "group"]], on="photo", how="left", validate="one_to_one")
    if wish.photos:
        frame = frame.loc[frame["photo"].isin(sample_photos(list(frame["photo"]), wish.photos, rng_key=PURPOSE))]
    return frame.sort_values(["fold", "photo"], ignore_index=True)


def _checks(
    back: RunModel,
    faces: RunFaces,
    tested: pd.DataFrame,
    found: FoldMaps,
    wish: ExplainConfig,
    *,
    aim: TargetSpec,
    layer: str,
    folder: Path,
    on_progress: Progress,
) -> Checks | None:
    if not wish.checks:
        return None
    few = tested["photo"].isin(sample_photos(list(tested["photo"]), wish.checks, rng_key="photos to check")).to_numpy()
    part = tested.loc[few].reset_index(drop=True)
    return run_checks(
        back, faces, part, found.maps[few], how=wish.how, aim=aim, layer=layer, folder=folder, on_progress=_named(on_progress, "checks:")
    )


def _about(
    back: RunModel, tested: pd.DataFrame, found: FoldMaps, regions: pd.DataFrame, wish: ExplainConfig, *, aim: TargetSpec, layer: str
) -> dict[str, Any]:
    return {
        "how": wish.how,
        "target": str(aim) if isinstance(aim, str) else f"age {aim}",
        "layer": layer,
        "seconds": round(found.seconds, 2),
        "photos": len(tested),
        "photos_with_regions": int(regions["photo"].nunique()),
        "places": "{} x {}".format(*found.maps.shape[1:]),
        "input": back.experiment.augment.size,
        "folds": int(tested["fold"].nunique()),
        "folds_in_all": int(back.run.folds()["fold"].nunique()),
        "seed": back.experiment.seeds[0],
    }


def _write(done: Explained, found: FoldMaps) -> None:
    def csv(name: str, table: pd.DataFrame) -> None:
        write_text(done.folder / name, table.to_csv(index=False, lineterminator="\n"))

    arrays = {"photos": np.array(found.photos), "maps": found.maps.astype(np.float16), "scale": found.scale}
    save_arrays(done.folder / "maps.npz", arrays)
    csv("regions.csv", done.regions)
    csv("regions-summary.csv", done.summary)
    if done.checks is not None:
        csv("check-random-weights.csv", done.checks.random)
        csv("check-curves.csv", done.checks.curves)
        csv("checks.csv", done.checks.summary)
    write_json(done.folder / "about.json", done.about)


def _named(on_progress: Progress, what: str) -> Callable[..., None]:
    """Progress with a word put before."""

    def counted(*arguments: Any) -> None:
        *more, done, total = arguments
        on_progress(" ".join([what, *more]), done, total)

    return counted
