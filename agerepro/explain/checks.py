"""Sanity checks of a run's maps: deletion and insertion beside noise, and random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from agerepro.evaluation.bootstrap import CONFIDENCE, Interval, cluster_bootstrap
from agerepro.explain.cam import upsampled
from agerepro.explain.faithfulness import area, blurred, curves, grey, random_maps, random_weights, smooth_noise
from agerepro.explain.maps import SENSITIVITY, Kind, maps_of, rank_correlation
from agerepro.explain.regions import EYES_AND_NOSE, people_of, region_table, widened
from agerepro.explain.run_maps import RunFaces, TargetSpec, cached_npz, classes_for, fold_digest
from agerepro.explain.sensitivity import SIGMA
from agerepro.explain.targets import Target, check_target
from agerepro.runs.model import RunModel
from agerepro.tasks.decode import posterior

RESAMPLES = 2_000


def median_over_people(values: np.ndarray, people: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Median of (n,) values, one a photo, NaN left out, with the 95 % percentile interval over draws of whole people.

    A median is no ratio of sums, so evaluation.intervals cannot draw it. NaN all over where nothing is left; ends are NaN for one
    person alone. n is the number of people.
    """
    known = np.isfinite(values)
    values, people = np.asarray(values, float)[known], np.asarray(people)[known]
    nan = float("nan")
    if not len(values):
        return Interval(nan, nan, nan, 0)
    names = np.unique(people)
    value = float(np.median(values))
    if len(names) < 2:
        return Interval(value, nan, nan, len(names))
    of_person = [values[people == name] for name in names]
    draw = np.random.default_rng(seed)
    medians = [np.median(np.concatenate([of_person[k] for k in draw.integers(len(names), size=len(names))])) for _ in range(resamples)]
    low, high = np.quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, float(low), float(high), len(names))


ORDERS, MAPS = ("deletion", "insertion"), ("map", "random")  # of curves
SUMMARY = ("check", "value", "low", "high", "photos", "people", "unit")
CORRELATION, ABSOLUTE = "correlation with random weights, median", "correlation of absolute values, median"
MORE_THAN_RANDOM = "eyes and nose, trained less random weights"


@dataclass(frozen=True)
class Checks:
    """`random` [random_weights_check.COLUMNS], `curves` [curve_check.COLUMNS] and `summary` [SUMMARY], unit years, probability or ""."""

    random: pd.DataFrame
    curves: pd.DataFrame
    summary: pd.DataFrame


def check_summary(tested: pd.DataFrame, random: pd.DataFrame, found: np.ndarray, *, unit: str) -> pd.DataFrame:
    """SUMMARY: medians of each photo's mean correlation, its eyes and nose beside random weights, and the areas beside random maps.

    tested: photos in the order of `found` (orders, maps, n), the areas; all intervals 95 % over people, of the medians by
    percentiles, of the means BCa.
    """
    of_photo = random.groupby("photo")[["correlation", "absolute_correlation", "trained_relative", "random_relative"]].mean()
    of_photo = of_photo.reindex(tested["photo"])
    people = people_of(tested)
    rows = [
        _row(CORRELATION, median_over_people(of_photo["correlation"].to_numpy(), people), of_photo["correlation"].to_numpy(), ""),
        _row(
            ABSOLUTE,
            median_over_people(of_photo["absolute_correlation"].to_numpy(), people),
            of_photo["absolute_correlation"].to_numpy(),
            "",
        ),
    ]
    more = (of_photo["trained_relative"] - of_photo["random_relative"]).to_numpy()
    rows.append(_row(MORE_THAN_RANDOM, _mean(more, people), more, "times even"))
    for number, order in enumerate(ORDERS):
        for kind, values in zip(MAPS, found[number]):
            rows.append(_row(f"{order} area, {kind}", _mean(values, people), values, unit))
        less = found[number, 0] - found[number, 1]
        rows.append(_row(f"{order} area, map less random", _mean(less, people), less, unit))
    return pd.DataFrame(rows, columns=list(SUMMARY))


def of_check(summary: pd.DataFrame, check: str) -> Interval:
    """One line of a summary."""
    (row,) = summary.loc[summary["check"] == check].to_dict("records")
    return Interval(row["value"], row["low"], row["high"], row["people"])


