"""One run explained: maps, regions, means and checks, computed and kept in its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agerepro.diagnosis.age_groups import age_groups
from agerepro.diagnosis.aligned import mean_maps
from agerepro.diagnosis.check_tables import Checks
from agerepro.diagnosis.checks import run_checks
from agerepro.diagnosis.chosen import drawn
from agerepro.diagnosis.explained import Explained
from agerepro.diagnosis.fold_files import save_arrays
from agerepro.diagnosis.fold_maps import Clock, FoldMaps, fold_maps
from agerepro.diagnosis.regions import region_summary, region_table
from agerepro.diagnosis.run_faces import RunFaces
from agerepro.diagnosis.wish import Aim, Wish, aim_of, layer_of, name_of
from agerepro.files import write_json, write_text
from agerepro.training.restore import Restored

PURPOSE = "photos to explain"
Progress = Callable[[str, int, int], None]


def explain(back: Restored, faces: RunFaces, wish: Wish, *, clock: Clock, on_progress: Progress) -> Explained:
    """Maps, regions, means and checks of one run, of its first seed, written to RUN/explain/<settings>/ and returned.

    Folds that are there already are not computed again. Raises UserError as `aim_of`, `class_activation_maps` and `Restored.fill`.
    """
    aim = aim_of(wish, back.experiment)
    layer = layer_of(wish, back.network.last_map)
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


def _tested(back: Restored, faces: RunFaces, wish: Wish) -> pd.DataFrame:
    """The photos to explain, by fold and name: those of the folds that kept weights."""
    seed = back.experiment.seeds[0]
    kept = back.kept(seed)
    if not kept:
        back.fill(0, seed=seed)  # says why there are none
    said = back.run.predictions(back.experiment.seeds)
    said = said.loc[(said["seed"] == seed) & said["fold"].isin(kept)].drop(columns=["age", "group"])
    # A group run predicts no age, but its photos may have one.
    frame = said.merge(faces.photos[["photo", "age", "group"]], on="photo", how="left", validate="one_to_one")
    if wish.photos:
        frame = frame.loc[frame["photo"].isin(drawn(list(frame["photo"]), wish.photos, purpose=PURPOSE))]
    return frame.sort_values(["fold", "photo"], ignore_index=True)


def _checks(
    back: Restored,
    faces: RunFaces,
    tested: pd.DataFrame,
    found: FoldMaps,
    wish: Wish,
    *,
    aim: Aim,
    layer: str,
    folder: Path,
    on_progress: Progress,
) -> Checks | None:
    if not wish.checks:
        return None
    few = tested["photo"].isin(drawn(list(tested["photo"]), wish.checks, purpose="photos to check")).to_numpy()
    part = tested.loc[few].reset_index(drop=True)
    return run_checks(
        back, faces, part, found.maps[few], how=wish.how, aim=aim, layer=layer, folder=folder, on_progress=_named(on_progress, "checks:")
    )


def _about(
    back: Restored, tested: pd.DataFrame, found: FoldMaps, regions: pd.DataFrame, wish: Wish, *, aim: Aim, layer: str
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
