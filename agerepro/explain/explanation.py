"""A finished run explained: maps, tables and checks in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agerepro.config.schema import Experiment
from agerepro.explain.checks import Checks, run_checks
from agerepro.explain.maps import is_empty
from agerepro.explain.mean_maps import MeanMaps, mean_maps
from agerepro.explain.regions import age_groups, region_summary, region_table, with_notes
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

ABOUT = "about.json"
LEFT_OUT = ("folds", "checks")  # what a stopped call goes on with
PHOTOS_KEY, CHECKS_KEY = "photos to explain", "photos to check"  # of the draws
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Explained:
    """One run's maps (n, h, w) in -1..1, row by row with `photos` (`fold`, `photo`, `subject`, `age`, `group`, `predicted`, ...).

    regions [explain.regions.COLUMNS] and summary [SUMMARY] are empty, and mean is None, where no photo has both landmarks and a map
    that is not empty; checks is None where none were asked for, or all of their maps are empty. about: as in about.json. folder:
    where all of it lies.
    """

    run: Run
    experiment: Experiment
    folder: Path
    faces: RunFaces
    photos: pd.DataFrame
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
        row_of = {photo: row for row, photo in enumerate(self.photos["photo"])}
        return self.maps[[row_of[photo] for photo in photos]]


def explain(run_model: RunModel, faces: RunFaces, config: ExplainConfig, *, clock: Clock, on_progress: Progress) -> Explained:
    """Maps, regions, means and checks of one run, of its first seed, written to RUN/explain/<settings>/ and returned.

    Folds that are there already are not computed again. Raises UserError as `resolve_target`, `class_activation_maps` and
    `RunModel.load_fold`.
    """
    target = resolve_target(config, run_model.experiment)
    layer = layer_of(config, run_model.network.last_conv)
    folder = run_model.run.folder / "explain" / name_of(config, target, layer)
    photos = _photos_to_explain(run_model, faces, config)
    results = fold_maps(
        run_model,
        faces,
        photos,
        how=config.how,
        target=target,
        layer=layer,
        folder=folder / "folds",
        clock=clock,
        on_progress=_named(on_progress, "maps"),
    )
    maps, rows, groups = results.maps, faces.rows(list(results.photos)), age_groups(photos)
    regions = region_table(photos, maps, faces.landmarks[rows])
    summary = region_summary(regions, pd.Series(groups, index=photos["photo"]))
    checks = _checks(run_model, faces, photos, maps, config, target=target, layer=layer, folder=folder / "checks", on_progress=on_progress)
    about = _about(run_model, photos, results, regions, config, target=target, layer=layer)
    means = mean_maps(maps, faces.images(rows), faces.landmarks[rows], groups)
    explained = Explained(run_model.run, run_model.experiment, folder, faces, photos, maps, regions, summary, means, checks, about)
    _write(explained, results)
    return explained


def make_latest(folder: Path) -> Path:
    """Copy the finished results of `folder` (RUN/explain/<settings>) to RUN/explain, and return that.

    about.json goes first and comes last: while it is missing, the others may be of two settings.
    """
    above = folder.parent
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [name for name in names if name.parts[0] not in LEFT_OUT and not name.name.startswith(".")]
    (above / ABOUT).unlink(missing_ok=True)
    for path in [*above.glob("*.*"), *(above / "figures").glob("*.*")]:
        if path.is_file() and path.relative_to(above) not in names:
            path.unlink()
    for name in sorted(names, key=lambda name: name.name == ABOUT):
        write_bytes(above / name, (folder / name).read_bytes())
    return above


def _photos_to_explain(run_model: RunModel, faces: RunFaces, config: ExplainConfig) -> pd.DataFrame:
    """The tested photos with their predictions, by fold and name: those of the folds that kept weights."""
    seed = run_model.experiment.seeds[0]
    folds = run_model.folds_with_weights(seed)
    if not folds:
        run_model.load_fold(0, seed=seed)  # its error says why there are none
    predictions = run_model.run.predictions(run_model.experiment.seeds)
    predictions = predictions.loc[(predictions["seed"] == seed) & predictions["fold"].isin(folds)].drop(columns=["age", "group"])
    # A group run predicts no age, but its photos may have one.
    photos = predictions.merge(faces.photos[["photo", "age", "group"]], on="photo", how="left", validate="one_to_one")
    if config.photos:
        photos = photos.loc[photos["photo"].isin(sample_photos(list(photos["photo"]), config.photos, rng_key=PHOTOS_KEY))]
    return photos.sort_values(["fold", "photo"], ignore_index=True)


def _checks(
    run_model: RunModel,
    faces: RunFaces,
    photos: pd.DataFrame,
    maps: np.ndarray,
    config: ExplainConfig,
    *,
    target: TargetSpec,
    layer: str,
    folder: Path,
    on_progress: Progress,
) -> Checks | None:
    if not config.checks:
        return None
    chosen = photos["photo"].isin(sample_photos(list(photos["photo"]), config.checks, rng_key=CHECKS_KEY)).to_numpy()
    chosen = chosen & ~is_empty(maps)  # an empty map puts no pixel before another
    if not chosen.any():
        return None
    part = photos.loc[chosen].reset_index(drop=True)
    counted = _named(on_progress, "checks:")
    return run_checks(run_model, faces, part, maps[chosen], how=config.how, target=target, layer=layer, folder=folder, on_progress=counted)


def _about(
    run_model: RunModel,
    photos: pd.DataFrame,
    results: FoldMaps,
    regions: pd.DataFrame,
    config: ExplainConfig,
    *,
    target: TargetSpec,
    layer: str,
) -> dict[str, Any]:
    return {
        "how": config.how,
        "target": target if isinstance(target, str) else f"age {target}",
        "layer": layer,
        "seconds": round(results.seconds, 2),
        "photos": len(photos),
        "photos_with_regions": int(regions["photo"].nunique()),
        "empty_maps": int(is_empty(results.maps).sum()),
        "places": "{} x {}".format(*results.maps.shape[1:]),
        "input": run_model.experiment.augment.size,
        "folds": int(photos["fold"].nunique()),
        "folds_in_all": int(run_model.run.folds()["fold"].nunique()),
        "seed": run_model.experiment.seeds[0],
    }


def _write(explained: Explained, results: FoldMaps) -> None:
    def csv(name: str, table: pd.DataFrame) -> None:
        write_text(explained.folder / name, table.to_csv(index=False, lineterminator="\n"))

    arrays = {"photos": np.array(results.photos), "maps": results.maps.astype(np.float16), "scale": results.scale}
    save_arrays(explained.folder / "maps.npz", arrays)
    csv("regions.csv", with_notes(explained.regions, explained.photos, explained.maps))
    csv("regions-summary.csv", explained.summary)
    if explained.checks is not None:
        csv("check-random-weights.csv", explained.checks.random)
        csv("check-curves.csv", explained.checks.curves)
        csv("checks.csv", explained.checks.summary)
    write_json(explained.folder / ABOUT, explained.about)


def _named(on_progress: Progress, what: str) -> Callable[..., None]:
    """Progress with a word put before."""

    def named(*arguments: Any) -> None:
        *more, count, total = arguments
        on_progress(" ".join([what, *more]), count, total)

    return named
