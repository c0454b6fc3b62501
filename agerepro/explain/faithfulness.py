"""Whether maps mean anything: deletion and insertion curves beside noise, networks with random weights, and these checks over a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from agerepro.errors import UserError, suggest
from agerepro.evaluation.bootstrap import CONFIDENCE, Interval, cluster_bootstrap
from agerepro.explain.cam import resize
from agerepro.explain.maps import SENSITIVITY, Kind, maps_of, rank_correlation
from agerepro.explain.regions import EYES_AND_NOSE, people_of, region_table, widen
from agerepro.explain.run_maps import EXPECTATIONS, Arrays, RunFaces, TargetSpec, cached_npz, classes_for, fold_digest
from agerepro.explain.sensitivity import SIGMA
from agerepro.explain.targets import Target, batches, check_target, rows_of
from agerepro.models.weights import load_strict, weights_as_arrays
from agerepro.rng import rng_for
from agerepro.runs.model import RunModel
from agerepro.tasks.decode import posterior

Score = Callable[[np.ndarray], np.ndarray]  # (n, s, s, 3) -> (n,), always the same photos in the same order
BLUR = 10 / 224  # sigma as a share of the side: 10 pixels at 224, after which no face is left; Petsiuk's kernel is 11 wide, sigma 5
RESAMPLES = 2_000
ORDERS, MAPS = ("deletion", "insertion"), ("map", "random")  # of curves
SUMMARY = ("check", "value", "low", "high", "photos", "people", "unit")
CORRELATION, ABSOLUTE = "correlation with random weights, median", "correlation of absolute values, median"
MORE_THAN_RANDOM = "eyes and nose, trained less random weights"
STEPS = 10
CURVE_COLUMNS = ("photo", "subject", "order", "map", "share", "score")
TOGETHER = 64  # photos whose curves are computed at once: as float32 they take eight times the room of their crops
SMALLEST_BATCH = 8  # pictures of the smallest batch that is traced
DRAWS = 3  # random networks; one alone may by chance have maps like anything
RANDOM_COLUMNS = ("photo", "subject", "draw", "correlation", "absolute_correlation", "trained_relative", "random_relative")
Progress = Callable[[str, int, int], None]


def curves(
    score: Score, images: np.ndarray, maps: np.ndarray, *, order: Literal["deletion", "insertion"], start: np.ndarray, steps: int = 20
) -> np.ndarray:
    """(n, steps + 1) scores, with the share 0, 1 / steps, ... 1 of the pixels changed, those with the highest map first.

    images: (n, s, s, 3); maps: (n, s, s), at the side of the images; start: (n, s, s, 3), the pictures without content (`grey`,
    `blurred`). Deletion goes from the photo to `start`, insertion from `start` to the photo. Of equal pixels the first in reading
    order goes first: maps as coarse as a network's last should be resized, not repeated.
    """
    before, after = (images, start) if order == "deletion" else (start, images)
    ranks = np.argsort(np.argsort(-maps.reshape(len(maps), -1), axis=1, kind="stable"), axis=1).reshape(maps.shape)
    scores = []
    for step in range(steps + 1):
        changed = ranks < round(step / steps * maps[0].size)
        scores.append(score(np.where(changed[..., None], after, before)))
    return np.stack(scores, axis=1)


def area(scores: np.ndarray) -> np.ndarray:
    """The area under each curve over the share of pixels 0..1: (n, steps + 1) -> (n,), in units of the score (trapezoids).

    For deletion less is better, for insertion more; both only mean something beside the area of random maps.
    """
    return np.trapezoid(scores, dx=1 / (scores.shape[1] - 1), axis=1)


def grey(images: np.ndarray) -> np.ndarray:
    """Every photo's own mean colour everywhere: (n, s, s, 3) -> the same shape, float32."""
    means = np.asarray(images, np.float32).mean(axis=(1, 2), keepdims=True)
    return np.broadcast_to(means, images.shape)


def blurred(images: np.ndarray, *, share: float = BLUR) -> np.ndarray:
    """The photos under a Gaussian of sigma `share` of their side: (n, s, s, 3) -> the same shape, float32."""
    sigma = share * images.shape[1]
    return gaussian_filter(np.asarray(images, np.float32), (0, sigma, sigma, 0), mode="nearest")


