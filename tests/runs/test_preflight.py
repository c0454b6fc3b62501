"""Everything wrong with any experiment of a command is said at once, before anything is drawn, aligned or trained."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.runs.plan import RunOptions
from agerepro.runs.preflight import check_before_start

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
RIDGE, CASCADE = EXPERIMENTS / "congress" / "ridge.yaml", EXPERIMENTS / "koenig2019" / "vgg16-imdb-agedb.yaml"
TINY = Path(__file__).parent / "tiny.yaml"


def check(tmp_path: Path, *experiments: Path, data: Path | None = None, **more: object) -> None:
    options = {"runs": tmp_path / "runs", "weights": tmp_path / "weights", **more}
    check_before_start([RunOptions(experiment, data=data, **options) for experiment in experiments])  # type: ignore[arg-type]


def test_one_error_names_unreadable_labels_missing_sets_and_a_weight_file_that_is_a_web_page(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "fgnet" / "FGNET" / "images").mkdir(parents=True)  # there, and empty
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "rcmalli_vggface_tf_notop_vgg16.h5").write_text("<html>Not found</html>")
    with pytest.raises(UserError) as error:
        check(tmp_path, RIDGE, CASCADE, data=data)
    text = str(error.value)
    assert all(name in text for name in ("congress", "imdb", "agedb", "fgnet", "rcmalli_vggface_tf_notop_vgg16.h5"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("dense", "said"),
    [("[512, 256]", "fc6, fc7 of rcmalli_vggface_tf_vgg16.h5 have [4096, 4096] units"), ("[4096, 4096]", "holds 0 parameters")],
)
def test_published_dense_layers_that_do_not_fit_or_are_not_in_the_file_are_told_before_anything_starts(
    dense: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "weights").mkdir()
    with h5py.File(tmp_path / "weights" / "rcmalli_vggface_tf_vgg16.h5", "w") as file:
        file.attrs["layer_names"] = np.array([], "S1")
    with pytest.raises(UserError) as error:
        check(tmp_path, CASCADE, data=tmp_path, settings=("backbone.dense_weights=published", f"backbone.dense={dense}"))
    assert said in str(error.value)


def test_an_error_in_the_second_file_is_said_with_that_of_the_first(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(TINY.read_text(encoding="utf-8").replace("batch_size: 8", "bach_size: 8"), encoding="utf-8")
    with pytest.raises(UserError, match=r"wrong\.yaml:\d+: unknown key") as error:
        check(tmp_path, RIDGE, wrong)
    assert "congress" in str(error.value)


def test_experiments_that_one_process_cannot_compute_together_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(TINY.read_text(encoding="utf-8").replace("threads: 1", "threads: 2"), encoding="utf-8")
    with pytest.raises(UserError, match="machine:"):
        check(tmp_path, TINY, other)


def test_a_place_that_cannot_be_written_is_tried_before_anything_is_computed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        check(tmp_path, TINY, runs=tmp_path / "file" / "runs")


@pytest.mark.parametrize("folds", ["0-9999999999", "3-1", "x"])
def test_folds_that_no_protocol_has_are_refused_at_once(tmp_path: Path, folds: str) -> None:
    with pytest.raises(UserError, match="--folds"):
        check(tmp_path, TINY, folds=folds)


def test_what_is_in_order_passes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    check(tmp_path, TINY)
    assert list((tmp_path / "runs").iterdir()) == []
