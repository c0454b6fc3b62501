"""A data set by name -> its usable faces: read, cleaned, aligned, kept as one folder that trainings read in place of the originals."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from agerepro.config.loading import to_dict
from agerepro.config.schema import Faces, OwnData, Synthetic
from agerepro.datasets import catalog
from agerepro.datasets.photos import Photos
from agerepro.errors import UserError
from agerepro.faces.crops import SourceFile, align_photos, alignment_settings, counts, statuses, store_folder
from agerepro.faces.images import ImageReader, image_reader
from agerepro.faces.store import FaceStore
from agerepro.io import WHEN_FREE, config_hash, digest_of_bytes, is_complete, lock_folder, verified, write_folder, write_json
from agerepro.provenance import provenance
from agerepro.running import noting
from agerepro.synthetic.writers import drawing_order, drawn_mark, is_drawn
from agerepro.tables import CROPS, FACES, PHOTOS, SOURCES, coerce, read_table, write_table

# All that training, protocols and heads take from a table of photos: labels, and by `image` the pixels.
LABELS = [
    "photo", "subject", "age", "age_std", "apparent_age", "apparent_std", "gender", "ethnicity", "group", "split", "image",
]  # fmt: skip


@dataclass(frozen=True)
class FaceDataset:
    """The faces of one data set under one alignment; a row of `photos` is a row of every array made from it."""

    name: str
    photos: pd.DataFrame  # PHOTOS columns plus `image`, the key in the store
    store: FaceStore
    side: int
    digest: str
    funnel: dict[str, Any]  # what was read, cleaned and skipped, and what became of the faces

    def pixels(self) -> ImageReader:
        """The faces, decoded once when they fit in memory."""
        return self._pixels

    @cached_property
    def _pixels(self) -> ImageReader:
        return image_reader(self.store, list(self.photos["image"]), self.side)

    def rows(self, photos: set[str]) -> np.ndarray:
        """Row numbers of these photos, in the table's order."""
        return np.flatnonzero(self.photos["photo"].isin(photos).to_numpy())

    def without(self, people: set[str]) -> FaceDataset:
        """The same faces less those of `people`."""
        photos = self.photos.loc[~self.photos["subject"].isin(people)].reset_index(drop=True)
        return replace(self, photos=photos, digest=content_digest(photos))


