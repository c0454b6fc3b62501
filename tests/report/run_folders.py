"""Fixtures: a finished run folder with drawn squares for faces, made without any training, and maps beside it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from agerepro.config.loading import experiment_to_dict, read_experiment
from agerepro.explain.regions import EYES_AND_NOSE, REGIONS, SUMMARY
from agerepro.faces.crops import store_folder
from agerepro.faces.prepare import content_digest
from agerepro.faces.store import FaceStore, StoreWriter
from agerepro.io import write_folder, write_json, write_manifest, write_text
from agerepro.runs.layout import Run
from agerepro.tables import CROPS, FACES, FOLDS, PHOTOS, PREDICTIONS, coerce, write_table
from agerepro.tasks.decode import decode

SETTINGS = Path(__file__).parents[2] / "experiments" / "koenig2019" / "vgg16-faces2.yaml"
HOSTILE = "</script><script>alert(1)</script>"
BINS = np.arange(0, 71, dtype="float64")
EPOCHS = 3


@dataclass(frozen=True)
class MadeRun:
    """Where a made-up run lies, and its photos [PHOTOS]."""

    folder: Path
    photos: pd.DataFrame


@pytest.fixture
def make_folder(tmp_path, make_folder_in):
    """`make_folder_in` the folder of the test."""
    return partial(make_folder_in, tmp_path)


@pytest.fixture(scope="session")
def make_folder_in():
    """A run of leave-one-person-out under a folder; person k has 2 + k % 3 photos, and the first one is called HOSTILE."""

    def make(
        root,
        *,
        people=6,
        photos_a_person=None,
        name="vgg16-faces2",
        profile="demo",
        synthetic=("vggface2", "fgnet"),
        shortfall=None,
        error=6.0,
        seed=0,
    ) -> MadeRun:
        experiment = read_experiment(SETTINGS, profile=profile)
        generator = np.random.default_rng([people, seed])
        names = [HOSTILE, *(f"{number:03d}" for number in range(2, people + 1))]
        counts = [photos_a_person or 2 + number % 3 for number in range(people)]
        photos = coerce(
            pd.DataFrame(
                [
                    {
                        "photo": f"fgnet/{number + 1:03d}A{place:02d}.JPG",
                        "path": "",
                        "subject": person,
                        "age": float(generator.integers(0, 70)),
                        "gender": "f" if number % 2 else "m",
                    }
                    for number, (person, count) in enumerate(zip(names, counts))
                    for place in range(count)
                ]
            ),
            PHOTOS,
        )
        runs = root / "runs"
        run = Run(runs / "koenig2019" / name / f"{profile}-0123456789ab")
        _write_settings(run, experiment, photos, names, synthetic, shortfall)
        for fold, person in enumerate(names):
            _write_fold(run, fold, photos.loc[photos["subject"] == person], generator, error, experiment.decode)
        _name_faces(run, *_write_faces(photos, experiment, runs / "faces", generator))
        return MadeRun(run.folder, photos)

    return make


@pytest.fixture(scope="session")
def add_maps():
    """Maps of a run's photos, as `agerepro explain` leaves them: a bright spot at the left, and a dark one at the right where signed.

    The first `empty` of them are zero everywhere.
    """

    def add(made: MadeRun, *, signed=False, empty=0) -> None:
        y, x = np.mgrid[0:14, 0:14]
        heat = np.exp(-((x - 3) ** 2 + (y - 7) ** 2) / 6)
        heat = heat - np.exp(-((x - 11) ** 2 + (y - 7) ** 2) / 6) if signed else heat
        folder = made.folder / "explain"
        folder.mkdir()
        maps = np.repeat(heat[None], len(made.photos), axis=0).astype(np.float16)
        maps[:empty] = 0
        np.savez_compressed(folder / "maps.npz", photos=np.array(made.photos["photo"], dtype=str), maps=maps)
        write_json(folder / "about.json", {"how": "grad_cam", "target": "expected age", "layer": "conv5_3", "seconds": 1.5})
        shares = {"share": 0.3125, "share_low": 0.25, "share_high": 0.375, "area_share": 0.125}
        rows = [
            {
                "group": group,
                "region": region,
                "photos": 6,
                "people": 6,
                **shares,
                "relative": 2.5,
                "relative_low": 2.0,
                "relative_high": 3.0,
            }
            for group in ("all", "0-9")
            for region in (*REGIONS, EYES_AND_NOSE)
        ]
        write_text(folder / "regions-summary.csv", pd.DataFrame(rows, columns=list(SUMMARY)).to_csv(index=False))
        write_text(folder / "explanation.txt", "The maps <lean> to eyes and nose.\n")

    return add


def _write_settings(run, experiment, photos, names, synthetic, shortfall) -> None:
    write_table(run.folder / "photos.csv", photos, PHOTOS)
    folds = [
        photos[["photo"]].assign(fold=fold, part=np.where(photos["subject"] == person, "test", "train"))
        for fold, person in enumerate(names)
    ]
    write_table(run.folder / "folds.csv", pd.concat(folds), FOLDS)
    write_text(run.folder / "experiment.yaml", yaml.safe_dump(experiment_to_dict(experiment), sort_keys=False))
    about = {
        "agerepro": "0.1.0",
        "code": "",
        "python": "3.11.7",
        "platform": "Linux",
        "cpus": 2,
        "packages": {"numpy": "2.4.6"},
        "command": ["agerepro", "run", "vgg16 faces2.yaml"],
        "device": {"backend": "tensorflow", "gpus": ""},
        "data": {
            "fgnet": {
                "digest": "",
                "photos": len(photos),
                "read": [{"step": "age known", "kept": len(photos), "removed": 1}],
                "skipped": [{"path": "x.jpg", "reason": "no age"}],
                "faces": {"photos": len(photos), "crops": len(photos), "ok": len(photos)},
            }
        },
        "starts": {"0": "no such stage"},
        "tasks": {"0": "settings"},
        "changed": [],
        "synthetic": list(synthetic),
    }
    if shortfall is not None:  # older runs have not noted it
        about["data"]["fgnet"]["shortfall"] = shortfall
    write_text(run.folder / "provenance.json", json.dumps(about))


def _write_fold(run, fold, tested, generator, error, how) -> None:
    folder = run.fold_folder(0, fold)
    ages = tested["age"].to_numpy()
    centres = np.clip(ages + generator.normal(0, error, len(ages)), 12, 58)
    logits = -((BINS[None] - centres[:, None]) ** 2) / 18
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    about = {"experiment": run.experiment, "profile": run.profile, "fold": fold, "seed": 0, **decode(shares, BINS, how)}
    frame = tested[["photo", "subject", "age"]].assign(**about)
    write_table(folder / "predictions.csv", frame, PREDICTIONS)
    np.savez_compressed(folder / "posteriors.npz", posteriors=shares.astype(np.float32), bins=BINS)
    np.savez_compressed(folder / "by_epoch.npz", outputs=np.repeat(logits[None], EPOCHS, axis=0), bins=BINS)
    losses = pd.DataFrame({"epoch": range(1, EPOCHS + 1), "loss": [3.0, 2.0, 1.0 + fold / 100], "validation_loss": [3.1, 2.5, 2.4]})
    write_text(folder / "history.csv", losses.assign(learning_rate=0.001, mae=5.0).to_csv(index=False))
    write_manifest(folder, made_by="settings")


def _name_faces(run, place, digest) -> None:
    """By these the run's own crops are found again."""
    path = run.folder / "provenance.json"
    about = json.loads(path.read_text())
    about["data"]["fgnet"] |= {"prepared": place.name, "digest": digest}
    write_text(path, json.dumps(about))


