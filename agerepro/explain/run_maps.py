"""Maps of a finished run's test photos, each under the network that never saw the person, and their means by age group."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from agerepro.config import schema
from agerepro.config.loading import to_dict
from agerepro.config.schema import Experiment
from agerepro.datasets import catalog
from agerepro.errors import UserError
from agerepro.explain.cam import resize
from agerepro.explain.maps import PIXELS, SENSITIVITY, Kind, maps_of
from agerepro.explain.regions import ALL, face_regions, in_order, landmarks_in_crop, usable
from agerepro.explain.targets import Target, batches, class_numbers, predicted_classes
from agerepro.faces.alignment import POINTS, SIDES, similarity
from agerepro.faces.decode import decode
from agerepro.faces.images import StoredImages
from agerepro.io import MANIFEST, atomic_write, config_hash, digest_of_bytes
from agerepro.models.weights import load_arrays
from agerepro.rng import rng_for
from agerepro.runs.data import find_run_crops
from agerepro.runs.layout import Run
from agerepro.runs.model import RunModel
from agerepro.splits.protocols import years
from agerepro.synthetic.writers import RENDERER
from agerepro.tasks.task import Task
from agerepro.training.augment import PLAIN, AugmentedFaces, InputView, in_plain_view
from agerepro.training.loading import load_batches

SEED = 0
BATCH = 32
MADE_FROM = "made_from"
EXPECTED, PREDICTED = "expected_age", "predicted"
# What EXPECTED comes to in runs whose classes are no ages.
EXPECTATIONS = {"age": EXPECTED, "residual": "expected_residual", "score": "expected_score"}
TargetSpec = str | int  # PREDICTED, one of EXPECTATIONS, or an age in years
Arrays = dict[str, np.ndarray]
Clock = Callable[[], float]
Progress = Callable[[int, int], None]
SIDE = 112  # pixels of a mean face, and of the regions on it
MAP_SIDE = 56  # pixels of a mean map, which has far fewer places


@dataclass(frozen=True)
class ExplainConfig:
    """Settings of one `agerepro explain`; target and layer as given, None for the run's own; photos and checks 0 for all and none."""

    how: Kind = "mean"
    target: TargetSpec | None = None
    layer: str | None = None
    photos: int = 0
    checks: int = 64


def parse_target(text: str) -> TargetSpec:
    """`expected_age`, `predicted`, or an age: `30` or `age 30`. UserError for anything else."""
    if text in (EXPECTED, PREDICTED):
        return text
    match = re.fullmatch(r"(?:age[ :-]?)?(\d{1,3})", text.strip())
    if not match:
        raise UserError(f"{text!r} is nothing that a map explains: take {EXPECTED}, {PREDICTED}, or an age in years, for instance 30.")
    return int(match[1])


def resolve_target(config: ExplainConfig, experiment: Experiment, task: Task) -> TargetSpec:
    """What the maps of this run explain: as asked, else what is expected, or for age groups the predicted group.

    What the last stage's network itself says is expected: of a run on residuals the residual, without what an earlier stage predicts.
    Raises UserError where the run has no such thing, or where no single map is behind its prediction.
    """
    head, groups = experiment.as_of(experiment.stages[-1]).head, bool(task.labels)
    if config.how == SENSITIVITY and (groups or config.target not in (None, EXPECTED)):
        raise UserError("Sensitivity maps say how the expected age depends on the pixels. For groups or single ages take mean or grad_cam.")
    several_maps = head.features != "last" or bool(head.input_sizes)
    if several_maps and not groups and config.how != SENSITIVITY:
        raise UserError(
            "This run predicts from several stages or sizes at once (head.regression), so that no one layer's map is behind its "
            "prediction. Take maps of the pixels (--how sensitivity), or a run whose head sees the last map only, for instance one with "
            "a softmax."
        )
    if config.target is None and groups:
        return PREDICTED
    if config.target in (None, EXPECTED):
        if groups:
            raise UserError(
                f"This run tells age groups apart and expects no age: take the target {PREDICTED}, or an age of the group you mean."
            )
        return EXPECTATIONS[task.stands_for]
    if config.target != PREDICTED and not groups and task.stands_for != "age":
        raise UserError(
            f"The classes of this run are {task.stands_for}s, so that none stands for the age {config.target}: leave --target out for the "
            f"expected {task.stands_for}, or take {PREDICTED}."
        )
    return config.target


