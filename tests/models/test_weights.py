"""Published weights into a trunk: everything or a full list of what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.experiment.schema import Backbone, Classes
from agerepro.files import digest_of_file
from agerepro.models.arrays import weights_as_arrays
from agerepro.models.network import Network, build_network
from agerepro.models.sources import source_of
from agerepro.models.weights import load_published, our_name, read_published, read_weights

FILE = "rcmalli_vggface_tf_notop_vgg16.h5"
VGGFACE = Backbone(name="vgg16", weights="vggface")


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network(VGGFACE, Classes(), outputs=3, size=32, seed=0)


def test_every_tensor_of_the_file_stands_in_the_trunk(network: Network, vgg16_folder: Path) -> None:
    loaded = load_published(VGGFACE, network, folder=vgg16_folder)
    with h5py.File(vgg16_folder / FILE) as file:
        for name, array in weights_as_arrays(network.trunk).items():
            layer, variable = name.split("/")
            np.testing.assert_array_equal(array, file[layer][layer][f"{variable}:0"][()])
    assert (loaded.file, loaded.sha256) == (FILE, digest_of_file(vgg16_folder / FILE))
    assert (loaded.parameters, len(loaded.tensors), loaded.not_used) == (14_714_688, 26, ())
    assert "non-commercial" in loaded.licence


def test_all_that_is_wrong_is_listed_and_nothing_is_changed(network: Network, tmp_path: Path, write_h5: Any) -> None:
    before = weights_as_arrays(network.full)
    wrong = {"conv1_1/kernel:0": np.zeros((3, 3, 1, 64)), "conv1_1/bias:0": np.zeros(64), "conv9/kernel:0": np.zeros(2)}
    layers = [("conv1_1", ["conv1_1/kernel:0", "conv1_1/bias:0"]), ("conv9", ["conv9/kernel:0"])]
    write_h5(tmp_path / FILE, layers, wrong)
    with pytest.raises(UserError) as error:
        load_published(VGGFACE, network, folder=tmp_path)
    text = str(error.value)
    assert f"The weights in {FILE} do not fit vgg16_trunk" in text
    assert "conv1_1/kernel is 3x3x1x64, not 3x3x3x64" in text and "conv9/kernel is left over" in text
    assert text.count("is missing") == 24 and "conv5_3/bias is missing" in text and "conv1_1/bias" not in text
    for name, array in weights_as_arrays(network.full).items():
        np.testing.assert_array_equal(array, before[name])


def test_only_the_named_top_layers_are_left_out(tmp_path: Path, write_h5: Any) -> None:
    names = ("fc6", "fc7", "fc8", "fc9")
    layers = [(name, [f"{name}/kernel:0"]) for name in names]
    path = write_h5(tmp_path / FILE, layers, {f"{name}/kernel:0": np.ones(2) for name in names})
    loaded = read_weights(path, source_of("vggface", "vgg16"), source="vggface")
    assert loaded.not_used == ("fc6/kernel:0", "fc7/kernel:0", "fc8/kernel:0") and list(loaded.tensors) == ["fc9/kernel"]


def test_two_tensors_of_one_name_are_refused(tmp_path: Path, write_h5: Any) -> None:
    layers = [("a/b", ["a/b/kernel:0"]), ("a_b", ["a_b/kernel:0"])]
    path = write_h5(tmp_path / FILE, layers, {"a/b/kernel:0": np.ones(2), "a_b/kernel:0": np.ones(2)})
    with pytest.raises(UserError, match="two tensors for one name: a_b/kernel"):
        read_weights(path, source_of("vggface", "vgg16"), source="vggface")


def test_dlibs_file_is_read_without_its_descriptor(dlib_path: Path) -> None:
    loaded = read_published(Backbone(name="dlib_resnet", weights="dlib"), folder=dlib_path.parent)
    assert loaded.not_used == ("descriptor/kernel",) and loaded.parameters == 5_581_824
    assert loaded.sha256.startswith("55533b28a95800a5")


@pytest.mark.parametrize(
    ("stored", "ours"),
    [("conv1_1/kernel:0", "conv1_1/kernel"), ("conv1/7x7_s2/bn/moving_mean:0", "conv1_7x7_s2_bn/moving_mean")],
)
def test_names_of_keras_2_become_ours(stored: str, ours: str) -> None:
    assert our_name(stored) == ours


def test_no_weights_cannot_be_read() -> None:
    with pytest.raises(UserError, match="no published weights 'none'"):
        read_published(Backbone(name="vgg16"), folder=None)
