"""The store gives back what was put in, survives damage, and serves many readers."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agerepro.errors import CheckFailed
from agerepro.faces import store as store_module
from agerepro.faces.store import FaceStore, StoreWriter
from tests.opened import opened_below

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


def indexed(folder: Path) -> FaceStore:
    """The store of three of the ten faces, in shards of a few, opened by the index alone."""
    fill(folder, ROWS, shard_bytes=20)
    return FaceStore(folder, index=FaceStore(folder).index(["key0", "key6", "key9"]))


def test_by_an_index_no_shard_is_opened_before_a_face_in_it_is_read_and_each_is_compared_once(tmp_path):
    fill(tmp_path, ROWS, shard_bytes=20)
    index = FaceStore(tmp_path).index(["key0", "key6", "key9"])
    with opened_below(tmp_path) as names:
        store = FaceStore(tmp_path, index=index)
        assert len(store) == 3 and store.keys() == ["key0", "key6", "key9"] and "key1" not in store
        assert store.index(store.keys()) == index
    assert names == []
    with opened_below(tmp_path) as names:
        assert [store.read(key) for key in ("key0", "key0", "key9")] == [ROWS[0][1], ROWS[0][1], ROWS[9][1]]
        assert store.facts("key9") == {"n": 10}
    assert sorted(set(names)) == sorted({index["key0"][0], index["key9"][0]}) and len(names) == 4  # once for its checksum, once to map it
    with pytest.raises(KeyError):
        store.read("key1")


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_by_an_index_a_damaged_shard_is_set_aside_and_named_when_it_is_read(tmp_path, damage):
    store = indexed(tmp_path)
    victim = tmp_path / store.index(["key9"])["key9"][0]
    content = victim.read_bytes()
    victim.unlink()
    if damage == "flipped":
        victim.write_bytes(content[:-30] + bytes([content[-30] ^ 1]) + content[-29:])
    assert store.read("key0") == ROWS[0][1]
    for _ in range(2):
        with pytest.raises(CheckFailed, match=victim.name):
            store.read("key9")
    assert not victim.exists() and victim.with_name(f"{victim.name}.corrupt").exists() == (damage == "flipped")
    fill(tmp_path, ROWS, shard_bytes=20)
    assert store.read("key9") == ROWS[9][1]


def test_by_an_index_many_threads_read_as_one(tmp_path):
    store = indexed(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(store.read, ["key6"] * 200)) == {ROWS[6][1]}


def test_facts_hold_any_text(tmp_path):
    with StoreWriter(tmp_path) as writer:
        writer.append("key", b"", {"reason": "caf\udce9.jpg"})
    assert FaceStore(tmp_path).facts("key") == {"reason": "caf\udce9.jpg"}