def layer_of(config: ExplainConfig, last_conv: str) -> str:
    """The layer whose map is taken: as asked, else the network's last map; PIXELS for sensitivity maps, UserError if they got one."""
    if config.how != SENSITIVITY:
        return config.layer or last_conv
    if config.layer:
        raise UserError("Sensitivity maps are maps of the pixels: leave --layer out, or take --how mean or grad_cam.")
    return PIXELS


def classes_for(target: TargetSpec, run_model: RunModel, images: np.ndarray) -> Target:
    """The target of these photos (n, s, s, 3) for `class_activation_maps`, predicted classes held fixed; UserError for an unknown age."""
    if target in EXPECTATIONS.values():
        return "expected_age"
    if target == PREDICTED:
        return predicted_classes(run_model.network.main, images) if len(run_model.bins) else "predicted_class"
    if run_model.labels:
        groups = [number for number, label in enumerate(run_model.labels) if years(label)[0] <= int(target) <= years(label)[1]]
        if not groups:
            raise UserError(f"No group of this run holds the age {target}. It has {', '.join(run_model.labels)}.")
        return groups[0]
    return int(class_numbers(np.array([float(target)]), run_model.bins)[0])


def name_of(config: ExplainConfig, target: TargetSpec, layer: str) -> str:
    """The name of the folder that holds maps of these settings: mean-expected_age-conv5_3, with the number of photos where not all."""
    words = target if isinstance(target, str) else f"age-{target}"
    return f"{config.how}-{words}-{layer}" + (f"-{config.photos}-photos" if config.photos else "")


