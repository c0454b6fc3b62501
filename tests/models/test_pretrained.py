"""Finding weight files: folder, cache, package, internet; the internet is a server on this machine."""

from __future__ import annotations

import gc
import hashlib
import inspect
import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agerepro.errors import UserError
from agerepro.models import pretrained
from agerepro.models.pretrained import PRETRAINED, check_dense, find_local, find_weights, keras_cache, pretrained_weights

NOTOP, TOP = PRETRAINED["vggface", "vgg16"].files
BODY = b"0123456789" * 1000


class Release(BaseHTTPRequestHandler):
    """Serves any file whole under /whole/, breaks off under /cut/, knows nothing else."""

    def do_GET(self) -> None:
        if not self.path.startswith(("/whole/", "/cut/")):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY if self.path.startswith("/whole/") else BODY[:100])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Release)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


def serve_from(address: str, monkeypatch: pytest.MonkeyPatch, *, key: tuple[str, str] = ("vggface", "vgg16"), **changes: Any) -> None:
    monkeypatch.setitem(PRETRAINED, key, replace(PRETRAINED[key], release=address, **changes))


def test_the_users_folder_comes_before_the_cache(tmp_path: Path, home: Path) -> None:
    cache = home / ".keras" / "models" / "vggface"
    assert keras_cache() == cache
    cache.mkdir(parents=True)
    (cache / NOTOP).touch()
    assert find_local("vggface", "vgg16", folder=tmp_path) == cache / NOTOP
    (tmp_path / TOP).touch()
    assert find_weights("vggface", "vgg16", folder=tmp_path) == tmp_path / TOP
    (tmp_path / NOTOP).touch()
    assert find_weights("vggface", "vgg16", folder=tmp_path) == tmp_path / NOTOP


def test_keras_own_cache_is_looked_into(tmp_path: Path, home: Path) -> None:
    cache = home / ".keras" / "models"
    cache.mkdir(parents=True)
    name = PRETRAINED["imagenet", "vgg16"].files[0]
    assert find_local("imagenet", "vgg16", folder=tmp_path) is None
    (cache / name).touch()
    assert find_weights("imagenet", "vgg16", folder=tmp_path) == cache / name


def test_published_dense_layers_are_looked_for_in_the_file_that_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / NOTOP).touch()
    assert find_local("vggface", "vgg16", folder=tmp_path, dense_weights="published") is None
    serve_from("http://127.0.0.1:9/", monkeypatch)  # the discard port: nobody listens
    with pytest.raises(
        UserError, match=rf"{TOP} is neither in.*smaller file has no dense layers\. Get {TOP} from .*put it into {tmp_path}"
    ):
        find_weights("vggface", "vgg16", folder=tmp_path, dense_weights="published")
    (tmp_path / TOP).touch()
    assert find_weights("vggface", "vgg16", folder=tmp_path, dense_weights="published") == tmp_path / TOP
    assert find_weights("vggface", "vgg16", folder=tmp_path) == tmp_path / NOTOP