def random_maps(count: int, size: int, *, seed: int, coarse: int) -> np.ndarray:
    """The baseline: noise drawn at coarse x coarse places, (count, size, size) float32 after resizing; one stream a seed.

    coarse: the side of the maps that it is compared with, since smooth and fine noise hide a face differently.
    """
    return resize(rng_for("random maps", seed).random((count, coarse, coarse)), size)


def smooth_noise(count: int, size: int, *, seed: int, sigma: float) -> np.ndarray:
    """The baseline of maps of pixels: noise at every pixel under the Gaussian of `sigma` pixels that smoothed them."""
    noise = rng_for("random maps", seed).random((count, size, size))
    return gaussian_filter(noise, (0, sigma, sigma), mode="nearest").astype(np.float32)


@contextmanager
def random_weights(model: keras.Model, *, seed: int, layers: Collection[str] | None = None) -> Iterator[None]:
    """Inside, the named layers of a flat model (None: all) are as before any training; after it, all weights are as before.

    Kernels are drawn by He's rule, normal of variance 2 / fan-in, named by seed and tensor; all else (biases, what batch norms
    hold) has the layer's own first value. Adebayo's cascade is one use for each layer from the output down, with all those above.
    Raises UserError for a layer that has no weights.
    """
    weighted = {layer.name: layer for layer in model.layers if layer.weights}
    chosen = list(weighted) if layers is None else list(layers)
    for name in chosen:
        if name not in weighted:
            raise UserError(f"{name!r} is no layer of {model.name} with weights.{suggest(name, weighted)}")
    trained = weights_as_arrays(model)
    initial = {key: array for name in chosen for key, array in _initial(weighted[name], trained, seed).items()}
    try:
        load_strict(model, {**trained, **initial}, source="random weights")
        yield
    finally:
        load_strict(model, trained, source="the trained weights")


