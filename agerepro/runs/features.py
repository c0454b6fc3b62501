"""Features of a run's faces by weights of the run: of any layer, several in one pass, as folders for regressions and other programs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from agerepro.config.learning import Age, Identity, LayerFeatures
from agerepro.config.loading import read_experiment
from agerepro.config.schema import Experiment, Ridge
from agerepro.errors import CheckFailed, UserError, suggest
from agerepro.faces.images import StoredImages
from agerepro.io import WHEN_FREE, config_hash, digest_of_file, is_complete, lock_folder, read_manifest, verified
from agerepro.models.build import build_layer_features
from agerepro.models.pretrained import find_weights, published_name
from agerepro.models.weights import load_arrays, load_strict, read_published, variables_by_name
from agerepro.regression.exchange import PartialExchange, is_made_by
from agerepro.runs.data import RunCrops, find_run_crops
from agerepro.runs.derived import as_regression, chain_of_weights
from agerepro.runs.layout import Run
from agerepro.stopping import interrupt, stop_requested
from agerepro.training.augment import AugmentedFaces, views_of
from agerepro.training.exported import exchanged_photos
from agerepro.training.folds import WEIGHTS
from agerepro.training.naming import FINAL, feature_settings, stage_settings
from agerepro.training.pipeline import BATCH, mean_over_views, predict_batches
from agerepro.training.reporting import Reporter

BEFORE, FOLD, PUBLISHED = "before", "fold", "published"  # which weights, beside the names of shared stages
SAVED_EVERY_S = 10.0


@dataclass(frozen=True)
class Preset:
    """A column of koenig2019's Table 5: the layer's features, and the data sets whose ages the weights have learnt, in order.

    All are VGG-16's that had learnt to tell people apart before.
    """

    features: LayerFeatures
    ages: tuple[str, ...]


PRESETS = {
    "VGG-16-Faces2": Preset(LayerFeatures("last_conv", "max"), ()),
    "VGG-16-IMDB-AgeDB": Preset(LayerFeatures("last_conv", "max"), ("imdb", "agedb")),
    "VGG-16-Faces2 First Layer": Preset(LayerFeatures("first_conv", "max"), ()),
    "VGG-16-IMDB-AgeDB First Layer": Preset(LayerFeatures("first_conv", "max"), ("imdb", "agedb")),
    "VGG-16-IMDB-AgeDB Flattened": Preset(LayerFeatures("last_conv", "flatten"), ("imdb", "agedb")),
}


@dataclass(frozen=True)
class SourceWeights:
    """Weights of a run that features are taken of, and what names them.

    kind: `before` the target stage, a `stage`, `published` ones, or a `fold`'s own. start_from: as a stage of the experiment says it, ""
    for a fold's. name: as it enters the digest of what starts from them. sha256: of the file.
    """

    kind: Literal["before", "stage", "published", "fold"]
    start_from: str
    name: str
    sha256: str
    file: Path
    fold: int | None = None

    def facts(self) -> dict[str, Any]:
        """What meta.json says of them."""
        return {"kind": self.kind, "start_from": self.start_from, "name": self.name, "sha256": self.sha256, "fold": self.fold}


def preset_features(name: str, experiment: Experiment, start_from: str) -> LayerFeatures:
    """What a preset takes; UserError for an unknown one, and where the weights are not those it wants."""
    if name not in PRESETS:
        raise UserError(f"There is no preset {name!r}.{suggest(name, PRESETS)}")
    if not _fits(PRESETS[name], experiment, start_from):
        names = {stage.name: stage.name for stage in experiment.stages[:-1]} | {"weights": PUBLISHED}
        fitting = [f"--weights {names[other]}" for other in names if _fits(PRESETS[name], experiment, other)]
        wanted = " and then ".join(["faces of people", *(f"ages of {data}" for data in PRESETS[name].ages)])
        raise UserError(
            f"The preset {name!r} wants weights of VGG-16 that have learnt {wanted}, in that order and nothing more. These are "
            f"{_in_words(experiment, start_from)}. "
            f"{'Those it wants are ' + fitting[0] if fitting else 'Name another run'}, or give --layer and --pooling instead."
        )
    return PRESETS[name].features


def preset_of(experiment: Experiment, start_from: str, features: LayerFeatures) -> str:
    """The name of the preset that these features are; "" where they are none."""
    names = [name for name, preset in PRESETS.items() if preset.features == features and _fits(preset, experiment, start_from)]
    return names[0] if names else ""


def weights_of(run: Run, experiment: Experiment, which: str, *, seed: int, published: Path | None) -> list[SourceWeights]:
    """The weights that `which` means: `before` the target stage, those after a shared stage by its name, `published`; one. `fold`: one a
    fold, of all that are finished.

    published: the user's folder of weight files. UserError for what the experiment does not have, CheckFailed for what is not there yet.
    """
    target = experiment.stages[-1]
    if which == FOLD:
        return _fold_weights(run, experiment, seed)
    stages = {stage.name: stage for stage in chain_of_weights(experiment, target.start_from)}
    start_from = {BEFORE: target.start_from, PUBLISHED: "weights"}.get(which, which)
    from_published = target.start_from == "weights" or any(stage.start_from == "weights" for stage in stages.values())
    if start_from == "scratch":
        raise UserError(f"Stage {target.name!r} of {run.folder} starts from scratch: there are no weights before it; take --weights fold.")
    if not (from_published if start_from == "weights" else start_from in stages):
        names = [BEFORE, FOLD, *stages, *([PUBLISHED] if from_published else [])]
        raise UserError(f"{run.folder} has no weights {which!r} before its folds.{suggest(which, names)}")
    kind: Literal["before", "stage", "published"] = "before" if which == BEFORE else "published" if which == PUBLISHED else "stage"
    if start_from == "weights":
        backbone = experiment.backbone
        file = find_weights(backbone.weights, backbone.name, folder=published, dense_weights=backbone.dense_weights)
        name, expected = published_name(file), name_of_start(run, experiment, start_from, seed=seed)
        if name != expected:
            raise CheckFailed(f"{file} is {name}, and {run.folder} starts from {expected}: put that file there, or name its folder.")
        return [SourceWeights(kind, start_from, name, name.rpartition(" ")[2], file)]
    name = name_of_start(run, experiment, start_from, seed=seed)
    folder = stage_of(run, start_from, seed)
    if not is_complete(folder):
        raise CheckFailed(f"Stage {start_from!r} of {run.folder} is not trained, or damaged: the same `agerepro run` command trains it.")
    return [SourceWeights(kind, start_from, name, sha256_in_manifest(folder, FINAL), folder / FINAL)]


def name_of_start(run: Run, experiment: Experiment, start_from: str, *, seed: int) -> str:
    """What names the weights that `start_from` means in a run: the digest of a stage, or the name of a published file."""
    if start_from != "weights":
        return stage_of(run, start_from, seed).name.rpartition("-")[2]
    target = experiment.stages[-1]
    if target.start_from == "weights":
        return str(run.provenance()["starts"][str(seed)])
    first, *_ = chain_of_weights(experiment, target.start_from)
    return str(_stage_settings(stage_of(run, first.name, seed))["start"])


def stage_of(run: Run, stage: str, seed: int) -> Path:
    """The folder of a shared stage of a run. CheckFailed where nothing says which it is."""
    about, stages = run.provenance(), run.folder.resolve().parents[2] / "stages"
    if (name := about.get("stages", {}).get(str(seed), {}).get(stage)) is not None:
        return stages / str(name)
    start = str(about["starts"].get(str(seed), ""))  # older runs name the last of them alone; each names the one before it
    while start and " " not in start and (folder := next(stages.glob(f"[!.]*-{start}"), None)) is not None:
        settings = _stage_settings(folder)
        if settings["stage"]["name"] == stage:
            return folder
        start = str(settings["start"])
    raise CheckFailed(f"{run.folder} does not say where stage {stage!r} lies: the same `agerepro run` command writes that.")


def _stage_settings(folder: Path) -> dict[str, Any]:
    path = folder / "settings.json"
    try:
        settings: dict[str, Any] = json.loads(verified(path).read_text(encoding="utf-8"))
        return settings
    except (OSError, ValueError):
        raise CheckFailed(f"{path} is missing or damaged: the same `agerepro run` command makes it anew.") from None


def sha256_in_manifest(folder: Path, name: str) -> str:
    """The SHA-256 of a file of a finished folder; CheckFailed where the folder is not whole."""
    manifest = read_manifest(folder)
    if manifest is None or name not in manifest["files"]:
        raise CheckFailed(f"{folder / name} is missing or damaged: the same `agerepro run` command makes it anew.")
    return str(manifest["files"][name]["sha256"])


def variant_name(features: LayerFeatures, which: str, *, seed: int) -> str:
    """`last_conv-max`, `first_conv-max-fold`, `conv4_3-mean-seed1`: the folder of an export."""
    parts = [features.layer, features.pooling, *([] if which == BEFORE else [which]), *([f"seed{seed}"] if seed else [])]
    return "-".join(parts)


def export_features(
    run: Run,
    variants: Sequence[LayerFeatures],
    weights: Sequence[SourceWeights],
    out: Path,
    *,
    which: str,
    seed: int,
    reporter: Reporter,
) -> list[Path]:
    """Write the features of all tested and training photos of a run, a folder a variant, or of a fold's own weights one a variant and
    fold inside it; the folders of the variants.

    Faces are read once for all variants. What is there already, made from the same, is left as it is; what was stopped goes on from the
    rows that were noted last. Interrupted where a stop is asked for. UserError and CheckFailed where faces or weights are not as the run
    says.
    """
    experiment = read_experiment(run.folder / "experiment.yaml")
    faces, digest = _faces_of(run, experiment)
    folders = [out / variant_name(variant, which, seed=seed) for variant in variants]
    folds, folds_digest = run.folds(), digest_of_file(run.folder / "folds.csv")
    for source in weights:
        places = [folder if source.fold is None else folder / f"{source.fold:03d}" for folder in folders]
        own = folds if source.fold is None else folds.loc[folds["fold"] == source.fold]
        what = "features" if source.fold is None else f"features of fold {source.fold}"
        exporter = _Export(run, experiment, source, faces, digest, own, folds_digest, seed)
        exporter.write(dict(zip(places, variants, strict=True)), what, reporter)
    return folders


@dataclass(frozen=True)
class _Export:
    """One pass over the faces by one network."""

    run: Run
    experiment: Experiment
    weights: SourceWeights
    faces: RunCrops
    data_digest: str
    folds: pd.DataFrame
    folds_digest: str
    seed: int

    def write(self, variants: dict[Path, LayerFeatures], what: str, reporter: Reporter) -> None:
        with ExitStack() as stack:
            for folder in sorted(variants):
                held = lock_folder(folder, wait=WHEN_FREE, on_wait=lambda: reporter.say("Another process exports these; waiting for it."))
                stack.enter_context(held)
            missing = {place: variant for place, variant in variants.items() if not is_made_by(place, self._made_by(variant))}
            for place in variants.keys() - missing.keys():
                reporter.say(f"{place}: done already.")
            if missing:
                self._write_missing(missing, what, reporter)

    def _write_missing(self, variants: dict[Path, LayerFeatures], what: str, reporter: Reporter) -> None:
        model, widths = self._model(list(variants.values()))
        photos = self.faces.photos
        parts = [
            PartialExchange(place, len(photos), width, self._made_by(variant))
            for (place, variant), width in zip(variants.items(), widths, strict=True)
        ]
        # Whole batches, so that each row is computed beside the same others as if nothing had been stopped.
        done = min(part.done for part in parts) // BATCH * BATCH
        saved_at = time.monotonic()
        try:
            reporter.count(what, done, len(photos))
            for block in self._blocks(model, done):
                left = 0
                for part, width in zip(parts, widths, strict=True):
                    part.write(done, block[:, left : left + width])
                    left += width
                done += len(block)
                if stop_requested() or time.monotonic() - saved_at >= SAVED_EVERY_S:
                    for part in parts:
                        part.save(done)
                    saved_at = time.monotonic()
                if stop_requested() and done < len(photos):
                    raise interrupt(f"{what}, {done:,} of {len(photos):,} photos")
                reporter.count(what, done, len(photos))
            for part, (place, variant) in zip(parts, variants.items(), strict=True):
                part.finish(exchanged_photos(photos, self.experiment.stages[-1].target), self.folds, self._meta(variant, place, part))
        finally:
            for part in parts:
                part.close()

    def _model(self, variants: Sequence[LayerFeatures]) -> tuple[Any, tuple[int, ...]]:
        settings = self.experiment
        model, widths = build_layer_features(settings.backbone, variants, size=settings.augment.size, precision=settings.machine.precision)
        if self.weights.start_from == "weights":
            arrays = read_published(settings.backbone, folder=self.weights.file.parent).tensors
        else:
            arrays = load_arrays(verified(self.weights.file))
        wanted = variables_by_name(model)
        load_strict(model, {name: array for name, array in arrays.items() if name in wanted}, source=str(self.weights.file))
        return model, widths

    def _blocks(self, model: Any, first: int) -> Iterator[np.ndarray]:
        """Features (up to BATCH, d) of the photos in turn, from row `first` on, averaged as the run's tests average."""
        store, photos = self.faces.store(), self.faces.photos
        # Each face is needed once: none is kept.
        pixels = StoredImages(store, list(photos["image"]), self.experiment.faces.size)
        source = AugmentedFaces(pixels, list(photos["photo"]), self.experiment.augment, ())
        rows = np.arange(first, len(photos))
        streams = [predict_batches(model, source, rows, view) for view in views_of(self.experiment)]
        yield from mean_over_views(streams)

    def _key(self, variant: LayerFeatures) -> dict[str, Any]:
        experiment = as_regression(
            self.experiment, self.weights.start_from or self.experiment.stages[-1].start_from, variant, Ridge(), seed=self.seed
        )
        stage = experiment.stages[-1]
        start = self.weights.name
        return feature_settings(stage_settings(experiment, stage, data=self.data_digest, start=start, seed=self.seed))

    def _made_by(self, variant: LayerFeatures) -> str:
        views = views_of(self.experiment)
        return config_hash([self._key(variant), views, self.weights.facts(), self.run.folder.name, self.folds_digest])

    def _meta(self, variant: LayerFeatures, place: Path, part: PartialExchange) -> dict[str, Any]:
        run = self.run
        return {
            "run": {
                "folder": os.path.relpath(run.folder.resolve(), place.resolve()),
                "experiment": run.experiment,
                "profile": run.profile,
                "seed": self.seed,
            },
            "weights": self.weights.facts(),
            "layer": variant.layer,
            "pooling": variant.pooling,
            "preset": preset_of(self.experiment, self.weights.start_from, variant),
            "store": self.faces.store_name,
            "data": {"name": self.experiment.stages[-1].data, "digest": self.data_digest},
            "key": config_hash(self._key(variant)),
            "views": list(views_of(self.experiment)),
            "photos": part.rows,
            "columns": part.columns,
        }


