"""Weights as arrays, and their file: exact, byte-stable, and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from agerepro.config.learning import Classification
from agerepro.config.schema import Backbone
from agerepro.errors import UserError
from agerepro.io import digest_of_file
from agerepro.models.build import Network, build_network
from agerepro.models.pretrained import PRETRAINED, pretrained_weights
from agerepro.models.weights import (
    check_weight_file,
    load_arrays,
    load_matching,
    load_published,
    load_strict,
    our_name,
    read_keras_h5,
    read_published,
    read_weights,
    save_arrays,
    variables_by_name,
    weights_as_arrays,
)

Slim = Callable[..., Network]


def test_names_are_layer_and_variable(slim: Slim) -> None:
    network = slim()
    assert [*variables_by_name(network.full)][:3] == ["conv1_1/kernel", "conv1_1/bias", "conv1_2/kernel"]
    assert [*variables_by_name(network.head)] == ["dense1/kernel", "dense1/bias", "logits/kernel", "logits/bias"]
    assert [*variables_by_name(slim().full)] == [*variables_by_name(network.full)]  # a second network in one process


def test_arrays_are_copies(slim: Slim) -> None:
    network = slim()
    arrays = weights_as_arrays(network.full)
    kept = arrays["logits/bias"].copy()
    variables_by_name(network.full)["logits/bias"].assign(kept + 1)
    np.testing.assert_array_equal(arrays["logits/bias"], kept)


def test_a_file_gives_back_every_bit_whatever_the_order(tmp_path: Path) -> None:
    arrays = {"b/kernel": np.float32([[1e-45, -0.0], [np.pi, 3e38]]), "a/bias": np.float32([1]), "a/step": np.int64(3)}
    save_arrays(tmp_path / "one.npz", arrays)
    save_arrays(tmp_path / "two.npz", dict(reversed(arrays.items())))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    again = load_arrays(tmp_path / "one.npz")
    assert {name: (array.dtype, array.tobytes()) for name, array in again.items()} == {
        name: (array.dtype, array.tobytes()) for name, array in arrays.items()
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


def test_damage_is_noticed(tmp_path: Path) -> None:
    content = save_arrays(tmp_path / "w.npz", {"a/kernel": np.ones(100, np.float32)}).read_bytes()
    flipped = bytearray(content)
    flipped[250] ^= 1
    for name, damaged in (("cut", content[:-30]), ("flipped", bytes(flipped)), ("empty", b""), ("text", b"not weights")):
        (tmp_path / f"{name}.npz").write_bytes(damaged)
        with pytest.raises(UserError, match=rf"{name}\.npz is damaged"):
            load_arrays(tmp_path / f"{name}.npz")
    np.save(tmp_path / "bare.npy", np.ones(2))
    (tmp_path / "bare.npy").rename(tmp_path / "bare.npz")
    with pytest.raises(UserError, match=r"bare\.npz is damaged"):
        load_arrays(tmp_path / "bare.npz")


def test_absence_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.npz does not exist"):
        load_arrays(tmp_path / "absent.npz")


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        save_arrays(tmp_path / "w.h5", {})


HEAD = ("dense1/kernel", "dense1/bias", "logits/kernel", "logits/bias")


@pytest.mark.parametrize(("part", "fresh"), [("backbone", HEAD), ("dense", HEAD[2:]), ("all", ())])
def test_what_is_asked_for_is_copied_and_the_rest_stays_fresh(part, fresh: tuple[str, ...], slim: Slim) -> None:
    earlier, network = weights_as_arrays(slim(seed=1).full), slim(seed=2)
    before = weights_as_arrays(network.full)
    transfer = load_matching(earlier, network, part=part)
    assert transfer.fresh == transfer.unused == fresh and set(transfer.copied) == set(earlier) - set(fresh)
    for name, array in weights_as_arrays(network.full).items():
        np.testing.assert_array_equal(array, before[name] if name in fresh else earlier[name], err_msg=name)


def test_layers_of_another_shape_stay_fresh_bias_and_all(slim: Slim) -> None:
    earlier, network = weights_as_arrays(slim(outputs=9, dense=(8,)).full), slim(outputs=5, dense=(8,))
    assert load_matching(earlier, network, part="all").fresh == HEAD[2:]
    earlier["dense1/kernel"] = earlier["dense1/kernel"][1:]  # the bias alone would fit
    assert load_matching(earlier, network, part="all").fresh == HEAD


def test_a_backbone_that_does_not_fit_is_refused_with_a_full_list_and_unchanged(slim: Slim) -> None:
    earlier, network = weights_as_arrays(slim(seed=1).full), slim(seed=2)
    before = weights_as_arrays(network.full)
    del earlier["conv1_1/bias"]
    earlier["conv5_3/kernel"] = earlier["conv5_3/kernel"][:1]
    with pytest.raises(UserError) as error:
        load_matching(earlier, network, part="all")
    assert all(fact in str(error.value) for fact in ("conv1_1/bias", "conv5_3/kernel", "1x3x64x64", "3x3x64x64")), error.value
    for name, array in weights_as_arrays(network.full).items():
        np.testing.assert_array_equal(array, before[name])


def test_assigning_all_restores_a_network_and_notices_what_is_left_over(slim: Slim) -> None:
    earlier, network = weights_as_arrays(slim(seed=1).full), slim(seed=2)
    load_strict(network.full, earlier, source="stage imdb")
    for name, array in weights_as_arrays(network.full).items():
        np.testing.assert_array_equal(array, earlier[name])
    with pytest.raises(UserError, match=r"stage imdb.*vgg16.*extra/kernel"):
        load_strict(network.full, earlier | {"extra/kernel": np.ones(1)}, source="stage imdb")


NESTED = [("input_1", []), ("conv1/7x7_s2", ["conv1/7x7_s2/kernel:0"]), ("conv1/7x7_s2/bn", ["conv1/7x7_s2/bn/gamma:0"])]
TENSORS = {"conv1/7x7_s2/kernel:0": np.arange(6, dtype=np.float32).reshape(2, 3), "conv1/7x7_s2/bn/gamma:0": np.float32([7, 8])}


def test_layers_whose_names_nest_are_kept_apart(tmp_path: Path, write_h5: Any) -> None:
    tensors, unread = read_keras_h5(write_h5(tmp_path / "w.h5", NESTED, TENSORS))
    assert list(tensors) == list(TENSORS) and unread == ()
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], array)


def test_layers_without_use_are_left_unread_by_exact_name(tmp_path: Path, write_h5: Any) -> None:
    tensors, unread = read_keras_h5(write_h5(tmp_path / "w.h5", NESTED, TENSORS), not_used=("conv1/7x7_s2",))
    assert list(tensors) == ["conv1/7x7_s2/bn/gamma:0"] and unread == ("conv1/7x7_s2/kernel:0",)


def test_names_may_be_text_and_come_in_pieces(tmp_path: Path, write_h5: Any) -> None:
    path = write_h5(tmp_path / "w.h5", NESTED, TENSORS)
    with h5py.File(path, "a") as file:
        names = [name.decode() for name in file.attrs["layer_names"]]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:2], names[2:]
    assert list(read_keras_h5(path)[0]) == list(TENSORS)


def test_a_damaged_file_is_named(tmp_path: Path, write_h5: Any) -> None:
    content = write_h5(tmp_path / "w.h5", NESTED, TENSORS).read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.h5").write_text("not found")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with h5py.File(tmp_path / "incomplete.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
    for name in ("cut.h5", "text.h5", "other.h5", "incomplete.h5"):
        with pytest.raises(UserError, match=name):
            read_keras_h5(tmp_path / name)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.h5 does not exist"):
        read_keras_h5(tmp_path / "absent.h5")


def weight_file(path: Path, sizes: dict[str, int]) -> Path:
    """A file in Keras 2's layout, one kernel a layer; the numbers take no place on disk."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in sizes]
        for name, size in sizes.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode()]
            group.create_dataset(f"{name}/kernel:0", shape=(size,), dtype="f4")
    return path