def _mean(values: np.ndarray, people: np.ndarray) -> Interval:
    known = np.isfinite(values)
    if not known.any():
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    return cluster_bootstrap(values[known], np.ones(int(known.sum())), people[known])


def _row(name: str, found: Interval, values: np.ndarray, unit: str) -> tuple[object, ...]:
    return name, found.value, found.low, found.high, int(np.isfinite(values).sum()), found.n, unit


LEAST = 8  # pictures of the smallest batch that is traced


def scores_of(back: RunModel, images: np.ndarray, classes: Target) -> np.ndarray:
    """The probability of a class, or the expected age in years, (n,) of pictures (n, s, s, 3), by the network as it is filled.

    As explain.targets.scores_of, but traced: called layer by layer, a ResNet takes seconds for a few pictures. The pictures are filled
    up to the next power of two, so that few sizes are traced. UserError for a target that the network does not have.
    """
    check_target(classes, back.bins, len(images))
    room = max(LEAST, 1 << (len(images) - 1).bit_length())
    filled = np.concatenate([images, np.repeat(images[-1:], room - len(images), axis=0)]).astype(np.float32)
    outputs = np.asarray(back.network.full.predict_on_batch(filled))[: len(images)]
    if not len(back.bins):
        return outputs[:, 0]
    shares = posterior(outputs)
    if isinstance(classes, str):
        return shares @ back.bins if classes == "expected_age" else shares.max(axis=1)
    return shares[np.arange(len(images)), np.broadcast_to(classes, len(images))]


STEPS = 10
CURVE_COLUMNS = ("photo", "subject", "order", "map", "share", "score")


def curves_of(back: RunModel, images: np.ndarray, maps: np.ndarray, classes: Target, *, how: Kind, seed: int) -> np.ndarray:
    """Scores (orders, maps, n, STEPS + 1) of these photos by the network as it is filled: probability of the class, or years.

    images (n, s, s, 3) uint8; maps (n, h, w), signed: what speaks most for the target goes first. Sensitivity maps speak neither for
    nor against: of them the score is `closeness`.
    """
    count, size = len(images), images.shape[1]
    if how == SENSITIVITY:
        others = smooth_noise(count, size, seed=seed, sigma=SIGMA)
    else:
        others = random_maps(count, size, seed=seed, coarse=max(maps.shape[1:]))
    # Both maps' curves at once: a network called with twice the photos takes less than twice the time.
    both, heat = np.concatenate([images, images]).astype(np.float32), np.concatenate([upsampled(maps, size), others])
    target = np.concatenate([classes, classes]) if isinstance(classes, np.ndarray) and classes.ndim else classes
    found = []
    for order, start in zip(ORDERS, (grey(both), blurred(both))):
        scores = curves(
            lambda changed: scores_of(back, changed, target),
            both,
            heat,
            order="deletion" if order == "deletion" else "insertion",
            start=start,
            steps=STEPS,
        )
        found.append(np.stack([scores[:count], scores[count:]]))
    return closeness(np.stack(found)) if how == SENSITIVITY else np.stack(found)


def closeness(scores: np.ndarray) -> np.ndarray:
    """Minus how far each score is from that of the untouched photo, where deletion starts; (orders, maps, n, STEPS + 1) both."""
    return -np.abs(scores - scores[:1, :, :, :1])