def _fold_weights(run: Run, experiment: Experiment, seed: int) -> list[SourceWeights]:
    if experiment.stages[-1].keeps_backbone():
        raise UserError(
            f"The folds of {run.folder} keep the backbone as it was before them: their features are those of --weights {BEFORE}."
        )
    found = []
    for other, fold in run.done(experiment.seeds):
        folder = run.fold_folder(other, fold)
        if other == seed and (folder / WEIGHTS).is_file():
            sha256 = sha256_in_manifest(folder, WEIGHTS)
            found.append(SourceWeights("fold", "", sha256[:16], sha256, folder / WEIGHTS, fold))
    if not found:
        raise CheckFailed(
            f"No fold of {run.folder} is finished with its weights kept (keep_weights: {experiment.keep_weights}). `agerepro status` says "
            "what is missing; run it with `keep_weights: all`."
        )
    return found


def _faces_of(run: Run, experiment: Experiment) -> tuple[RunCrops, str]:
    """The very crops of a run, and the digest of its data; CheckFailed where they are gone or have changed since."""
    data = experiment.stages[-1].data
    digest = str(run.provenance()["data"][data]["digest"])
    crops = find_run_crops(run.folder, data)
    if crops is None:
        raise CheckFailed(
            f"The faces of {data} that {run.folder} used are not there any more: the same `agerepro run` command prepares them."
        )
    about = json.loads(verified(crops.place / "about.json").read_text(encoding="utf-8"))
    if about["digest"] != digest or (crops.photos["image"] == "").any():
        raise CheckFailed(
            f"The faces of {data} have changed since {run.folder} was made ({about['digest']} in place of {digest}): `agerepro run` with "
            "the data as they are now makes a run of its own, to export features of."
        )
    return crops, digest