@dataclass(frozen=True)
class PreparedFaces:
    """Where the faces of one data set lie, or will lie, under `folder`, the folder of all faces.

    data: what the user gave, the folder of data sets or a file; identity: what the data set is, whatever lies in it today.
    """

    name: str
    data: Path
    faces: Faces
    group_labels: str
    own: OwnData
    reading: Mapping[str, str]  # options of the data set's reader
    folder: Path
    identity: str

    @property
    def place(self) -> Path:
        """`folder/<data set>-<digest>`: photos.csv, faces.csv, crops.csv, sources.csv, about.json, provenance.json, manifest.json."""
        settings: dict[str, Any] = {**alignment_settings(self.faces), "identity": self.identity}
        if self.name in catalog.GROUPED:
            settings["group_labels"] = self.group_labels
        if self.name == catalog.OWN:
            settings["own"] = to_dict(self.own)
        if changed := catalog.changed_options(self.name, self.reading):
            settings["reading"] = changed
        return self.folder / f"{self.name}-{config_hash(settings)}"

    @property
    def root(self) -> Path:
        """The data set's own folder."""
        return catalog.folder_of(self.name, self.data)

    def is_done(self) -> bool:
        """Whether all is there that trainings need; no original is looked at."""
        if not is_complete(self.place):
            return False
        about = self.about()
        store = self.folder / "crops" / about["store"]
        return all(_size(store / shard) == size for shard, size in about["shards"].items())

    def is_current(self) -> bool:
        """Whether it is done and no original has changed since, by size and time; originals that are gone altogether count as current."""
        if not self.is_done():
            return False
        if not self.root.exists():
            return True
        noted = read_table(verified(self.place / "sources.csv"), SOURCES)
        return all(
            _stat(self.root / path) == (size, changed) for path, size, changed in zip(noted["path"], noted["size"], noted["changed"])
        )

    def about(self) -> dict[str, Any]:
        """`digest` of labels and pixels, `photos` and `people` counted, `funnel`, `store`, `shards` (bytes by name), `drawn`."""
        about: dict[str, Any] = json.loads(verified(self.place / "about.json").read_text(encoding="utf-8"))
        return about

    def load(self) -> FaceDataset:
        """The faces; their crops are opened when they are first used. UserError where they are not prepared."""
        if not self.is_done():
            raise UserError(f"The faces of {self.name} are not prepared in {self.place}: `agerepro run` or `agerepro step` does it.")
        about = self.about()
        photos = read_table(verified(self.place / "photos.csv"), PHOTOS)
        crops, store = open_crops(self.place, about["store"])
        return FaceDataset(
            self.name, photos.assign(image=crops["image"].to_numpy()), store, self.faces.size, about["digest"], about["funnel"]
        )

    def prepare(self, *, on_progress: Callable[[str, int, int], object], say: Callable[[str], object] = lambda text: None) -> FaceDataset:
        """Read and align what is not yet, or has changed since, and load the faces; of several processes one does it.

        on_progress(name, done, total) is called while faces are cropped. Raises UserError as the reader does, and when nothing usable
        is left.
        """
        waiting = f"{self.name}: another process prepares its faces; waiting for it."
        with lock_folder(self.place, wait=WHEN_FREE, on_wait=lambda: say(waiting)):
            if not self.is_current():
                with noting(self.place) as note:

                    def noted(name: str, done: int, total: int) -> None:
                        note.tell(f"{done:,} of {total:,} photos")
                        on_progress(name, done, total)

                    self._prepare(noted, say)
            elif not self.root.exists():
                say(f"{self.name}: {self.root} is not there; its faces, prepared before, are used.")
        return self.load()

    def _prepare(self, on_progress: Callable[[str, int, int], object], say: Callable[[str], object]) -> None:
        root = self.root
        photos = catalog.read(self.name, self.data, group_labels=self.group_labels, own=self.own, reading=self.reading)
        sources = self._noted_sources()
        aligned = align_photos(
            photos.table,
            root,
            self.faces,
            self.folder,
            on_progress=lambda done, total: on_progress(self.name, done, total),
            sources=sources,
            say=say,
        )
        table = photos.table.merge(aligned[["photo", "image"]], on="photo", how="left", validate="one_to_one")
        usable = table.loc[table["image"].fillna("") != ""].sort_values("photo", ignore_index=True)
        if usable.empty:
            why = ", ".join(f"{count:,} {status}" for status, count in statuses(aligned).items())
            raise UserError(
                f"No usable face is left of the {len(aligned):,} photos of {self.name} in {root}: {why}. "
                f"See `agerepro data verify {'' if self.name == catalog.OWN else f'{self.name} --root '}{shlex.quote(str(self.data))}`."
            )
        store = FaceStore(store_folder(photos.table, self.faces, self.folder))
        index = store.index(usable["image"])
        crops = pd.DataFrame(
            {
                "photo": usable["photo"],
                "image": usable["image"],
                "shard": [index[image][0] for image in usable["image"]],
                "row": [index[image][1] for image in usable["image"]],
            }
        )
        digest = content_digest(usable)
        about = {
            "name": self.name,
            "digest": digest,
            "photos": len(usable),
            "people": int(usable.loc[usable["subject"] != "", "subject"].nunique()),
            "drawn": is_drawn(root, parts=catalog.PARTS.get(self.name, ())),
            "store": store.folder.name,
            "shards": {shard: _size(store.folder / shard) for shard in sorted(set(crops["shard"]))},
            "funnel": self._funnel(photos, aligned),
        }

        def write(place: Path) -> None:
            write_table(place / "photos.csv", usable.drop(columns="image"), PHOTOS)
            write_table(place / "crops.csv", crops, CROPS)
            write_table(place / "faces.csv", aligned, FACES)
            write_table(place / "sources.csv", _sources_table(root, photos, sources), SOURCES)
            write_json(place / "about.json", about)
            write_json(place / "provenance.json", provenance(data=str(root), faces=to_dict(self.faces)))

        # What has changed takes the place of what was; what another process has just made, where locks do not work, stays.
        if is_complete(self.place) and not self.is_current():
            (self.place / "manifest.json").unlink()
        write_folder(self.place, write, made_by=digest)

    def _noted_sources(self) -> dict[str, SourceFile]:
        try:
            noted = read_table(verified(self.place / "sources.csv"), SOURCES)
        except UserError:
            return {}
        files = noted.loc[noted["digest"] != ""]
        return {
            path: SourceFile(int(size), int(changed), digest)
            for path, size, changed, digest in zip(files["path"], files["size"], files["changed"], files["digest"])
        }

    def _funnel(self, photos: Photos, aligned: pd.DataFrame) -> dict[str, Any]:
        return {
            "read": [{"step": step.name, "kept": step.kept, "removed": step.removed} for step in photos.funnel],
            "skipped": [{"path": skip.path, "reason": skip.reason} for skip in photos.skipped],
            "faces": counts(aligned),
            "settings": to_dict(self.faces),
            "shortfall": self._shortfall(aligned),
        }

    def _shortfall(self, aligned: pd.DataFrame) -> str:
        """What a copy lacks of the published set, "" for a drawn one; a photo without a face is there."""
        if self.name == catalog.OWN or is_drawn(self.root, parts=catalog.PARTS.get(self.name, ())):
            return ""
        readable = int((aligned["status"] != "unreadable").sum())
        return catalog.shortfall(catalog.card(self.name), readable, group_labels=self.group_labels, reading=self.reading)


