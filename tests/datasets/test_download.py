"""The download of the portraits, against a server on the loopback interface."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pandas as pd
import pytest

from agerepro.datasets import congress
from agerepro.datasets.download import download_congress
from agerepro.datasets.jpeg_digest import jpeg_digest
from agerepro.errors import UserError

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
    with pytest.raises(UserError, match=r"2 of 12 portraits could not be fetched.*D000001\.jpg: 404.*by hand to .*images"):
        download(tmp_path)
    assert {path.name for path in (tmp_path / "images").iterdir()} == set(NAMES) - {NAMES[3], NAMES[7]}
    assert server.asked[NAMES[3]] == 3


def test_offline_says_where_to_put_the_files(tmp_path, portraits, pauses):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{free.getsockname()[1]}"  # nobody listens
        with pytest.raises(UserError, match=rf"Cannot reach {base} \(12 of 12 portraits are lacking\).*by hand to {tmp_path}/images"):
            download_congress(tmp_path, base=base, wait=pauses.append)
    assert set(pauses) == {1.0, 2.0}


def test_a_folder_that_cannot_be_written(tmp_path, portraits, download):
    (tmp_path / "images").touch()
    with pytest.raises(UserError, match=r"Cannot write .*images: "):
        download(tmp_path)


def test_the_547_portraits_as_labelled(shared, tmp_path, server, download):
    folder = shared / "data" / "congress-portraits" / "images"
    server.content = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert download(tmp_path) == 547
    assert len(congress.read(tmp_path).table) == 547