@dataclass(frozen=True)
class RunFaces:
    """Rows of `photos` [PHOTOS and `image`] are rows of `landmarks` (n, 5, 2) in shares of the input's side, NaN where unknown."""

    photos: pd.DataFrame
    landmarks: np.ndarray
    source: InputView
    drawn: bool  # by the renderer, so that no person is shown

    def images(self, rows: np.ndarray) -> np.ndarray:
        """(n, size, size, 3) uint8 RGB, as tested: of a few photos."""
        return np.concatenate(list(self.in_batches(rows))) if len(rows) else self.source.batch(rows, PLAIN)

    def in_batches(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """The same, at most BATCH photos at a time, loaded ahead."""
        return load_batches(self.source, ((rows[part], PLAIN) for part in batches(len(rows), BATCH)))

    def rows(self, photos: list[str]) -> np.ndarray:
        """Row numbers of these photos, in the order given."""
        row_of = {photo: row for row, photo in enumerate(self.photos["photo"])}
        return np.array([row_of[photo] for photo in photos], int)


def run_faces(run: Run, experiment: schema.Experiment, *, data: Path | None) -> RunFaces:
    """The crops of a run from the folder of faces beside it, the very ones: their digest is the one in the run's provenance.

    data: where the photos lie, as in `agerepro run`; asked for only where a crop may end at its photo's edge (`border: clip`),
    since landmarks then depend on the photo's size, and not for faces that the experiment itself has drawn. Raises UserError when
    crops or photos are gone.
    """
    folder = run.folder.resolve()
    name = experiment.stages[-1].data
    crops = find_run_crops(folder, name)
    if crops is None:
        raise UserError(
            f"The faces that this run was tested on are not in {folder.parents[2] / 'faces'}: they were removed, or aligned again from "
            "other photos. The `agerepro run` command of the run makes them again."
        )
    drawn = name in run.provenance()["synthetic"]
    # Drawn faces may also have been given as data, by a profile that draws none itself.
    if data is None and drawn and name in experiment.synthetic:
        data = folder.parents[2] / "synthetic" / config_hash([RENDERER, name, to_dict(experiment.synthetic[name])])
    photos = crops.photos
    in_crops = _landmarks(photos, experiment.faces, None if data is None else catalog.folder_of(name, data))
    landmarks = in_plain_view(in_crops, experiment.augment, experiment.faces.size)
    pixels = StoredImages(crops.store(), list(photos["image"]), experiment.faces.size)  # a photo is looked at twice or thrice
    return RunFaces(photos, landmarks, AugmentedFaces(pixels, list(photos["photo"]), experiment.augment, ()), drawn)


def sample_photos(photos: Sequence[str], count: int, *, rng_key: str, seed: int = SEED) -> list[str]:
    """`count` of the photos (all, where there are fewer), the same for the same purpose and seed, in the order of names."""
    names = sorted(photos)
    order = rng_for(rng_key, seed).permutation(len(names))
    return sorted(names[place] for place in order[:count])


@dataclass(frozen=True)
class FoldMaps:
    """Maps (n, h, w) float32 of `photos`, each divided by its largest absolute value, which is `scale` (n,); `seconds` they took.

    Divided, since a probability's slope may be smaller than what float16 holds. A map of zeros stays, its scale 0.
    """

    photos: tuple[str, ...]
    maps: np.ndarray
    scale: np.ndarray
    seconds: float


def fold_maps(
    run_model: RunModel,
    faces: RunFaces,
    photos: pd.DataFrame,
    *,
    how: Kind,
    target: TargetSpec,
    layer: str,
    folder: Path,
    clock: Clock,
    on_progress: Progress,
) -> FoldMaps:
    """Maps of the tested photos (columns `fold`, `photo`), in their order of folds; a fold's maps are stored in `folder`.

    A stopped call goes on where it was. Raises UserError for a fold without weights, a wrong layer, or an age that is no class.
    """
    seed, parts, count = run_model.experiment.seeds[0], [], 0
    on_progress(0, len(photos))
    for fold, rows in photos.groupby("fold"):
        names, number = list(rows["photo"]), int(str(fold))

        def make(names: list[str] = names, number: int = number) -> Arrays:
            began = clock()
            run_model.load_fold(number, seed=seed)
            maps = []
            for images in faces.in_batches(faces.rows(names)):
                classes = classes_for(target, run_model, images)
                maps.append(maps_of(run_model.network.main, images, layer, target=classes, bins=run_model.bins, how=how, batch=BATCH))
            return {**divide_by_scale(np.concatenate(maps)), "seconds": np.array(clock() - began)}

        made_from = fold_digest(run_model, number, names, how, target, layer)
        parts.append((names, cached_npz(folder / f"{number:03d}.npz", made_from, make)))
        count += len(names)
        on_progress(count, len(photos))
    return FoldMaps(
        tuple(photo for names, _ in parts for photo in names),
        np.concatenate([arrays["maps"] for _, arrays in parts]).astype(np.float32),
        np.concatenate([arrays["scale"] for _, arrays in parts]),
        float(sum(arrays["seconds"] for _, arrays in parts)),
    )


def cached_npz(path: Path, made_from: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays in `path` if they were made from the same, else those that `make` gives, then stored there; as well if it is damaged."""
    try:
        arrays = load_arrays(path)
        if str(arrays.pop(MADE_FROM, "")) == made_from:
            return arrays
    except UserError:  # absent or damaged
        pass
    arrays = make()
    save_arrays(path, {**arrays, MADE_FROM: np.array(made_from)})
    return arrays


def save_arrays(path: Path, arrays: Arrays) -> Path:
    """Write an .npz whole or not at all."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    return atomic_write(path, write)


def fold_digest(run_model: RunModel, fold: int, photos: list[str], *more: str | int) -> str:
    """Names what a fold's arrays are made from: its manifest, weights among them, the photos, and what else is given."""
    manifest = (run_model.run.fold_folder(run_model.experiment.seeds[0], fold) / MANIFEST).read_bytes()
    return config_hash([digest_of_bytes(manifest), photos, *more])


def divide_by_scale(maps: np.ndarray) -> dict[str, np.ndarray]:
    """`maps` (n, h, w) float16 in -1..1 and what they were divided by, `scale` (n,) float32."""
    scale = np.abs(maps).max(axis=(1, 2))
    shares = np.divide(maps, scale[:, None, None], out=np.zeros_like(maps), where=scale[:, None, None] > 0)
    return {"maps": shares.astype(np.float16), "scale": scale.astype(np.float32)}


def _landmarks(photos: pd.DataFrame, settings: schema.Faces, folder: Path | None) -> np.ndarray:
    points = photos[[f"{point}_{axis}" for point in POINTS for axis in "xy"]].to_numpy(float).reshape(-1, len(POINTS), 2)
    boxes = photos[[f"cropped_{side}" for side in SIDES]].to_numpy(float)
    landmarks = np.full(points.shape, np.nan)
    for row, path in enumerate(photos["path"]):
        if np.isfinite(points[row]).all():
            box = (boxes[row, 0], boxes[row, 1], boxes[row, 2], boxes[row, 3])
            landmarks[row] = landmarks_in_crop(points[row], box, settings, photo_shape=_shape(path, settings, folder), size=1)
    return landmarks


def _shape(path: str, settings: schema.Faces, folder: Path | None) -> tuple[int, int]:
    """Height and width of a photo; read only where a crop may end at its edge."""
    if settings.align == "five_points" or settings.border == "repeat":
        return 0, 0
    if folder is None or not (folder / path).is_file():
        raise UserError(
            f"The photo {path} is needed to tell where its landmarks lie in the crop, and is not {f'in {folder}' if folder else 'known'}: "
            "give --data DIR as in `agerepro run`."
        )
    height, width = decode((folder / path).read_bytes()).shape[:2]
    return height, width


@dataclass(frozen=True)
class MeanMaps:
    """By age group, "all" first: energy a pixel beside the crop's mean (MAP_SIDE, MAP_SIDE), mean face (SIDE, SIDE, 3) uint8, photos.

    regions: (SIDE, SIDE) the numbers of explain.regions.REGIONS at the mean landmarks.
    """

    energy: dict[str, np.ndarray]
    faces: dict[str, np.ndarray]
    photos: dict[str, int]
    regions: np.ndarray


def mean_maps(maps: np.ndarray, images: Iterable[np.ndarray], landmarks: np.ndarray, groups: np.ndarray) -> MeanMaps | None:
    """Means over the photos with usable landmarks and maps that are not empty; None where there is none.

    maps (n, h, w) signed, counted without sign; images: n of (s, s, 3), taken one by one; landmarks (n, 5, 2) in shares of the side; groups
    (n,). Each crop is turned, scaled and shifted so that its landmarks come nearest to the mean of all; places that fewer than half of
    the crops reach are NaN, and white in the mean faces.
    """
    energy = np.abs(maps).mean(axis=(1, 2))
    rows = np.flatnonzero(usable(landmarks) & (energy > 0))
    if not len(rows):
        return None
    mean = landmarks[rows].mean(axis=0)
    energy_maps = resize(np.abs(maps[rows]), MAP_SIDE)
    energy_maps /= energy_maps.mean(axis=(1, 2), keepdims=True)
    groups = groups[rows]
    parts = {ALL: np.ones(len(rows), bool)} | {name: groups == name for name in in_order(groups)}
    means, faces = {name: _Mean() for name in parts}, {name: _Mean() for name in parts}
    place_of = {row: place for place, row in enumerate(rows.tolist())}
    for row, image in enumerate(images):  # one by one: all faces as float32 would take four times the room of the crops
        if (place := place_of.get(row)) is None:
            continue
        heat = _align(energy_maps[place], landmarks[row], mean, MAP_SIDE)
        face = _align(image.astype(np.float32), landmarks[row], mean, SIDE)
        for name, part in parts.items():
            if part[place]:
                means[name].add(heat)
                faces[name].add(face)
    return MeanMaps(
        {name: means[name].value() for name in parts},
        {name: np.nan_to_num(faces[name].value(), nan=255).round().astype(np.uint8) for name in parts},
        {name: int(part.sum()) for name, part in parts.items()},
        face_regions(mean * SIDE, SIDE),
    )


class _Mean:
    """The mean of pictures, NaN where fewer than half of them reach."""

    def __init__(self) -> None:
        self.count = 0
        self.total: np.ndarray | np.float32 = np.float32(0)
        self.reached: np.ndarray | int = 0

    def add(self, picture: np.ndarray) -> None:
        known = np.isfinite(picture)
        self.count += 1
        self.total = self.total + np.where(known, picture, np.float32(0))
        self.reached = self.reached + known.astype(np.int64)

    def value(self) -> np.ndarray:
        total, reached = np.asarray(self.total), np.asarray(self.reached)
        return np.divide(total, reached, out=np.full(total.shape, np.nan), where=2 * reached > self.count)


def _align(picture: np.ndarray, landmarks: np.ndarray, mean: np.ndarray, side: int) -> np.ndarray:
    """(side, side, ...) float32 with the landmarks at the mean ones, both in shares of the side; NaN outside the picture."""
    matrix = similarity(landmarks * picture.shape[0], mean * side)
    # OpenCV counts from pixel centres, the landmarks from corners.
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    moved = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones(picture.shape[:2], np.uint8), matrix, (side, side), flags=cv2.INTER_NEAREST)
    moved[inside == 0] = np.nan
    return moved
