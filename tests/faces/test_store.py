"""The store gives back what was put in, survives damage, and serves many readers."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agerepro.faces import store as store_module
from agerepro.faces.store import FaceStore, StoreWriter

ROWS = [(f"key{n}", bytes([n]) * (n + 1)) for n in range(10)]


def fill(folder: Path, rows: list[tuple[str, bytes]], **options: int) -> None:
    with StoreWriter(folder, **options) as writer:
        for key, image in rows:
            writer.append(key, image, {"n": len(image)})


@settings(max_examples=40, deadline=None)
@given(rows=st.dictionaries(st.text(min_size=1, max_size=20), st.binary(max_size=200), max_size=30), shard=st.integers(1, 500))
def test_what_was_put_in_comes_out_whatever_the_shards(tmp_path_factory, rows, shard):
    folder = tmp_path_factory.mktemp("store")
    fill(folder, list(rows.items()), shard_bytes=shard)
    store = FaceStore(folder)
    assert {key: store.read(key) for key in store} == rows
    assert sorted(store.keys()) == sorted(rows)
    assert all(store.facts(key) == {"n": len(image)} and key in store for key, image in rows.items())
    assert len(store) == len(rows) and store.damaged == []


def test_unknown_key_and_missing_folder(tmp_path):
    store = FaceStore(tmp_path / "none")
    assert len(store) == 0 and "key" not in store
    with pytest.raises(KeyError):
        store.read("key")


@pytest.mark.parametrize("damage", ["truncated", "emptied", "flipped"])
def test_damaged_shard_counts_as_missing_is_listed_and_can_be_written_again(tmp_path, damage):
    fill(tmp_path, ROWS[:5])
    (victim,) = tmp_path.glob("*.arrow")
    fill(tmp_path, ROWS[5:])
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes({"truncated": content[:-20], "emptied": b"", "flipped": content}[damage])
    store = FaceStore(tmp_path)
    assert store.damaged == [victim]
    assert sorted(store.keys()) == [key for key, _ in ROWS[5:]]
    fill(tmp_path, ROWS[:5])
    assert FaceStore(tmp_path).damaged == [] and len(FaceStore(tmp_path)) == 10


def test_killed_writer_loses_only_what_was_not_written(tmp_path):
    with pytest.raises(KeyboardInterrupt), StoreWriter(tmp_path, shard_bytes=20) as writer:
        for key, image in ROWS:  # 1 + 2 + ... + 6 bytes = 21: the first shard ends with key5
            if key == "key8":
                raise KeyboardInterrupt
            writer.append(key, image)
    (tmp_path / ".x.leftover.arrow").write_bytes(b"half a shard")
    store = FaceStore(tmp_path)
    assert sorted(store.keys()) == [f"key{n}" for n in range(6)] and store.damaged == []


def test_same_key_twice_and_same_shard_twice_do_no_harm(tmp_path):
    fill(tmp_path, ROWS)
    fill(tmp_path, ROWS)
    assert len(list(tmp_path.iterdir())) == 1  # equal content has one name
    fill(tmp_path, [*ROWS[:3], ("more", b"x")])
    assert len(FaceStore(tmp_path)) == 11 and FaceStore(tmp_path).read("key2") == ROWS[2][1]


def test_writers_at_the_same_time(tmp_path):
    threads = [
        threading.Thread(target=fill, args=(tmp_path, [(f"{t}-{n}", bytes([t, n])) for n in range(50)]), kwargs={"shard_bytes": 10})
        for t in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = FaceStore(tmp_path)
    assert len(store) == 200 and all(store.read(f"{t}-{n}") == bytes([t, n]) for t in range(4) for n in range(50))


def test_many_readers_of_more_shards_than_stay_open(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "OPEN_SHARDS", 2)
    rows = [(f"{n}", bytes([n % 256]) * 300) for n in range(300)]
    fill(tmp_path, rows, shard_bytes=3000)
    store = FaceStore(tmp_path)
    assert len(list(tmp_path.iterdir())) == 30
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda row: store.read(row[0]) == row[1], rows * 5))
    assert len(store._open) <= 2


def test_readers_of_different_shards_open_them_at_the_same_time(tmp_path, monkeypatch):
    fill(tmp_path, ROWS[:2], shard_bytes=1)
    store = FaceStore(tmp_path)
    both_opening = threading.Barrier(2, timeout=20)
    open_shard = store_module._mapped

    def opened(path: Path):
        both_opening.wait()  # breaks, and so raises, unless another thread opens a shard, too
        return open_shard(path)

    monkeypatch.setattr(store_module, "_mapped", opened)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(store.read, ["key0", "key1"])) == [image for _, image in ROWS[:2]]


def test_facts_hold_any_text(tmp_path):
    with StoreWriter(tmp_path) as writer:
        writer.append("key", b"", {"reason": "caf\udce9.jpg"})
    assert FaceStore(tmp_path).facts("key") == {"reason": "caf\udce9.jpg"}
