"""Prints peak memory and speed of exporting features of 170,000 faces, beside the bare forward pass: `python benchmarks/features.py`.

A few hundred drawn faces are repeated under 170,000 names, in a store as large as real ones. `agerepro features` exports all of them
by VGG-16 at the demo's width and size, its last convolution flattened: 576 features. The bare pass runs the same network over as many
batches that lie in memory, decodes nothing and keeps nothing. Each is a process of its own, the one after the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import yaml

from agerepro.config.learning import LayerFeatures
from agerepro.config.loading import experiment_to_dict, read_experiment
from agerepro.errors import UserError
from agerepro.faces.store import FaceStore, StoreWriter
from agerepro.io import write_folder, write_json, write_text
from agerepro.runs.layout import Run
from agerepro.tables import CROPS, FACES, FOLDS, PHOTOS, coerce, write_table

EXPERIMENT = """
faces:    {{size: {crop}}}
backbone: {{name: vgg16, width: {width}, dense: []}}
augment:  {{size: {size}}}
stages:
  - {{name: before, data: imdb, start_from: scratch, split: {{random: 0.1}}, epochs: 1, batch_size: 16, optimizer: {{adam: 0.001}}}}
  - {{name: last, data: agedb, start_from: before, protocol: {{subject_kfold: 5}}, epochs: 1, batch_size: 16, optimizer: {{adam: 0.001}}}}
"""
DIGEST = "0123456789abcdef"
PICTURES, BARE_BATCHES = 400, 20


def main() -> None:
    """Make the run, export, run the bare pass; print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=170_000)
    parser.add_argument("--crop", type=int, default=64, help="side of a stored face, pixels (default: 64)")
    parser.add_argument("--size", type=int, default=48, help="side of the network's input, pixels (default: 48)")
    parser.add_argument("--width", type=float, default=0.125, help="of VGG-16 (default: 0.125)")
    parser.add_argument("--pooling", choices=["max", "mean", "flatten"], default="flatten")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare is not None:
        print(json.dumps(bare_pass(options.bare, options.faces, options.pooling)))
        return
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder) / "runs", options)
        command = [sys.executable, "-m", "agerepro", "features", str(run.folder), "--layer", "last_conv", "--pooling", options.pooling]
        began = time.perf_counter()
        exported, memory = _measured(command)
        whole = time.perf_counter() - began
        place = Path(exported.strip())
        shape = np.load(place / "features.npy", mmap_mode="r").shape
        size = (place / "features.npy").stat().st_size / 1e6
        print(f"exported: {shape[0]:,} faces, {shape[1]} features, {size:.0f} MB, {whole:.0f} s with start and checksums")
        again = [sys.executable, __file__, "--bare", str(run.folder), "--faces", str(options.faces), "--pooling", options.pooling]
        said, bare_memory = _measured(again)
        bare = json.loads(said.splitlines()[-1])
        rate, bare_rate = options.faces / (whole - bare["start"]), options.faces / bare["seconds"]
        print(f"  less the {bare['start']:.0f} s of a start: {rate:,.0f} faces a second; peak memory {memory:.2f} GB")
        print(f"bare forward pass: {bare_rate:,.0f} faces a second; peak memory {bare_memory:.2f} GB")
        print(f"the export runs at {rate / bare_rate:.0%} of the bare pass")


def _measured(command: list[str]) -> tuple[str, float]:
    """What a command prints, and its own peak memory in GB."""
    done = subprocess.run([sys.executable, "-c", MEASURE, *command], capture_output=True, text=True)
    if done.returncode:
        raise UserError(done.stderr)
    return done.stdout, int(done.stderr.splitlines()[-1]) / 1e6