def _fits(preset: Preset, experiment: Experiment, start_from: str) -> bool:
    """Whether the weights are the preset's: VGG-16 that learnt people first, and then the ages of these data sets."""
    if not start_from or experiment.backbone.name != "vgg16":
        return False
    chain = chain_of_weights(experiment, start_from)
    people = [stage for stage in chain if isinstance(stage.target, Identity)]
    ages = [stage for stage in chain if not isinstance(stage.target, Identity)]
    first = chain[0].start_from if chain else start_from
    faces = (first == "weights" and experiment.backbone.weights == "vggface" and not people) or (first == "scratch" and len(people) == 1)
    in_order = chain[: len(people)] == people and all(isinstance(stage.target, Age) for stage in ages)
    return faces and in_order and tuple(stage.data for stage in ages) == preset.ages


def _in_words(experiment: Experiment, start_from: str) -> str:
    if not start_from:
        return f"{experiment.backbone.name}'s of a fold"
    chain = chain_of_weights(experiment, start_from)
    first = chain[0].start_from if chain else start_from
    begin = f"{experiment.backbone.name} {'from scratch' if first == 'scratch' else f'as published ({experiment.backbone.weights})'}"
    learnt = [f"{'people' if isinstance(stage.target, Identity) else 'ages'} of {stage.data}" for stage in chain]
    return ", then ".join([begin, *learnt])
