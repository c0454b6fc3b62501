"""A finished run explained: maps, tables and checks in one folder, and what they come to in sentences."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from agerepro.config.schema import Experiment
from agerepro.evaluation.bootstrap import cluster_bootstrap
from agerepro.explain.faithfulness import MORE_THAN_RANDOM, Checks, of_check, run_checks
from agerepro.explain.maps import is_empty
from agerepro.explain.regions import (
    ALL,
    EYES_AND_NOSE,
    REGIONS,
    age_groups,
    densest,
    of_region,
    people_of,
    region_summary,
    region_table,
    widen,
    with_notes,
)
from agerepro.explain.run_maps import (
    Clock,
    ExplainConfig,
    FoldMaps,
    MeanMaps,
    RunFaces,
    TargetSpec,
    fold_maps,
    layer_of,
    mean_maps,
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
Tuned = Literal["before", "after"]
# In koenig2019's order, then those of other papers.
BACKBONES = {
    "resnet50": "ResNet-50",
    "senet50": "SENet-50",
    "vgg16": "VGG-16",
    "dlib_resnet": "dlib ResNet",
    "alexnet": "AlexNet",
    "vgg16_bn": "VGG-16 with batch norm",
    "resnet50_v1_5": "ResNet-50 v1.5",
}
COLUMNS = ("backbone", "before", "after", "region", "photos", "people", "relative_before", "relative_after", "difference", "low", "high")
CENTRES = ("eyes", "nose")
ORDER = (EYES_AND_NOSE, *REGIONS)  # of rows in the text
HEADING = ("Region", "Share of energy", "95 % interval", "Share of crop", "Times even", "95 % interval")
QUESTION = 'Do "activations centre on the eye/nose region" (koenig2019, section 6)?'


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
    target = resolve_target(config, run_model.experiment, run_model.task)
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
    crops = (image for images in faces.in_batches(rows) for image in images)
    means = mean_maps(maps, crops, faces.landmarks[rows], groups)
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


def explanation_text(runs: Sequence[Explained], pairs: pd.DataFrame) -> str:
    """The whole printed page, ends with a newline; pairs as `before_after` gives them."""
    blocks = [_run_text(run) for run in runs]
    if len(pairs):
        blocks.append(_pairs_text(pairs))
    answers = [conclusions(run) for run in runs] + paired_conclusions(pairs)
    blocks.append("\n".join(text for text in (QUESTION, *answers, resolution_note(runs)) if text))
    return "\n\n".join(blocks) + "\n"


def tuned(experiment: Experiment) -> Tuned:
    """`after` where any stage trained all layers on ages, else `before`: then only a head was fitted to a backbone that knows people."""
    of_age = [stage for stage in experiment.stages if stage.target.learns_ages]
    return "after" if any(not stage.keeps_backbone() and stage.epochs_trained() > 0 for stage in of_age) else "before"


def backbone_in_words(experiment: Experiment) -> str:
    """The backbone as papers write it."""
    return BACKBONES.get(experiment.backbone.name, experiment.backbone.name)


def before_after(runs: Sequence[Explained]) -> pd.DataFrame:
    """COLUMNS: every run whose backbone learnt ages beside every run of the same backbone and data whose backbone did not.

    relative: energy a pixel beside an even spread, 1 where even; difference: after less before, on the photos that both have,
    with its 95 % interval over people (BCa). Empty where there is no such pair.
    """
    rows = [row for before, after in pairs(runs) for row in _pair_rows(before, after)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def pairs(runs: Sequence[Explained]) -> list[tuple[Explained, Explained]]:
    """Runs of the same backbone, kind of head and data, the first before and the second after its backbone learnt ages."""
    return [(run, other) for run in runs for other in runs if _are_pair(run, other)]


def conclusions(run: Explained) -> str:
    """Whether this run's maps centre on eyes and nose.

    They do where eyes and nose together hold more than their even share (the interval lies above 1) and one of them holds most a
    pixel of all regions; they lean there where only the first is so.
    """
    if run.summary.empty:
        reason = "all maps are empty" if is_empty(run.maps).all() else "no photo has both landmarks and a map that is not empty"
        return f"{run.run.experiment}: {reason}, so nothing can be said of eyes and nose."
    (row,) = of_region(run.summary, [EYES_AND_NOSE])
    place, times = densest(run.summary)
    if row["relative_low"] > 1:
        text = "centre on them" if place in CENTRES else f"lean to them, but more a pixel lies on the {place} ({times:.2f} times even)"
    elif row["relative_high"] < 1:
        text = f"lean away from them; most a pixel lies on the {place} ({times:.2f} times even)"
    else:
        text = f"neither seek nor avoid them as far as can be told; most a pixel lies on the {place} ({times:.2f} times even)"
    share = f"{row['share']:.0%} of the map's energy on {row['area_share']:.0%} of the crop"
    times_even = f"{row['relative']:.2f} times {_span(row['relative_low'], row['relative_high'])} an even spread"
    beside = _beside_random(run)
    return f"{run.run.experiment} ({tuned(run.experiment)}): eyes and nose hold {share}, {times_even}: the maps {text}.{beside}"


def paired_conclusions(table: pd.DataFrame) -> list[str]:
    """What tuning to age changed, a sentence for each pair of `before_after`."""
    sentences = []
    for row in table.loc[table["region"] == EYES_AND_NOSE].to_dict("records"):
        turn = "does not clearly move the maps to or from"
        if row["low"] > 0:
            turn = "moves the maps to"
        elif row["high"] < 0:
            turn = "moves the maps away from"
        sentences.append(
            f"{row['backbone']}, {row['before']} -> {row['after']}: tuning to age {turn} eyes and nose: {row['relative_before']:.2f} -> "
            f"{row['relative_after']:.2f} times even, difference {row['difference']:+.2f} {_span(row['low'], row['high'], sign='+')}, "
            f"{row['photos']:,} photos of {row['people']:,} people."
        )
    return sentences


def resolution_note(runs: Sequence[Explained]) -> str:
    """What the maps are too coarse to tell; "" where each place is smaller than an eye region."""
    coarse = [run for run in runs if not run.summary.empty and _share_of_a_place(run) > _smallest_centre(run)]
    if not coarse:
        return ""
    places = ", ".join(dict.fromkeys(run.about["places"] for run in coarse))
    return (
        f"These maps have {places} places, each larger than the eyes or the nose: stretched over the crop they cannot tell these two "
        "from their neighbours, and a map that is strong in the middle counts as eyes and nose. An earlier layer (--layer) sees finer."
    )


def empty_maps_note(run: Explained) -> str:
    """How many maps are empty and what that means; "" where none is."""
    empty = int(is_empty(run.maps).sum())
    if not empty:
        return ""
    about = run.about
    remedy = " `--how mean` also shows what speaks against it." if about["how"] == "grad_cam" else ""
    return (
        f"{empty:,} of {len(run.maps):,} maps are empty, 0 everywhere: at {about['layer']} nothing speaks for the "
        f"{_target_in_words(run)}. They are in no number below.{remedy}"
    )


def _are_pair(run: Explained, other: Explained) -> bool:
    before, after = run.experiment, other.experiment
    same = before.backbone.name == after.backbone.name and before.stages[-1].data == after.stages[-1].data
    return same and type(before.head) is type(after.head) and tuned(before) == "before" and tuned(after) == "after"


def _pair_rows(before: Explained, after: Explained) -> list[tuple[object, ...]]:
    if before.regions.empty or after.regions.empty:
        return []
    # Areas are those of each run's own crops; where the alignment is the same they are equal.
    both = widen(before.regions).merge(widen(after.regions), on=["photo", "subject"], suffixes=(" 1", " 2"))
    names = (backbone_in_words(before.experiment), before.run.experiment, after.run.experiment)
    return [(*names, region, *_paired(both, region)) for region in (*REGIONS, EYES_AND_NOSE)] if len(both) else []


def _paired(both: pd.DataFrame, region: str) -> tuple[object, ...]:
    people = people_of(both)
    before, after = (both[f"{region} share {n}"].to_numpy() / both[f"{region} area {n}"].mean() for n in (1, 2))
    difference = cluster_bootstrap(after - before, np.ones(len(both)), people)
    return len(both), difference.n, float(before.mean()), float(after.mean()), difference.value, difference.low, difference.high


def _beside_random(run: Explained) -> str:
    if run.checks is None:
        return ""
    more = of_check(run.checks.summary, MORE_THAN_RANDOM)
    if more.value != more.value:
        return ""
    words = "more than" if more.low > 0 else "less than" if more.high < 0 else "not clearly other than"
    return f" That is {words} networks with random weights give: {more.value:+.2f} {_span(more.low, more.high, sign='+')} times even."


def _share_of_a_place(run: Explained) -> float:
    """The share of the crop that one place of the map covers."""
    return 1 / (run.maps.shape[1] * run.maps.shape[2])


def _smallest_centre(run: Explained) -> float:
    """The area of the smaller of eyes and nose, which for the eyes is that of one of the two."""
    eyes, nose = (float(row["area_share"]) for row in of_region(run.summary, CENTRES))
    return min(eyes / 2, nose)


def _run_text(run: Explained) -> str:
    about = run.about
    head = (
        f"{run.run.experiment} ({run.run.profile}): {about['how']} maps of the {_target_in_words(run)} "
        f"at {about['layer']} ({about['places']} places), {about['photos']:,} photos, {about['folds']} of {about['folds_in_all']} folds, "
        f"{about['photos_with_regions']:,} photos with regions"
    )
    blocks = [head, empty_maps_note(run)]
    if not run.summary.empty:
        blocks.append(_columns([HEADING, *(_region_cells(row) for row in of_region(run.summary, ORDER, group=ALL))]))
        blocks.append(_checks_text(run.checks) if run.checks is not None else "")
    return "\n\n".join(block for block in blocks if block)


def _region_cells(row: dict[Hashable, Any]) -> tuple[str, ...]:
    share = _span(row["share_low"], row["share_high"], style=".1%")
    times = _span(row["relative_low"], row["relative_high"])
    return row["region"], f"{row['share']:.1%}", share, f"{row['area_share']:.1%}", _number(row["relative"]), times


def _checks_text(checks: Checks) -> str:
    rows = [("Check", "Value", "95 % interval", "Unit", "Photos")]
    for row in checks.summary.to_dict("records"):
        span = _span(row["low"], row["high"], style=".3f")
        rows.append((row["check"], f"{row['value']:.3f}", span, row["unit"], f"{row['photos']:,}"))
    return _columns(rows)


def _pairs_text(pairs: pd.DataFrame) -> str:
    rows = [("Network", "Region", "Before", "After", "Difference", "95 % interval")]
    last = ""
    for row in pairs.to_dict("records"):
        name = f"{row['backbone']}: {row['before']} -> {row['after']}"
        numbers = (_number(row["relative_before"]), _number(row["relative_after"]), f"{row['difference']:+.2f}")
        rows.append((name if name != last else "", row["region"], *numbers, _span(row["low"], row["high"], sign="+")))
        last = name
    return "Energy a pixel, times an even spread, paired over photos\n\n" + _columns(rows)


def _target_in_words(run: Explained) -> str:
    return str(run.about["target"]).replace("_", " ")


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.2f}"


def _span(low: float, high: float, *, style: str = ".2f", sign: str = "") -> str:
    """`[0.91, 1.02]`, or `-` where there is no interval."""
    return "-" if low != low else f"[{low:{sign}{style}}, {high:{sign}{style}}]"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])