def _write_faces(photos, experiment, folder, generator) -> tuple[Path, str]:
    """Prepared faces: their folder and digest."""
    store = store_folder(photos, experiment.faces, folder)
    with StoreWriter(store) as writer:
        for number in range(len(photos)):
            # Blurred noise weighs about what a photo does.
            noise = Image.fromarray(generator.integers(0, 255, (16, 16, 3), dtype=np.uint8)).resize((128, 128), Image.Resampling.BICUBIC)
            out = io.BytesIO()
            noise.save(out, "JPEG", quality=90)
            writer.append(f"key{number}", out.getvalue())
    images = [f"key{number}" for number in range(len(photos))]
    index = FaceStore(store).index(images)
    crops = pd.DataFrame(
        [{"photo": photo, "image": key, "shard": index[key][0], "row": index[key][1]} for photo, key in zip(photos["photo"], images)]
    )
    digest = content_digest(photos.assign(image=images))

    def write(place) -> None:
        write_table(place / "crops.csv", crops, CROPS)
        write_table(place / "faces.csv", crops[["photo", "image"]].assign(status="ok", found=1), FACES)
        shards = {shard: (store / shard).stat().st_size for shard in set(crops["shard"])}
        write_json(place / "about.json", {"digest": digest, "store": store.name, "shards": shards})

    place = folder / f"fgnet-{digest}"
    write_folder(place, write, made_by=digest)
    return place, digest
