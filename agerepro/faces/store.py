"""Face crops packed into memory-mapped shards, read back as JPEG bytes."""

from __future__ import annotations

import contextlib
import json
import mmap
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from agerepro.errors import CheckFailed
from agerepro.io import digest_of_bytes, digest_of_file, printable, write_bytes

SHARD_BYTES = 8 << 20  # of images; what a kill can cost, about 300 crops of 256 pixels
SHARD_ROWS = 2048
OPEN_SHARDS = 192  # memory maps held at a time: bounds resident memory (1.6 GB) and open files
VERIFYING_THREADS = 4
SCHEMA = pa.schema([("key", pa.string()), ("facts", pa.string()), ("image", pa.large_binary())])


class StoreWriter:
    """Collects faces and writes them as whole shards; what was not yet written is lost by a kill, nothing else.

    Use as a context manager: leaving it without an error writes the rest.
    """

    def __init__(self, folder: Path, *, shard_bytes: int = SHARD_BYTES) -> None:
        self.folder = folder
        self.shard_bytes = shard_bytes
        self._rows: list[tuple[str, str, bytes]] = []
        self._size = 0

    def append(self, key: str, image: bytes, facts: dict[str, Any] | None = None) -> None:
        """Add one face: JPEG or PNG bytes (empty when nothing could be cropped) and what is known of it (JSON-able)."""
        self._rows.append((key, printable(json.dumps(facts or {}, sort_keys=True, ensure_ascii=False)), image))
        self._size += len(image)
        if self._size >= self.shard_bytes or len(self._rows) >= SHARD_ROWS:
            self.flush()

    def flush(self) -> Path | None:
        """Write what was collected as one shard; returns its path, or None when there was nothing."""
        if not self._rows:
            return None
        keys, facts, images = zip(*self._rows)
        table = pa.record_batch(
            [pa.array(keys, pa.string()), pa.array(facts, pa.string()), pa.array(images, pa.large_binary())], schema=SCHEMA
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, SCHEMA) as writer:
            writer.write_batch(table)
        content = sink.getvalue().to_pybytes()
        path = write_bytes(self.folder / f"{digest_of_bytes(content)}.arrow", content)
        self._rows, self._size = [], 0
        return path

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.flush()


class FaceStore:
    """All faces in a folder of shards, by key; safe to read from many threads.

    Every shard's checksum is verified once, here (about a second a gigabyte). `damaged` lists the shards that failed; their
    faces count as missing. Shards that appear later are not seen: open the store again.

    index: where faces lie, as `FaceStore.index` gave it. Then nothing is opened or hashed here: a shard is when it is first read.
    """

    def __init__(self, folder: Path, *, index: Mapping[str, tuple[str, int]] | None = None) -> None:
        self.folder = folder
        self.damaged: list[Path] = []
        self._shards: list[Path] = []
        self._where: dict[str, tuple[int, int]] = {}
        self._open: OrderedDict[int, pa.RecordBatch] = OrderedDict()
        self._lock = threading.Lock()
        self._unverified: set[int] = set()
        if index is None:
            self._look_into_shards()
            return
        numbers: dict[str, int] = {}
        self._where = {key: (numbers.setdefault(shard, len(numbers)), row) for key, (shard, row) in index.items()}
        self._shards = [folder / shard for shard in numbers]
        self._unverified = set(numbers.values())

    def _look_into_shards(self) -> None:
        paths = sorted(self.folder.glob("[!.]*.arrow"))
        with ThreadPoolExecutor(VERIFYING_THREADS) as pool:
            digests = list(pool.map(digest_of_file, paths))
        for path, digest in zip(paths, digests):
            if digest != path.stem:
                self.damaged.append(path)
                continue
            number = len(self._shards)
            self._shards.append(path)
            for row, key in enumerate(_mapped(path).column("key").to_pylist()):
                self._where.setdefault(key, (number, row))

    def __contains__(self, key: object) -> bool:
        return key in self._where

    def __len__(self) -> int:
        return len(self._where)

    def __iter__(self) -> Iterator[str]:
        return iter(self._where)

    def index(self, keys: Iterable[str]) -> dict[str, tuple[str, int]]:
        """The name of the shard, and the row in it, of each of these keys. KeyError for an unknown one."""
        return {key: (self._shards[number].name, row) for key in keys for number, row in [self._where[key]]}

    def keys(self) -> list[str]:
        """All keys, each once, in the order of the shards' names."""
        return list(self._where)

    def read(self, key: str) -> bytes:
        """The image's JPEG or PNG bytes; empty where a photo gave no crop. KeyError for an unknown key."""
        return self._value(key, "image")

    def facts(self, key: str) -> dict[str, Any]:
        """What was stored with the image. KeyError for an unknown key."""
        return json.loads(self._value(key, "facts"))

    def _value(self, key: str, column: str) -> Any:
        number, row = self._where[key]
        return self._shard(number).column(column)[row].as_py()

    def _shard(self, number: int) -> pa.RecordBatch:
        with self._lock:
            if number in self._open:
                self._open.move_to_end(number)
                return self._open[number]
        # Outside the lock: readers of other shards need not wait.
        if number in self._unverified:
            self._verify(self._shards[number])
        opened = _mapped(self._shards[number])
        with self._lock:
            self._unverified.discard(number)
            shard = self._open.setdefault(number, opened)  # another thread may have been quicker
            # Other threads may still read an evicted map: it goes when the last of them lets go.
            while len(self._open) > OPEN_SHARDS:
                self._open.popitem(last=False)
            return shard

    def _verify(self, path: Path) -> None:
        try:
            if digest_of_file(path) == path.stem:
                return
            set_aside(path)
            what = "is damaged and was set aside"
        except FileNotFoundError:
            what = "is gone"
        raise CheckFailed(f"{path}, which holds faces, {what}. The same `agerepro run` command aligns its photos again.")


def set_aside(shard: Path) -> Path:
    """Rename a damaged shard, so that it counts as missing and can still be looked at; returns its new path."""
    aside = shard.with_name(f"{shard.name}.corrupt")
    with contextlib.suppress(FileNotFoundError):  # another process was quicker
        shard.replace(aside)
    return aside


def _mapped(path: Path) -> pa.RecordBatch:
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pa.ipc.open_file(pa.py_buffer(content)).get_batch(0)