def prepared_faces(
    name: str,
    *,
    data: Path,
    faces: Faces,
    folder: Path,
    group_labels: str = "exact",
    own: OwnData | None = None,
    reading: Mapping[str, str] | None = None,
    order: Synthetic | None = None,
) -> PreparedFaces:
    """Where the faces of a data set in `data` lie under `folder`.

    reading: options of its reader. order: what the renderer is to draw there, where it has not yet.
    """
    root = catalog.folder_of(name, data)
    mark = drawing_order(name, order) if order is not None else drawn_mark(root, parts=catalog.PARTS.get(name, ()))
    # Drawn pictures are the same wherever they lie; a user's labels may stand in several files of one folder.
    file = data.name if name == catalog.OWN and data.is_file() else ""
    identity = f"drawn {config_hash(mark)} {file}".strip() if mark is not None else str((data if name == catalog.OWN else root).resolve())
    return PreparedFaces(name, data, faces, group_labels, own or OwnData(), reading or {}, folder, identity)


def open_crops(place: Path, store: str) -> tuple[pd.DataFrame, FaceStore]:
    """CROPS of prepared faces in `place`, and the store of that name beside it, in which they lie; no shard is opened."""
    crops = read_table(verified(place / "crops.csv"), CROPS)
    index = {image: (shard, row) for image, shard, row in zip(crops["image"], crops["shard"], crops["row"])}
    return crops, FaceStore(place.parent / "crops" / store, index=index)


def content_digest(photos: pd.DataFrame) -> str:
    """Names the labels and pixels of a table of faces: `image` is a digest of photo bytes, face box and alignment.

    A column that came later counts where a photo has it, so that sets without it keep their names.
    """
    table = coerce(photos.drop(columns="image"), PHOTOS).assign(image=photos["image"].to_numpy())
    labels = table[LABELS + [column for column in PHOTOS.younger if table[column].notna().any()]]
    content = labels.to_csv(index=False, lineterminator="\n", errors="backslashreplace").encode("utf-8", "backslashreplace")
    return digest_of_bytes(content)[:16]


def _sources_table(root: Path, photos: Photos, sources: Mapping[str, SourceFile]) -> pd.DataFrame:
    """The files and folders by which a change is noticed: photos that were read, label files, and every folder above them."""
    paths = [path for path in dict.fromkeys(photos.table["path"]) if path in sources]
    folders = dict.fromkeys(path.rpartition("/")[0] for path in paths)
    for folder in list(folders):  # a new photo may come to lie in a folder that holds only folders today
        folders |= dict.fromkeys(parent.as_posix() for parent in PurePosixPath(folder).parents)
    rows = [(path, sources[path].size, sources[path].changed, sources[path].digest) for path in paths]
    for path in (*photos.label_files, *(f"{folder}/" for folder in folders if folder not in ("", ".")), "./"):
        facts = _stat(root / path)
        if facts is not None:
            rows.append((path, *facts, ""))
    return pd.DataFrame(rows, columns=list(SOURCES.columns))


def _stat(path: Path) -> tuple[int, int] | None:
    """Size and time of the last change in ns; of a folder the size says nothing; None where there is nothing."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return (0 if path.is_dir() else facts.st_size), facts.st_mtime_ns


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