def _initial(layer: keras.layers.Layer, trained: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    new = type(layer).from_config(layer.get_config())
    new.build(layer.input.shape)
    keys = [key for key in trained if key.partition("/")[0] == layer.name]
    return {
        key: _draw_kernel(key, trained[key].shape, seed) if trained[key].ndim > 1 else keras.ops.convert_to_numpy(variable)
        for key, variable in zip(keys, new.weights, strict=True)
    }


def _draw_kernel(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    fan_in = int(np.prod(shape[:-1]))
    return (rng_for("random weights", seed, name).standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)


@dataclass(frozen=True)
class Checks:
    """`random` [RANDOM_COLUMNS], `curves` [CURVE_COLUMNS] and `summary` [SUMMARY], unit years, points, probability or ""."""

    random: pd.DataFrame
    curves: pd.DataFrame
    summary: pd.DataFrame


def run_checks(
    run_model: RunModel,
    faces: RunFaces,
    photos: pd.DataFrame,
    maps: np.ndarray,
    *,
    how: Kind,
    target: TargetSpec,
    layer: str,
    folder: Path,
    on_progress: Progress,
) -> Checks:
    """Check the maps (n, h, w) of the photos (`fold`, `photo`, `subject`, `age`), row by row; what takes long is stored in `folder`.

    No map may be empty.
    """
    seed, scores, numbers, count = run_model.experiment.seeds[0], [], [], 0
    for fold in dict.fromkeys(photos["fold"]):
        rows = np.flatnonzero(photos["fold"] == fold)
        names = list(photos["photo"].to_numpy()[rows])

        def make(fold: int = int(fold), rows: np.ndarray = rows, names: list[str] = names) -> Arrays:
            run_model.load_fold(fold, seed=seed)
            images = faces.images(faces.rows(names))
            classes = classes_for(target, run_model, images)
            curves = curves_of(run_model, images, maps[rows], classes, how=how, seed=fold)
            return {"scores": curves, "classes": np.asarray(classes) if isinstance(classes, np.ndarray) else np.array([])}

        made_from = fold_digest(run_model, int(fold), names, how, target, layer)
        arrays = cached_npz(folder / f"{int(fold):03d}.npz", made_from, make)
        scores.append(arrays["scores"])
        numbers.append(arrays["classes"].astype(int))
        count += len(rows)
        on_progress("deletion and insertion", count, len(photos))
    all_rows = faces.rows(list(photos["photo"]))
    images, all_scores = faces.images(all_rows), np.concatenate(scores, axis=2)
    classes = np.concatenate(numbers) if numbers[0].size else classes_for(target, run_model, images)
    random = random_maps_of(run_model, images, classes, how=how, layer=layer, on_draw=lambda *at: on_progress("random weights", *at))
    table = compare_with_random(photos, maps, random, faces.landmarks[all_rows])
    of_expectation = target in EXPECTATIONS.values() or not len(run_model.bins)
    unit = run_model.experiment.stages[-1].target.unit if of_expectation else "probability"
    return Checks(table, curve_table(photos, all_scores), check_summary(photos, table, areas(all_scores), unit=unit))


def curves_of(run_model: RunModel, images: np.ndarray, maps: np.ndarray, classes: Target, *, how: Kind, seed: int) -> np.ndarray:
    """Scores (orders, maps, n, STEPS + 1) of these photos by the network of the fold that is loaded: probability of the class, or years.

    images (n, s, s, 3) uint8; maps (n, h, w), signed: what speaks most for the target goes first. Sensitivity maps speak neither for
    nor against: of them the score is `closeness`.
    """
    count, size = len(images), images.shape[1]
    if how == SENSITIVITY:
        noise = smooth_noise(count, size, seed=seed, sigma=SIGMA)
    else:
        noise = random_maps(count, size, seed=seed, coarse=max(maps.shape[1:]))
    parts = [
        _part_curves(run_model, images[rows], resize(maps[rows], size), noise[rows], rows_of(classes, rows))
        for rows in batches(count, TOGETHER)
    ]
    scores = np.concatenate(parts, axis=2)
    return closeness(scores) if how == SENSITIVITY else scores


def _part_curves(run_model: RunModel, images: np.ndarray, maps: np.ndarray, noise: np.ndarray, classes: Target) -> np.ndarray:
    """As `curves_of`, of photos that are computed at once; maps and noise (n, s, s)."""
    # Both maps' curves at once: a network called with twice the photos takes less than twice the time.
    both, heat = np.concatenate([images, images]).astype(np.float32), np.concatenate([maps, noise])
    target = np.concatenate([classes, classes]) if isinstance(classes, np.ndarray) and classes.ndim else classes

    def score(changed: np.ndarray) -> np.ndarray:
        return scores_of(run_model, changed, target)

    deletion = curves(score, both, heat, order="deletion", start=grey(both), steps=STEPS)
    insertion = curves(score, both, heat, order="insertion", start=blurred(both), steps=STEPS)
    return np.stack([np.stack([scores[: len(images)], scores[len(images) :]]) for scores in (deletion, insertion)])


def scores_of(run_model: RunModel, images: np.ndarray, classes: Target) -> np.ndarray:
    """The probability of a class, or the expected age in years, (n,) of pictures (n, s, s, 3), by the network of the fold that is loaded.

    As explain.targets.scores_of, but traced: called layer by layer, a ResNet takes seconds for a few pictures. The batch is filled
    up to the next power of two, so that few sizes are traced. UserError for a target that the network does not have.
    """
    check_target(classes, run_model.bins, len(images))
    room = max(SMALLEST_BATCH, 1 << (len(images) - 1).bit_length())
    filled = np.concatenate([images, np.repeat(images[-1:], room - len(images), axis=0)]).astype(np.float32)
    outputs = np.asarray(run_model.network.main.predict_on_batch(filled))[: len(images)]
    if not len(run_model.bins):
        return outputs[:, 0]
    probabilities = posterior(outputs)
    if isinstance(classes, str):
        return probabilities @ run_model.bins if classes == "expected_age" else probabilities.max(axis=1)
    return probabilities[np.arange(len(images)), np.broadcast_to(classes, len(images))]


def closeness(scores: np.ndarray) -> np.ndarray:
    """Minus how far each score is from that of the untouched photo, where deletion starts; (orders, maps, n, STEPS + 1) both."""
    return -np.abs(scores - scores[:1, :, :, :1])


def curve_table(photos: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """CURVE_COLUMNS, one row a photo, order, kind of map and share of pixels changed; scores (orders, maps, n, STEPS + 1)."""
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


def random_maps_of(
    run_model: RunModel, images: np.ndarray, classes: Target, *, how: Kind, layer: str, on_draw: Callable[[int, int], None]
) -> np.ndarray:
    """(DRAWS, n, h, w) maps of these photos for the same classes, under as many networks with random weights in every layer."""
    maps = []
    for draw in range(DRAWS):
        on_draw(draw, DRAWS)
        with random_weights(run_model.network.full, seed=draw):
            maps.append(maps_of(run_model.network.main, images, layer, target=classes, bins=run_model.bins, how=how))
    on_draw(DRAWS, DRAWS)
    return np.stack(maps)


def compare_with_random(photos: pd.DataFrame, maps: np.ndarray, random: np.ndarray, landmarks: np.ndarray) -> pd.DataFrame:
    """RANDOM_COLUMNS, one row a photo and draw; photos: `photo`, `subject`, `age`; maps (n, h, w); random (draws, n, h, w).

    correlation: Spearman's, of the maps' places (absolute_correlation: of their absolute values); trained_relative and
    random_relative: energy a pixel in eyes and nose beside an even spread, NaN without usable landmarks.
    """
    trained = _eyes_and_nose(photos, maps, landmarks)
    rows = []
    for draw, others in enumerate(random):
        table = photos[["photo", "subject"]].assign(draw=draw, correlation=rank_correlation(maps, others))
        table["absolute_correlation"] = rank_correlation(np.abs(maps), np.abs(others))
        rows.append(table.assign(trained_relative=trained, random_relative=_eyes_and_nose(photos, others, landmarks)))
    return pd.concat(rows, ignore_index=True)[list(RANDOM_COLUMNS)]


def check_summary(photos: pd.DataFrame, random: pd.DataFrame, areas: np.ndarray, *, unit: str) -> pd.DataFrame:
    """SUMMARY: medians of each photo's mean correlation, its eyes and nose beside random weights, and the areas beside random maps.

    photos: in the order of areas (orders, maps, n); all intervals 95 % over people, of the medians by percentiles, of the means BCa.
    """
    of_photo = random.groupby("photo")[["correlation", "absolute_correlation", "trained_relative", "random_relative"]].mean()
    of_photo = of_photo.reindex(photos["photo"])
    people = people_of(photos)
    rows = []
    for check, column in ((CORRELATION, "correlation"), (ABSOLUTE, "absolute_correlation")):
        values = of_photo[column].to_numpy()
        rows.append(_row(check, median_over_people(values, people), values, ""))
    more = (of_photo["trained_relative"] - of_photo["random_relative"]).to_numpy()
    rows.append(_row(MORE_THAN_RANDOM, _mean(more, people), more, "times even"))
    for number, order in enumerate(ORDERS):
        for kind, values in zip(MAPS, areas[number]):
            rows.append(_row(f"{order} area, {kind}", _mean(values, people), values, unit))
        less = areas[number, 0] - areas[number, 1]
        rows.append(_row(f"{order} area, map less random", _mean(less, people), less, unit))
    return pd.DataFrame(rows, columns=list(SUMMARY))


def of_check(summary: pd.DataFrame, check: str) -> Interval:
    """One line of a summary."""
    (row,) = summary.loc[summary["check"] == check].to_dict("records")
    return Interval(row["value"], row["low"], row["high"], row["people"])


def median_over_people(values: np.ndarray, people: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """Median of (n,) values, one a photo, NaN left out, with the 95 % percentile interval over draws of whole people.

    A median is no ratio of sums, so evaluation.bootstrap cannot draw it. NaN all over where nothing is left; ends are NaN for one
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
    generator = np.random.default_rng(seed)
    draws = (generator.integers(len(names), size=len(names)) for _ in range(resamples))
    medians = [np.median(np.concatenate([of_person[person] for person in draw])) for draw in draws]
    low, high = np.quantile(medians, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, float(low), float(high), len(names))


def _mean(values: np.ndarray, people: np.ndarray) -> Interval:
    known = np.isfinite(values)
    if not known.any():
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    return cluster_bootstrap(values[known], np.ones(int(known.sum())), people[known])


def _row(check: str, result: Interval, values: np.ndarray, unit: str) -> tuple[object, ...]:
    return check, result.value, result.low, result.high, int(np.isfinite(values).sum()), result.n, unit


def _eyes_and_nose(photos: pd.DataFrame, maps: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Energy a pixel in eyes and nose of each photo, (n,), NaN where regions are unknown."""
    table = region_table(photos, maps, landmarks)
    if table.empty:
        return np.full(len(photos), np.nan)
    wide = widen(table).set_index("photo")
    return (wide[f"{EYES_AND_NOSE} share"] / wide[f"{EYES_AND_NOSE} area"]).reindex(photos["photo"]).to_numpy(float)