@pytest.mark.parametrize(("source", "backbone"), [key for key, published in PRETRAINED.items() if published.files[0].endswith(".h5")])
def test_a_weight_file_is_checked_by_its_names_and_sizes(source: str, backbone: str, tmp_path: Path, any_digest: Any) -> None:
    any_digest(source, backbone)
    published = PRETRAINED[source, backbone]
    tops = dict.fromkeys(published.not_used, 4096)
    without, with_top = published.files
    check_weight_file(weight_file(tmp_path / without, {"conv1": published.parameters}))
    check_weight_file(weight_file(tmp_path / with_top, {"conv1": published.parameters, **tops}))
    for sizes in ({"conv1": published.parameters - 1}, {"conv1": published.parameters, "fc9": 1}, {}):
        with pytest.raises(UserError, match=rf"{without} .*not {published.parameters}"):
            check_weight_file(weight_file(tmp_path / without, sizes))


@pytest.mark.parametrize("backbone", ["resnet50_v1_5", "vgg16_bn"])
def test_a_safetensors_file_is_checked_by_its_names_and_sizes(
    backbone: str, tmp_path: Path, write_safetensors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(PRETRAINED["imagenet", backbone], parameters=6, digests={})
    monkeypatch.setitem(PRETRAINED, ("imagenet", backbone), small)
    path = tmp_path / small.files[0]
    tensors = {"features.0.weight": np.zeros((2, 3), np.float32), "features.1.num_batches_tracked": np.int64(3)}
    tops = {f"{layer}.weight": np.zeros(4, np.float32) for layer in small.not_used}
    check_weight_file(write_safetensors(path, tensors))
    check_weight_file(write_safetensors(path, {**tensors, **tops}))
    for wrong in ({**tensors, "fc9.weight": np.zeros(1, np.float32)}, tops, {}):
        with pytest.raises(UserError, match=rf"{path.name} .*not 6"):
            check_weight_file(write_safetensors(path, wrong))


@pytest.mark.parametrize(("algorithm", "name"), [("md5", "MD5"), ("sha256", "SHA-256")])
def test_a_file_with_another_digest_than_its_publishers_is_refused(
    algorithm: str, name: str, tmp_path: Path, write_safetensors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = PRETRAINED["imagenet", "resnet50_v1_5"]
    path = write_safetensors(tmp_path / row.files[0], {"conv1.weight": np.zeros((2, 3), np.float32)})
    right = hashlib.new(algorithm, path.read_bytes()).hexdigest()
    published, other = (replace(row, parameters=6, digests={path.name: f"{algorithm}:{digest}"}) for digest in (right, "0" * len(right)))
    monkeypatch.setitem(PRETRAINED, ("imagenet", "resnet50_v1_5"), published)
    check_weight_file(path)
    assert list(read_weights(path, published, source="imagenet").tensors) == ["conv1/kernel"]
    monkeypatch.setitem(PRETRAINED, ("imagenet", "resnet50_v1_5"), other)
    refusal = rf"{path.name} .*{name} is {right}, not 0000"
    with pytest.raises(UserError, match=refusal):
        check_weight_file(path)
    with pytest.raises(UserError, match=refusal):
        read_weights(path, other, source="imagenet")


def test_two_tensors_of_pytorch_with_one_name_are_refused(tmp_path: Path, write_safetensors: Any) -> None:
    tensors = {name: np.ones(2, np.float32) for name in ("a.b.bias", "a_b.bias")}
    published = replace(pretrained_weights("imagenet", "resnet50_v1_5"), digests={})
    with pytest.raises(UserError, match="two tensors for one name: a_b/bias"):
        read_weights(write_safetensors(tmp_path / "w.safetensors", tensors), published, source="imagenet")


def test_a_weight_file_that_is_a_web_page_cut_or_absent_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / PRETRAINED["vggface", "vgg16"].files[0]
    content = weight_file(path, {"conv1": 14_714_688}).read_bytes()
    for damaged in (b"<!DOCTYPE html><html>Not Found</html>", content[: len(content) // 2], b""):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=path.name):
            check_weight_file(path)
    path.unlink()
    for absent in (path, tmp_path / "dlib_face_recognition_resnet_model_v1.dat"):
        with pytest.raises(UserError, match=absent.name):
            check_weight_file(absent)


def test_dlibs_file_is_checked_by_size_and_header(dlib_path: Path, tmp_path: Path) -> None:
    check_weight_file(dlib_path)
    content, path = dlib_path.read_bytes(), tmp_path / dlib_path.name
    for damaged in (content[:-1], b"<html>" + content[6:], b"<html>"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=path.name):
            check_weight_file(path)


FILE = "rcmalli_vggface_tf_notop_vgg16.h5"
VGGFACE = Backbone(name="vgg16", weights="vggface")


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network(VGGFACE, Classification(), outputs={"logits": 3}, size=32, seed=0)


def test_every_tensor_of_the_file_stands_in_the_backbone(network: Network, vgg16_folder: Path) -> None:
    loaded = load_published(VGGFACE, network, folder=vgg16_folder)
    check_weight_file(vgg16_folder / FILE)
    with h5py.File(vgg16_folder / FILE) as file:
        for name, array in weights_as_arrays(network.backbone).items():
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
    assert FILE in text and "vgg16_backbone" in text
    assert "conv1_1/kernel is 3x3x1x64, not 3x3x3x64" in text and "conv9/kernel is left over" in text
    assert text.count("is missing") == 24 and "conv5_3/bias is missing" in text and "conv1_1/bias" not in text
    for name, array in weights_as_arrays(network.full).items():
        np.testing.assert_array_equal(array, before[name])


def test_only_the_named_top_layers_are_left_out(tmp_path: Path, write_h5: Any) -> None:
    names = ("fc6", "fc7", "fc8", "fc9")
    layers = [(name, [f"{name}/kernel:0"]) for name in names]
    path = write_h5(tmp_path / FILE, layers, {f"{name}/kernel:0": np.ones(2) for name in names})
    loaded = read_weights(path, pretrained_weights("vggface", "vgg16"), source="vggface")
    assert loaded.not_used == ("fc6/kernel:0", "fc7/kernel:0", "fc8/kernel:0") and list(loaded.tensors) == ["fc9/kernel"]


def test_two_tensors_of_one_name_are_refused(tmp_path: Path, write_h5: Any) -> None:
    layers = [("a/b", ["a/b/kernel:0"]), ("a_b", ["a_b/kernel:0"])]
    path = write_h5(tmp_path / FILE, layers, {"a/b/kernel:0": np.ones(2), "a_b/kernel:0": np.ones(2)})
    with pytest.raises(UserError, match="two tensors for one name: a_b/kernel"):
        read_weights(path, pretrained_weights("vggface", "vgg16"), source="vggface")


def test_dlibs_file_is_read_without_its_descriptor(dlib_path: Path) -> None:
    loaded = read_published(Backbone(name="dlib_resnet", weights="dlib"), folder=dlib_path.parent)
    assert loaded.not_used == ("descriptor/kernel",) and loaded.parameters == 5_581_824
    assert loaded.sha256.startswith("55533b28a95800a5")


@pytest.mark.parametrize(
    ("stored", "ours"),
    [
        ("conv1_1/kernel:0", "conv1_1/kernel"),
        ("conv1/7x7_s2/bn/moving_mean:0", "conv1_7x7_s2_bn/moving_mean"),
        ("block1_conv1_W_1:0", "block1_conv1/kernel"),
        ("fc1_b_1:0", "fc1/bias"),
    ],
)
def test_names_of_keras_2_and_1_become_ours(stored: str, ours: str) -> None:
    assert our_name(stored) == ours


def test_no_weights_cannot_be_read() -> None:
    with pytest.raises(UserError, match="no published weights 'none'"):
        read_published(Backbone(name="vgg16"), folder=None)