def curve_table(photos: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """COLUMNS, one row a photo, order, kind of map and share of pixels changed; scores (orders, maps, n, STEPS + 1)."""
    parts = []
    for (o, order), (m, kind) in product(enumerate(ORDERS), enumerate(MAPS)):
        of_photo = scores[o, m]
        parts.append(
            pd.DataFrame(
                {
                    "photo": np.repeat(photos["photo"].to_numpy(), STEPS + 1),
                    "subject": np.repeat(photos["subject"].to_numpy(), STEPS + 1),
                    "order": order,
                    "map": kind,
                    "share": np.tile(np.arange(STEPS + 1) / STEPS, len(photos)),
                    "score": of_photo.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)[list(CURVE_COLUMNS)]


def areas(scores: np.ndarray) -> np.ndarray:
    """The area under each curve, (orders, maps, n)."""
    return area(scores.reshape(-1, scores.shape[-1])).reshape(scores.shape[:-1])


DRAWS = 3  # random networks; one alone may by chance have maps like anything
RANDOM_COLUMNS = ("photo", "subject", "draw", "correlation", "absolute_correlation", "trained_relative", "random_relative")


def random_maps_of(
    back: RunModel, images: np.ndarray, classes: Target, *, how: Kind, layer: str, on_draw: Callable[[int, int], None]
) -> np.ndarray:
    """(DRAWS, n, h, w) maps of these photos for the same classes, under as many networks with random weights in every layer."""
    found = []
    for draw in range(DRAWS):
        on_draw(draw, DRAWS)
        with random_weights(back.network.full, seed=draw):
            found.append(maps_of(back.network.full, images, layer, target=classes, bins=back.bins, how=how))
    on_draw(DRAWS, DRAWS)
    return np.stack(found)


def compared(photos: pd.DataFrame, maps: np.ndarray, random: np.ndarray, landmarks: np.ndarray) -> pd.DataFrame:
    """COLUMNS, one row a photo and draw; photos: `photo`, `subject`, `age`; maps (n, h, w); random (draws, n, h, w).

    correlation: Spearman's, of the maps' places (absolute_correlation: of their absolute values); trained_relative and
    random_relative: energy a pixel in eyes and nose beside an even spread, NaN without usable landmarks.
    """
    trained = _together(photos, maps, landmarks)
    rows = []
    for draw, others in enumerate(random):
        table = photos[["photo", "subject"]].assign(draw=draw, correlation=rank_correlation(maps, others))
        table["absolute_correlation"] = rank_correlation(np.abs(maps), np.abs(others))
        rows.append(table.assign(trained_relative=trained, random_relative=_together(photos, others, landmarks)))
    return pd.concat(rows, ignore_index=True)[list(RANDOM_COLUMNS)]


def _together(photos: pd.DataFrame, maps: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Energy a pixel in eyes and nose of each photo, (n,), NaN where regions are unknown."""
    table = region_table(photos, maps, landmarks)
    if table.empty:
        return np.full(len(photos), np.nan)
    wide = widened(table).set_index("photo")
    return (wide[f"{EYES_AND_NOSE} share"] / wide[f"{EYES_AND_NOSE} area"]).reindex(photos["photo"]).to_numpy(float)


Progress = Callable[[str, int, int], None]


def run_checks(
    back: RunModel,
    faces: RunFaces,
    tested: pd.DataFrame,
    maps: np.ndarray,
    *,
    how: Kind,
    aim: TargetSpec,
    layer: str,
    folder: Path,
    on_progress: Progress,
) -> Checks:
    """Check the maps (n, h, w) of the photos in `tested` (`fold`, `photo`, `subject`, `age`), row by row; kept in `folder`."""
    seed, scores, classes, done = back.experiment.seeds[0], [], [], 0
    for fold in dict.fromkeys(tested["fold"]):
        rows = np.flatnonzero(tested["fold"] == fold)
        photos = list(tested["photo"].to_numpy()[rows])

        def make(fold: int = int(fold), rows: np.ndarray = rows, photos: list[str] = photos) -> dict[str, np.ndarray]:
            back.load_fold(fold, seed=seed)
            images = faces.images(faces.rows(photos))
            target = classes_for(aim, back, images)
            found = curves_of(back, images, maps[rows], target, how=how, seed=fold)
            return {"scores": found, "classes": np.asarray(target) if isinstance(target, np.ndarray) else np.array([])}

        made_from = fold_digest(back, int(fold), photos, how, aim, layer)
        arrays = cached_npz(folder / f"{int(fold):03d}.npz", made_from, make)
        scores.append(arrays["scores"])
        classes.append(arrays["classes"].astype(int))
        done += len(rows)
        on_progress("deletion and insertion", done, len(tested))
    images = faces.images(faces.rows(list(tested["photo"])))
    target = np.concatenate(classes) if classes[0].size else classes_for(aim, back, images)
    random = random_maps_of(back, images, target, how=how, layer=layer, on_draw=lambda at, of: on_progress("random weights", at, of))
    table = compared(tested, maps, random, faces.landmarks[faces.rows(list(tested["photo"]))])
    together = np.concatenate(scores, axis=2)
    unit = "years" if aim == "expected_age" or not len(back.bins) else "probability"
    return Checks(table, curve_table(tested, together), check_summary(tested, table, areas(together), unit=unit))