def bare_pass(folder: Path, faces: int, pooling: str) -> dict[str, float]:
    """Seconds of the network over batches in memory, and of a process's start."""
    began = time.perf_counter()
    experiment = read_experiment(folder / "experiment.yaml")
    from agerepro.training.device import configure

    configure(experiment.machine)
    from agerepro.models.build import build_layer_features
    from agerepro.training.pipeline import BATCH

    size = experiment.augment.size
    model, _ = build_layer_features(experiment.backbone, [LayerFeatures("last_conv", pooling)], size=size)
    batches = np.random.default_rng(0).integers(0, 256, (BARE_BATCHES, BATCH, size, size, 3), np.uint8)
    model.predict_on_batch(batches[0])
    start, began = time.perf_counter() - began, time.perf_counter()
    for number in range(-(-faces // BATCH)):
        model.predict_on_batch(batches[number % BARE_BATCHES])
    return {"start": start, "seconds": time.perf_counter() - began}


def make_run(runs: Path, options: argparse.Namespace) -> Run:
    """A run folder with its faces and a stage of fresh weights, without any training."""
    text = EXPERIMENT.format(crop=options.crop, size=options.size, width=options.width)
    run = Run(runs / "mine" / "features" / f"paper-{DIGEST[:12]}")
    write_text(run.folder / "experiment.yaml", text)
    experiment = read_experiment(run.folder / "experiment.yaml")
    write_text(run.folder / "experiment.yaml", yaml.safe_dump(experiment_to_dict(experiment), sort_keys=False))
    names = [f"face-{number:06d}" for number in range(options.faces)]
    people = [f"{number % 500:03d}" for number in range(len(names))]
    photos = coerce(pd.DataFrame({"photo": names, "subject": people, "age": 30.0, "path": names}), PHOTOS)
    write_table(run.folder / "photos.csv", photos, PHOTOS)
    parts = [("test" if number % 500 < 100 else "train") for number in range(len(names))]
    write_table(run.folder / "folds.csv", pd.DataFrame({"fold": 0, "photo": names, "part": parts}), FOLDS)
    store, images = runs / "faces" / "crops" / "agedb-0", _images(options.crop)
    with StoreWriter(store) as writer:
        for number, name in enumerate(names):
            writer.append(name, images[number % len(images)])
    index = FaceStore(store).index(names)
    crops = pd.DataFrame([(name, name, *index[name]) for name in names], columns=["photo", "image", "shard", "row"])
    prepared = runs / "faces" / "agedb-0"

    def write_faces(place: Path) -> None:
        write_table(place / "crops.csv", crops, CROPS)
        write_table(place / "faces.csv", crops[["photo", "image"]].assign(status="ok", found=1), FACES)
        write_json(place / "about.json", {"digest": DIGEST, "store": store.name, "shards": {}})

    write_folder(prepared, write_faces, made_by=DIGEST)
    stage = runs / "stages" / f"before-vgg16-{DIGEST}"
    subprocess.run([sys.executable, "-c", WEIGHTS, run.folder / "experiment.yaml", stage], check=True, capture_output=True)
    about = {"data": {"agedb": {"digest": DIGEST, "prepared": prepared.name}}, "stages": {"0": {"before": stage.name}}}
    write_json(run.folder / "provenance.json", {**about, "starts": {"0": DIGEST}, "tasks": {}, "changed": [], "synthetic": []})
    return run


# Between this process and the measured one: what this one has started before would be counted, too.
MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
# In a process of its own, so that this one loads no TensorFlow.
WEIGHTS = """
import sys
from pathlib import Path
from agerepro.config.loading import read_experiment
from agerepro.config.learning import LayerFeatures
from agerepro.io import write_folder
from agerepro.models.build import build_layer_features
from agerepro.models.weights import save_arrays, weights_as_arrays
experiment = read_experiment(Path(sys.argv[1]))
model, _ = build_layer_features(experiment.backbone, [LayerFeatures()], size=experiment.augment.size)
write_folder(Path(sys.argv[2]), lambda place: save_arrays(place / "final.weights.npz", weights_as_arrays(model)))
"""


def _images(side: int) -> list[bytes]:
    """JPEG files of smooth random pictures, about as large as crops of faces."""
    draw = np.random.default_rng(0)
    coarse = draw.integers(0, 256, (PICTURES, side // 8, side // 8, 3), np.uint8)
    pictures = (cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC) for picture in coarse)
    return [cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes() for picture in pictures]


if __name__ == "__main__":
    main()