def test_the_file_with_dense_layers_is_the_one_that_is_fetched_for_them(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_from(f"{server}/whole/", monkeypatch)
    assert find_weights("vggface", "vgg16", folder=tmp_path, dense_weights="published") == tmp_path / TOP


@pytest.mark.parametrize(
    ("source", "backbone", "dense", "size", "facts"),
    [
        ("imagenet", "vgg16", (512, 256), 224, r"fc1, fc2 of vgg16_weights\S+ have \[4096, 4096\] units, not \[512, 256\]"),
        ("vggface", "vgg16", (4096,), 224, r"fc6, fc7 of \S+ have \[4096, 4096\] units, not \[4096\]"),
        ("imagenet", "vgg16", (4096, 4096), 192, r"224 to 255 pixels, not 192"),
        ("imagenet", "vgg16_bn", (4096, 4096), 224, r"vgg16_bn .*those of vgg16 with imagenet, vgg16 with vggface.*dense_weights: fresh"),
    ],
)
def test_published_dense_layers_that_do_not_fit_are_refused(
    source: str, backbone: str, dense: tuple[int, ...], size: int, facts: str
) -> None:
    with pytest.raises(UserError, match=facts):
        check_dense(source, backbone, dense, size)
    check_dense("imagenet", "vgg16", (4096, 4096), 224)


def test_dense_layers_stand_in_one_of_the_files_and_are_left_out_by_default() -> None:
    for row in PRETRAINED.values():
        assert bool(row.dense) == (row.with_dense in row.files) == bool(row.dense_sides)
        assert set(row.dense) <= set(row.not_used)
        shapes = list(row.dense.values())
        assert all(units == inputs for (_, units), (inputs, _) in itertools.pairwise(shapes))


def test_what_is_absent_is_fetched_once(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_from(f"{server}/whole/", monkeypatch)
    path = find_weights("vggface", "vgg16", folder=tmp_path / "weights")
    assert path == tmp_path / "weights" / NOTOP and path.read_bytes() == BODY
    serve_from(f"{server}/absent/", monkeypatch)
    assert find_weights("vggface", "vgg16", folder=tmp_path / "weights") == path


RESNET = ("imagenet", "resnet50_v1_5")


def test_a_file_that_every_network_calls_alike_gets_a_name_of_its_own(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = PRETRAINED[RESNET]
    assert row.release_file == "model.safetensors"
    serve_from(f"{server}/whole/", monkeypatch, key=RESNET, digests={row.files[0]: f"sha256:{hashlib.sha256(BODY).hexdigest()}"})
    path = find_weights(*RESNET, folder=tmp_path)
    assert path == tmp_path / "resnet50.tv_in1k.safetensors" and path.read_bytes() == BODY


def test_what_has_not_the_publishers_digest_is_not_kept(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_from(f"{server}/whole/", monkeypatch, key=RESNET)
    with pytest.raises(UserError, match=rf"{server}/whole/model\.safetensors is not what its publisher printed.*--weights DIR"):
        find_weights(*RESNET, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_offline_says_under_which_name_to_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_from("http://127.0.0.1:9/", monkeypatch, key=RESNET)  # the discard port: nobody listens
    with pytest.raises(UserError, match=rf"Get model\.safetensors from .* as resnet50\.tv_in1k\.safetensors into {tmp_path}"):
        find_weights(*RESNET, folder=tmp_path)


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # the fetching library leaves a failed connection to the collector
@pytest.mark.parametrize("place", ["cut", "absent"])
def test_a_failed_fetch_leaves_nothing_and_says_which_file_to_put_where(
    place: str, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_from(f"{server}/{place}/", monkeypatch)
    with pytest.raises(UserError) as error:
        find_weights("vggface", "vgg16", folder=tmp_path / "weights")
    assert all(fact in str(error.value) for fact in (NOTOP, TOP, f"{server}/{place}/", str(tmp_path / "weights"), "--weights DIR"))
    assert list((tmp_path / "weights").iterdir()) == []
    del error
    gc.collect()


def test_offline_says_which_file_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve_from("http://127.0.0.1:9/", monkeypatch)  # the discard port: nobody listens
    with pytest.raises(UserError, match=f"ConnectionError.*{NOTOP}.*{tmp_path}.*--weights DIR.*WEIGHTS=DIR"):
        find_weights("vggface", "vgg16", folder=tmp_path)


def test_an_absent_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "find_dlib_weights", lambda: None)
    assert find_local("dlib", "dlib_resnet", folder=tmp_path) is None
    with pytest.raises(UserError, match=rf"pip install face_recognition_models.*{tmp_path}.*--weights DIR"):
        find_weights("dlib", "dlib_resnet", folder=tmp_path)


def test_the_installed_package_is_found(dlib_path: Path) -> None:
    assert find_weights("dlib", "dlib_resnet", folder=None) == dlib_path


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(UserError, match=r"dlib_resnet.*vggface.*backbone\.weights.*dlib, none"):
        pretrained_weights("vggface", "dlib_resnet")


def test_imagenets_vgg16_is_where_keras_has_it_with_the_digests_that_keras_prints() -> None:
    from keras.src.applications import vgg16

    row = PRETRAINED["imagenet", "vgg16"]
    assert [row.release + name for name in row.files] == [vgg16.WEIGHTS_PATH_NO_TOP, vgg16.WEIGHTS_PATH]
    source = inspect.getsource(vgg16.VGG16)
    printed = [source.partition(f'"{name}"')[2].partition('file_hash="')[2].partition('"')[0] for name in row.files]
    assert [row.digests[name] for name in row.files] == [f"md5:{digest}" for digest in printed]


def test_digests_are_of_the_files_and_of_full_length() -> None:
    for row in PRETRAINED.values():
        assert set(row.digests) in (set(), set(row.files))
        for digest in row.digests.values():
            algorithm, _, digits = digest.partition(":")
            assert len(digits) == {"md5": 32, "sha256": 64}[algorithm] and int(digits, 16) >= 0


def test_published_names_are_those_of_keras_vggface(vgg16_layout: dict) -> None:
    assert vgg16_layout["published_files"] == {"notop": NOTOP, "top": TOP}


LIGHT = ("models.pretrained", "models.dlib_file", "tasks.decode")


def test_light_modules_load_no_keras() -> None:
    imports = "; ".join(f"import agerepro.{name}" for name in LIGHT)
    program = f"import sys; {imports}; print([name for name in ('keras', 'tensorflow', 'pooch', 'pandas') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"
