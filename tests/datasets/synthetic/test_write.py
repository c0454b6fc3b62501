"""Writers: whole, repeatable, restartable sets whose bytes do not depend on the number of processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agerepro.datasets.synthetic.write import FINISHED, STARTED, WRITERS, write
from agerepro.errors import UserError
from agerepro.experiment.schema import Synthetic

Draw = Callable[..., Path]
Digest = Callable[[Path], str]


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_the_same_settings_give_the_same_bytes(name: str, drawn: Draw, digest_of_tree: Digest) -> None:
    first, again, other = (drawn(name, folder=f"{name}-{n}", photos=24, seed=seed) for n, seed in enumerate((0, 0, 1)))
    assert digest_of_tree(first) == digest_of_tree(again) != digest_of_tree(other)


def test_bytes_do_not_depend_on_the_number_of_processes(drawn: Draw, digest_of_tree: Digest) -> None:
    one = drawn("imdb", jobs=1, folder="one", photos=60)
    two = drawn("imdb", jobs=2, folder="two", photos=60)
    assert digest_of_tree(one) == digest_of_tree(two)


def test_a_finished_set_is_left_alone(drawn: Draw) -> None:
    root = drawn("agedb", photos=4)
    calls: list[tuple[int, int]] = []
    write("agedb", root, Synthetic(people=3, photos=4, size=40), jobs=1, on_progress=lambda *now: calls.append(now))
    assert calls == []
    assert json.loads((root / FINISHED).read_text())["settings"]["size"] == 40
    assert not (root / STARTED).exists()


def test_photos_that_are_there_are_not_drawn_again(drawn: Draw, digest_of_tree: Digest) -> None:
    root = drawn("agedb", photos=6)
    whole = digest_of_tree(root)
    (root / FINISHED).rename(root / STARTED)  # as when killed before the end
    photos = sorted(root.glob("*.jpg"))
    photos[0].unlink()
    kept = {photo: photo.stat().st_mtime_ns for photo in photos[1:]}
    calls: list[tuple[int, int]] = []
    write("agedb", root, Synthetic(people=3, photos=6, size=40), jobs=1, on_progress=lambda *now: calls.append(now))
    assert calls == [(5, 6), (6, 6)]
    assert {photo: photo.stat().st_mtime_ns for photo in kept} == kept
    assert digest_of_tree(root) == whole


def test_killed_and_continued_equals_undisturbed(tmp_path: Path, drawn: Draw, digest_of_tree: Digest) -> None:
    code = (
        "import sys; from pathlib import Path; from agerepro.datasets.synthetic.write import write\n"
        "from agerepro.experiment.schema import Synthetic\n"
        "write('vggface2', Path(sys.argv[1]), Synthetic(people=3, photos=150, size=40), jobs=1,\n"
        "      on_progress=lambda done, total: print(done, flush=True))\n"
    )
    killed = tmp_path / "killed"
    with subprocess.Popen([sys.executable, "-c", code, str(killed)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "0"
        assert int(process.stdout.readline()) < 150
        os.kill(process.pid, signal.SIGKILL)
    assert not (killed / FINISHED).exists()
    drawn("vggface2", folder="killed", photos=150)
    whole = drawn("vggface2", folder="whole", photos=150)
    for leftover in killed.rglob(".*.jpg"):
        leftover.unlink()  # half a photo under its temporary name, which no reader sees
    assert digest_of_tree(killed) == digest_of_tree(whole)


def test_other_settings_are_refused_with_the_folder_named(drawn: Draw) -> None:
    root = drawn("agedb", photos=4)
    with pytest.raises(UserError, match=r"agedb holds a synthetic data set drawn with other settings.*Delete the folder"):
        drawn("agedb", photos=5)
    (root / FINISHED).rename(root / STARTED)
    with pytest.raises(UserError, match="other settings"):
        drawn("agedb", photos=5)


def test_a_folder_with_real_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0_SomebodyReal_30_m.jpg").write_bytes(b"precious")
    with pytest.raises(UserError, match="is not empty and was not drawn here"):
        write("agedb", tmp_path, Synthetic(people=3), jobs=1, on_progress=lambda done, total: None)
    assert [path.name for path in tmp_path.iterdir()] == ["0_SomebodyReal_30_m.jpg"]


def test_a_broken_marker_and_an_unknown_name_are_user_errors(tmp_path: Path) -> None:
    (tmp_path / FINISHED).write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        write("agedb", tmp_path, Synthetic(people=3), jobs=1, on_progress=lambda done, total: None)
    with pytest.raises(UserError, match="Did you mean 'agedb'"):
        write("agebd", tmp_path, Synthetic(people=3), jobs=1, on_progress=lambda done, total: None)


def test_drawing_loads_no_tensorflow() -> None:
    code = (
        "import sys; import agerepro.datasets.synthetic.batch, agerepro.datasets.synthetic.write\n"
        "print([name for name in ('tensorflow', 'keras', 'matplotlib', 'mtcnn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
