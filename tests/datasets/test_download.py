"""The digest follows the picture, not the metadata."""

from __future__ import annotations

import hashlib
import socket
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from agerepro.datasets import congress
from agerepro.datasets.download import download_congress, jpeg_digest
from agerepro.errors import UserError

KINDS = {
    "baseline": {}, "progressive": {"progressive": True}, "restarts": {"restart_marker_blocks": 1}, "comment": {"comment": b"hello"},
}  # fmt: skip


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def pixels(content):
    return np.asarray(Image.open(BytesIO(content)))


def test_the_kinds_are_what_they_say(jpeg):
    contents = {kind: jpeg(0, **options) for kind, options in KINDS.items()}
    assert contents["progressive"].count(b"\xff\xda") > contents["baseline"].count(b"\xff\xda")
    assert b"\xff\xd0" in contents["restarts"] and b"\xff\xd0" not in contents["baseline"]
    assert b"\xff\xfe\x00\x07hello" in contents["comment"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("marker", [0xE0, 0xE1, 0xE2, 0xEF, 0xFE])
def test_metadata_does_not_count(jpeg, kind, marker):
    plain = jpeg(1, **KINDS[kind])
    marked = plain[:2] + segment(marker, b"Exif\0\0 \xff\xd9\xff\xda anything") + plain[2:] + b"trailing bytes"
    assert jpeg_digest(marked) == jpeg_digest(plain)


@pytest.mark.parametrize("kind", KINDS)
def test_cutting_all_metadata_out_does_not_count(jpeg, kind):
    """The portraits' metadata was cut out of the files; the same cut by a second, plain parser."""
    whole = jpeg(2, exif=Image.Exif().tobytes() + b"x" * 50, **{"comment": b"c"} | KINDS[kind])
    kept, at = whole[:2], 2
    while whole[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big")
        kept += b"" if whole[at + 1] in (0xE1, 0xFE) else whole[at:end]
        at = end
    bare = kept + whole[at:]
    assert len(bare) < len(whole)
    assert jpeg_digest(bare) == jpeg_digest(whole)


def test_what_is_digested_by_hand(jpeg):
    """Of a baseline file without restarts: all between the APP0 segment and the end marker."""
    content = jpeg(3)
    assert content[2:4] == b"\xff\xe0"
    start = 4 + int.from_bytes(content[4:6], "big")
    assert jpeg_digest(content) == hashlib.sha256(content[start:-2]).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
@given(seeds=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)))
def test_another_picture_has_another_digest(jpeg, kind, seeds):
    first, second = (jpeg(seed, **KINDS[kind]) for seed in seeds)
    assert jpeg_digest(first) != jpeg_digest(second) or np.array_equal(pixels(first), pixels(second))


@given(where=st.tuples(st.integers(0, 15), st.integers(0, 23), st.integers(0, 2)), change=st.integers(-255, 255))
def test_one_changed_pixel_changes_the_digest(jpeg, where, change):
    before = pixels(jpeg(5, quality=100, subsampling=0))
    after = before.copy()
    after[where] = np.clip(int(after[where]) + change, 0, 255)
    files = [BytesIO(), BytesIO()]
    for file, picture in zip(files, (before, after), strict=True):
        Image.fromarray(picture).save(file, "JPEG", quality=100, subsampling=0)
    first, second = (file.getvalue() for file in files)
    # A change of one grey level may not survive the encoder.
    assert jpeg_digest(first) != jpeg_digest(second) or np.array_equal(pixels(first), pixels(second))


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_of_the_picture_is_seen(jpeg, kind):
    content = jpeg(6, **KINDS[kind])
    at = content.rindex(b"\xff\xda") + 30
    flipped = content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :]
    assert flipped[at] != 0xFF and jpeg_digest(flipped) != jpeg_digest(content)


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_is_refused(jpeg, kind):
    content = jpeg(7, **KINDS[kind])
    for length in range(len(content)):
        with pytest.raises(ValueError, match=r"JPEG"):
            jpeg_digest(content[:length])


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n", b"\xff\xd8text", b"\xff\xd8\xff\xe0\x00\x00\xff\xd9"])
def test_other_files_are_refused(content):
    with pytest.raises(ValueError, match=r"JPEG"):
        jpeg_digest(content)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_digest_or_a_refusal(content):
    try:
        assert len(jpeg_digest(b"\xff\xd8" + content)) == 64
    except ValueError as refusal:
        assert "JPEG" in str(refusal)


NAMES = [f"{letter}000001.jpg" for letter in "ABCDEFGHIJKL"]


class Server:
    """Serves `content` by name; `next_answers[name]` holds (status, bytes, announced length) that go out first."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.next_answers: dict[str, list[tuple[int, bytes, int]]] = {}
        self.asked: Counter[str] = Counter()
        self.base = ""

    def answer(self, name: str) -> tuple[int, bytes, int]:
        self.asked[name] += 1
        if self.next_answers.get(name):
            return self.next_answers[name].pop(0)
        content = self.content.get(name, b"not found")
        return (200 if name in self.content else 404), content, len(content)


@pytest.fixture
def server() -> Iterator[Server]:
    ours = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content, length = ours.answer(self.path.rsplit("/", 1)[1])
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    ours.base = f"http://127.0.0.1:{web.server_port}/images"
    yield ours
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.fixture
def portraits(server, jpeg, monkeypatch):
    """Twelve labelled pictures; the served copies carry a comment that the labelled ones lack."""
    pictures = {name: jpeg(seed) for seed, name in enumerate(NAMES)}
    server.content = {name: jpeg(seed, comment=b"with camera data") for seed, name in enumerate(NAMES)}
    table = pd.DataFrame({"file": NAMES, "jpeg_digest": [jpeg_digest(pictures[name]) for name in NAMES]})
    monkeypatch.setattr("agerepro.datasets.download.labels", lambda: table)
    return pictures


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def download(server, pauses):
    def run(root, **options):
        return download_congress(root, base=server.base, wait=pauses.append, **options)

    return run


def test_everything_is_fetched_and_nothing_twice(tmp_path, server, portraits, download):
    assert download(tmp_path) == 12
    assert {path.name for path in (tmp_path / "images").iterdir()} == set(NAMES)  # no leftovers either
    assert all((tmp_path / "images" / name).read_bytes() == server.content[name] for name in NAMES)
    assert download(tmp_path) == 0
    assert set(server.asked.values()) == {1}


def test_it_goes_on_where_it_stopped(tmp_path, server, portraits, download):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / NAMES[0]).write_bytes(portraits[NAMES[0]])  # right, without metadata
    (tmp_path / NAMES[1]).write_bytes(portraits[NAMES[1]])  # right, beside images/
    (tmp_path / "images" / NAMES[2]).write_bytes(portraits[NAMES[2]][:-20])  # truncated
    (tmp_path / "images" / NAMES[3]).write_bytes(portraits[NAMES[4]])  # another person
    seen = []
    assert download(tmp_path, progress=lambda done, total: seen.append((done, total))) == 10
    assert server.asked == Counter(NAMES[2:])
    assert seen == [(done, 12) for done in range(2, 13)]
    assert (tmp_path / "images" / NAMES[3]).read_bytes() == server.content[NAMES[3]]


def test_a_corrupted_file_is_tried_again(tmp_path, server, portraits, download, pauses):
    good = server.content[NAMES[0]]
    server.next_answers[NAMES[0]] = [(200, good[:-9], len(good) - 9), (200, server.content[NAMES[1]], len(server.content[NAMES[1]]))]
    assert download(tmp_path) == 12
    assert server.asked[NAMES[0]] == 3
    assert pauses == [1.0, 2.0]


@pytest.mark.parametrize("answer", [(503, b"busy", 4), (200, b"short", 500), (429, b"", 0)])
def test_a_passing_fault_of_the_server_is_tried_again(tmp_path, server, portraits, download, answer):
    server.next_answers[NAMES[5]] = [answer]
    assert download(tmp_path) == 12


def test_what_stays_wrong_is_named_and_the_rest_kept(tmp_path, server, portraits, download):
    del server.content[NAMES[3]]
    server.content[NAMES[7]] = b"<html>sign in</html>"
    with pytest.raises(UserError, match=r"2 of 12 .*D000001\.jpg: 404.*images"):
        download(tmp_path)
    assert {path.name for path in (tmp_path / "images").iterdir()} == set(NAMES) - {NAMES[3], NAMES[7]}
    assert server.asked[NAMES[3]] == 3


def test_offline_says_where_to_put_the_files(tmp_path, portraits, pauses):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{free.getsockname()[1]}"  # nobody listens
        with pytest.raises(UserError, match=rf"{base} .*12 of 12 .*{tmp_path}/images"):
            download_congress(tmp_path, base=base, wait=pauses.append)
    assert set(pauses) == {1.0, 2.0}


def test_a_folder_that_cannot_be_written(tmp_path, portraits, download):
    (tmp_path / "images").touch()
    with pytest.raises(UserError, match=r"images: "):
        download(tmp_path)


def test_the_547_portraits_as_labelled(full_reference, tmp_path, server, download):
    folder = full_reference / "data" / "congress-portraits" / "images"
    server.content = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert download(tmp_path) == 547
    assert len(congress.read(tmp_path).table) == 547
