"""The reader of Caffe's files: files written by Google's own library, every way to break one, and AlexNet in Caffe's layout by NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from agerepro.config.learning import Classification
from agerepro.config.schema import Backbone
from agerepro.errors import UserError
from agerepro.models import alexnet
from agerepro.models.build import Network, build_network
from agerepro.models.caffe_file import read_caffe, read_layers
from agerepro.models.pretrained import PRETRAINED
from agerepro.models.weights import LoadedWeights, check_weight_file, load_published, load_strict, read_weights

# caffe.proto: (field, number, type, packed); a type in capitals is another message, without its capitals one of Google's.
SCHEMA = {
    "BlobShape": [("dim", 1, "int64", True)],
    "BlobProto": [
        *((side, number, "int64", None) for number, side in enumerate(("num", "channels", "height", "width"), start=1)),
        ("data", 5, "float", True),
        ("diff", 6, "float", True),
        ("shape", 7, "BlobShape", None),
        ("double_data", 8, "double", True),
        ("double_diff", 9, "double", True),
    ],
    "ParamSpec": [("lr_mult", 3, "float", None)],
    "LayerParameter": [
        ("name", 1, "string", None),
        ("type", 2, "string", None),
        ("bottom", 3, "string", False),
        ("top", 4, "string", False),
        ("loss_weight", 5, "float", False),
        ("param", 6, "ParamSpec", False),
        ("blobs", 7, "BlobProto", False),
        ("phase", 10, "int64", None),
    ],
    "NetParameter": [("name", 1, "string", None), ("layers", 2, "LayerParameter", False), ("layer", 100, "LayerParameter", False)],
}
Blobs = Sequence[np.ndarray]
Layers = Sequence[tuple[str, str, Blobs]]  # name, type, tensors


def message_types() -> dict[str, Any]:
    """Classes of Google's library for SCHEMA, whose `packed` is True or False for lists and None for single values."""
    field_type = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, number, kind, packed in fields:
            entry = message.field.add(name=field, number=number)
            entry.label = field_type.LABEL_OPTIONAL if packed is None else field_type.LABEL_REPEATED
            if kind in SCHEMA:
                entry.type, entry.type_name = field_type.TYPE_MESSAGE, f".caffe.{kind}"
            else:
                entry.type = getattr(field_type, f"TYPE_{kind.upper()}")
            if packed:
                entry.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}")) for name in SCHEMA}


CAFFE = message_types()


def network_of(layers: Layers) -> Any:
    network = CAFFE["NetParameter"](name="AlexNet")
    network.layer.add(name="data", type="ImageData", top=["data", "label"], phase=0)
    for name, type_, blobs in layers:
        layer = network.layer.add(name=name, type=type_, bottom=["before"], top=[name], loss_weight=[0.0])
        layer.param.add(lr_mult=1.0)
        for array in blobs:
            blob = layer.blobs.add()
            blob.shape.dim.extend(array.shape)
            (blob.double_data if array.dtype == np.float64 else blob.data).extend(array.ravel())
    network.layer.add(name="loss", type="SoftmaxWithLoss", bottom=["fc8", "label"], top=["loss"])
    return network


def write(path: Path, layers: Layers) -> Path:
    path.write_bytes(network_of(layers).SerializeToString())
    return path


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


SMALL: Layers = (
    ("conv1", "Convolution", [numbers(4, 3, 2, 5), numbers(4)]),
    ("conv1/bn", "BatchNorm", [numbers(4), abs(numbers(4)), np.array([8], np.float32)]),
    ("conv1/scale", "Scale", [numbers(4), numbers(4)]),
    ("fc6", "InnerProduct", [numbers(7, 4 * 6), numbers(7)]),
    ("fc7", "InnerProduct", [numbers(2, 7), numbers(2)]),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "w.caffemodel", SMALL)


def test_every_tensor_comes_back_in_keras_layout(path: Path) -> None:
    tensors, unread = read_caffe(path)
    by_name = {name: blobs for name, _, blobs in SMALL}
    kernel = by_name["conv1"][0]
    expected = {
        "conv1/kernel": np.array([[[[kernel[o, i, y, x] for o in range(4)] for i in range(3)] for x in range(5)] for y in range(2)]),
        "conv1/bias": by_name["conv1"][1],
        "conv1/bn/moving_mean": by_name["conv1/bn"][0] / 8,
        "conv1/bn/moving_variance": by_name["conv1/bn"][1] / 8,
        "conv1/scale/gamma": by_name["conv1/scale"][0],
        "conv1/scale/beta": by_name["conv1/scale"][1],
        "fc6/kernel": by_name["fc6"][0].reshape(7, 4, 2, 3).transpose(2, 3, 1, 0).reshape(24, 7),
        "fc6/bias": by_name["fc6"][1],
        "fc7/kernel": by_name["fc7"][0].T,
        "fc7/bias": by_name["fc7"][1],
    }
    assert unread == () and list(tensors) == list(expected)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(tensor, expected[name])
        assert tensor.dtype == np.float32 and tensor.flags.c_contiguous
    assert {layer.name: layer.size for layer in read_layers(path)} == {"conv1": 124, "conv1/bn": 8, "conv1/scale": 8, "fc6": 175, "fc7": 16}


def test_a_layer_without_use_is_left_unread_by_exact_name_and_still_orders_the_next(path: Path) -> None:
    whole, _ = read_caffe(path)
    tensors, unread = read_caffe(path, not_used=("conv1", "fc"))
    assert unread == ("conv1/kernel", "conv1/bias") and set(whole) - set(tensors) == set(unread)
    np.testing.assert_array_equal(tensors["fc6/kernel"], whole["fc6/kernel"])


def test_averages_of_nothing_are_zero_as_in_caffe(path: Path) -> None:
    write(path, [("bn", "BatchNorm", [numbers(3), numbers(3), np.zeros(1, np.float32)])])
    assert all((tensor == 0).all() for tensor in read_caffe(path)[0].values())


def test_doubles_and_layers_without_bias_are_read(path: Path) -> None:
    exact = np.random.default_rng(0).normal(size=(2, 3))
    write(path, [("fc", "InnerProduct", [exact])])
    tensors, _ = read_caffe(path)
    assert list(tensors) == ["fc/kernel"]
    np.testing.assert_array_equal(tensors["fc/kernel"], exact.T.astype(np.float32))


def test_shapes_of_four_sides_are_those_of_older_files(path: Path) -> None:
    expected, _ = read_caffe(path)
    network = network_of(SMALL)
    for layer in network.layer:
        for blob in layer.blobs:
            sides = [1] * (4 - len(blob.shape.dim)) + list(blob.shape.dim)
            blob.ClearField("shape")
            blob.num, blob.channels, blob.height, blob.width = sides
    path.write_bytes(network.SerializeToString())
    tensors, _ = read_caffe(path)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(tensor, expected[name])


def test_gradients_beside_the_weights_are_passed_over(path: Path) -> None:
    network = network_of(SMALL)
    for layer in network.layer:
        for blob in layer.blobs:
            blob.diff.extend([9.0] * len(blob.data))
            blob.double_diff.extend([9.0])
    expected, _ = read_caffe(path)
    path.write_bytes(network.SerializeToString() + bytes([9 << 3 | 1]) + bytes(8) + bytes([9 << 3 | 5]) + bytes(4))  # 8 and 4 fixed bytes
    tensors, _ = read_caffe(path)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(tensor, expected[name])


def test_a_file_cut_anywhere_is_refused_or_lacks_whole_layers(path: Path) -> None:
    content, whole = path.read_bytes(), read_layers(path)
    lacking = []
    for length in range(len(content)):
        path.write_bytes(content[:length])
        try:
            layers = read_layers(path)
        except UserError as error:
            assert "w.caffemodel is no .caffemodel file, or damaged" in str(error)
        else:
            lacking.append(len(layers))
            assert layers == whole[: len(layers)]
    assert lacking == [1, 2, 3, 4, 5]  # a cut behind a layer; which are left, `check_weight_file` counts


def changed(change: Callable[[Any], Any]) -> bytes:
    """SMALL after a change to its message."""
    network = network_of(SMALL)
    change(network)
    return network.SerializeToString()


def varint(number: int) -> bytes:
    """Google's own, from a field that holds one."""
    return CAFFE["BlobProto"](num=number).SerializeToString()[1:]


def field(number: int, wire: int, content: bytes) -> bytes:
    return varint(number << 3 | wire) + (varint(len(content)) if wire == 2 else b"") + content


def net_with(layer: bytes) -> bytes:
    return field(100, 2, layer)


def scale_layer(blob: bytes) -> bytes:
    """A layer with one tensor, in bytes that Google's library would not write."""
    return net_with(field(1, 2, b"s") + field(2, 2, b"Scale") + field(7, 2, blob))


ONE = np.ones(1, np.float32).tobytes()
SHAPE_1 = field(7, 2, field(1, 2, varint(1)))
BROKEN: Mapping[str, bytes] = {
    "empty": b"",
    "web page": b"<!DOCTYPE html><html>Not Found</html>",
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(88),
    "pickle": b"\x80\x02}q\x00(X\x05\x00\x00\x00conv1",
    "another message": CAFFE["BlobProto"](num=3).SerializeToString(),
    "no layer": CAFFE["NetParameter"](name="AlexNet").SerializeToString(),
    "no layer with tensors": network_of([]).SerializeToString(),
    "layers of 2013": changed(lambda n: n.layers.add(name="conv1")),
    "longer by zeros": changed(lambda n: n) + bytes(2),
    "wire type 3": changed(lambda n: n) + field(9, 3, b""),
    "wire type 4": changed(lambda n: n) + field(9, 4, b""),
    "wire type 6": changed(lambda n: n) + field(9, 6, b""),
    "wire type 7": changed(lambda n: n) + field(9, 7, b""),
    "field 0": changed(lambda n: n) + b"\x02\x00",
    "a number without end": changed(lambda n: n) + field(9, 0, b"\xff" * 20),
    "a length beyond the end": changed(lambda n: n) + varint(9 << 3 | 2) + varint(2**62),
    "a layer that is a number": field(100, 0, varint(7)),
    "a name that is a number": net_with(field(1, 0, varint(7)) + field(7, 2, b"")),
    "two names": net_with(field(1, 2, b"a") + field(1, 2, b"b") + field(2, 2, b"Scale") + field(7, 2, SHAPE_1 + field(5, 2, ONE))),
    "no type": changed(lambda n: n.layer[1].ClearField("type")),
    "a name that is no UTF-8": net_with(field(1, 2, b"\xff") + field(2, 2, b"Scale") + field(7, 2, SHAPE_1 + field(5, 2, ONE))),
    "a type that we do not know": changed(lambda n: setattr(n.layer[1], "type", "PReLU")),
    "one name twice": network_of([*SMALL, SMALL[0]]).SerializeToString(),
    "too many tensors": changed(lambda n: n.layer[1].blobs.add()),
    "averages without factor": changed(lambda n: n.layer[2].blobs.pop()),
    "a factor of two numbers": network_of([("bn", "BatchNorm", [numbers(2)] * 3)]).SerializeToString(),
    "a shape of more numbers": changed(lambda n: n.layer[1].blobs[0].shape.dim.__setitem__(0, 5)),
    "a shape of fewer numbers": changed(lambda n: n.layer[1].blobs[0].shape.dim.__setitem__(0, 3)),
    "a negative shape": changed(lambda n: n.layer[1].blobs[0].shape.dim.__setitem__(slice(0, 2), [-4, -3])),
    "an empty shape": network_of([("s", "Scale", [np.zeros(0, np.float32)])]).SerializeToString(),
    "a kernel of two axes": network_of([("c", "Convolution", [numbers(4, 3)])]).SerializeToString(),
    "a kernel of five axes": network_of([("c", "Convolution", [numbers(2, 4, 3, 2, 2)])]).SerializeToString(),
    "a single number": network_of([("s", "Scale", [np.array(1, np.float32)])]).SerializeToString(),
    "33 axes": scale_layer(field(7, 2, field(1, 2, varint(1) * 33)) + field(5, 2, ONE)),
    "no shape": scale_layer(field(5, 2, ONE)),
    "no numbers": scale_layer(SHAPE_1),
    "numbers one by one": scale_layer(SHAPE_1 + field(5, 5, ONE)),
    "numbers in two pieces": scale_layer(field(7, 2, field(1, 2, varint(2))) + field(5, 2, ONE) + field(5, 2, ONE)),
    "a broken float": scale_layer(SHAPE_1 + field(5, 2, ONE[:3])),
    "floats and doubles": scale_layer(SHAPE_1 + field(5, 2, ONE) + field(8, 2, ONE * 2)),
    "a map of other channels": network_of([SMALL[0], ("fc", "InnerProduct", [numbers(2, 6)])]).SerializeToString(),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_is_refused_by_name(how: str, path: Path) -> None:
    path.write_bytes(BROKEN[how])
    for read in (read_layers, read_caffe):
        with pytest.raises(UserError, match=r"w\.caffemodel is no \.caffemodel file, or damaged \(.+\): remove it and fetch it again"):
            read(path)


def test_bytes_drawn_at_random_are_refused_or_read(path: Path) -> None:
    """Nothing but UserError, whatever a byte becomes."""
    content, rng = bytearray(path.read_bytes()), np.random.default_rng(0)
    refused = 0
    for at, value in zip(rng.integers(0, len(content), 1000), rng.integers(0, 256, 1000), strict=True):
        path.write_bytes(bytes(content[:at]) + bytes([value]) + bytes(content[at + 1 :]))
        try:
            read_layers(path)
        except UserError:
            refused += 1
    assert 100 < refused < 1000


def test_an_absent_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.caffemodel does not exist"):
        read_caffe(tmp_path / "absent.caffemodel")
    with pytest.raises(UserError, match=f"{tmp_path} cannot be read"):
        read_layers(tmp_path)


# Caffe's own computation, photos x channels x rows x columns, in float64.
EPSILON = 1e-5  # BatchNormParameter's default
# AlexNet_cvgj/deploy.prototxt: (outputs, kernel, stride, pad, group, max-pool behind)
PUBLISHED = ((96, 11, 4, 0, 1, True), (256, 5, 1, 2, 2, True), (384, 3, 1, 1, 1, False), (384, 3, 1, 1, 2, False), (256, 3, 1, 1, 2, True))
SIZE = 99  # pixels: the last max-pool leaves 2x2, so that the order of flattening shows
UNITS = 512  # in place of 4,096, whose files take seconds to write


def convolution(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, *, stride: int, pad: int, group: int) -> np.ndarray:
    """Group g: its share of the outputs from its share of the inputs."""
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    outputs, inputs = kernel.shape[:2]
    share = outputs // group
    maps = [
        np.einsum(
            "ncijyx,ocyx->noij",
            windows[:, g * inputs : (g + 1) * inputs],
            kernel[g * share : (g + 1) * share].astype(np.float64),
            optimize=True,
        )
        for g in range(group)
    ]
    return np.concatenate(maps, axis=1) + bias[:, None, None]


def batch_norm(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, factor: np.ndarray) -> np.ndarray:
    scale = 0 if factor[0] == 0 else 1 / np.float64(factor[0])
    axes = (-1, *(1,) * (x.ndim - 2))
    return (x - (mean * scale).reshape(axes)) / np.sqrt((variance * scale).reshape(axes) + EPSILON)


def max_pool(x: np.ndarray) -> np.ndarray:
    """3x3, stride 2; a window over the border counts, as Caffe rounds up."""
    x = np.pad(x, [(0, 0), (0, 0), *((0, (side - 3) % 2) for side in x.shape[2:])], constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, ::2].max(axis=(4, 5))


def by_caffe(photos: np.ndarray, layers: Layers) -> dict[str, np.ndarray]:
    """RGB photos, n x rows x columns x 3 -> what each of our layers that end in a ReLU should give, in our order of axes."""
    blobs = {name: tensors for name, _, tensors in layers}
    x = photos[..., ::-1].transpose(0, 3, 1, 2).astype(np.float64)  # OpenCV reads blue first; nothing is subtracted
    gamma, beta = blobs["data/scale"]
    x = batch_norm(x, *blobs["data/bn"]) * gamma[:, None, None] + beta[:, None, None]
    seen = {}
    for n, (_, _, stride, pad, group, pooled) in enumerate(PUBLISHED, start=1):
        x = convolution(x, *blobs[f"conv{n}"], stride=stride, pad=pad, group=group)
        x = np.maximum(batch_norm(x, *blobs[f"conv{n}/bn"]), 0)
        seen[f"conv{n}_relu"] = x.transpose(0, 2, 3, 1)
        x = max_pool(x) if pooled else x
    x = x.reshape(len(x), -1)
    for name in ("fc6", "fc7"):
        kernel, bias = blobs[name]
        x = seen[f"{name}_relu"] = np.maximum(batch_norm(x @ kernel.T.astype(np.float64) + bias, *blobs[f"{name}/bn"]), 0)
    return seen


def drawn_alexnet() -> Layers:
    """The published net's layers, all tensors drawn; averages times a factor, as Caffe keeps them."""
    rng = np.random.default_rng(7)

    def normal(*shape: int, mean: float = 0, spread: float = 1) -> np.ndarray:
        return (mean + spread * rng.standard_normal(shape)).astype(np.float32)

    def averages(channels: int, mean: float, variance: float) -> Blobs:
        factor = np.float32(rng.uniform(5, 15))
        spread = np.sqrt(variance)
        variances = variance * np.exp(normal(channels, spread=0.2))
        return [factor * normal(channels, mean=mean, spread=0.1 * spread), factor * variances, np.array([factor])]

    layers: list[tuple[str, str, Blobs]] = [
        ("data/bn", "BatchNorm", averages(3, mean=115, variance=5000)),
        ("data/scale", "Scale", [normal(3, mean=1, spread=0.1), normal(3, spread=0.1)]),
    ]
    inputs = 3
    for n, (outputs, size, _, _, group, _) in enumerate(PUBLISHED, start=1):
        fan_in = inputs // group * size**2
        kernel = normal(outputs, inputs // group, size, size, spread=np.sqrt(2 / fan_in))
        layers += [
            (f"conv{n}", "Convolution", [kernel, normal(outputs, spread=0.1)]),
            (f"conv{n}/bn", "BatchNorm", averages(outputs, mean=0, variance=1)),
        ]
        inputs = outputs
    inputs *= 4  # 2x2 places
    for name in ("fc6", "fc7"):
        kernel = normal(UNITS, inputs, spread=np.sqrt(2 / inputs))
        layers += [(name, "InnerProduct", [kernel, normal(UNITS, spread=0.1)]), (f"{name}/bn", "BatchNorm", averages(UNITS, 0, 1))]
        inputs = UNITS
    return [*layers, ("fc8", "InnerProduct", [normal(5, UNITS), normal(5)])]


Case = tuple[Network, LoadedWeights, Layers, Path]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """AlexNet at 99 pixels, its convolutions at full width, its weights read from a file under the published name."""
    layers = drawn_alexnet()
    row = PRETRAINED["imagenet", "alexnet"]
    path = write(tmp_path_factory.mktemp("weights") / row.files[0], layers)
    backbone = Backbone(name="alexnet", weights="imagenet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alexnet, "UNITS", UNITS)
        network = build_network(backbone, Classification(), outputs={"logits": 3}, size=SIZE, seed=0)
        small = replace(row, digests={}, parameters=network.backbone.count_params())
        patch.setitem(PRETRAINED, ("imagenet", "alexnet"), small)
        check_weight_file(path)
        yield network, load_published(backbone, network, folder=path.parent), layers, path


def test_every_layer_of_alexnet_equals_caffes_computation(case: Case) -> None:
    network, _, layers, _ = case
    photos = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    expected = by_caffe(photos, layers)
    assert expected["conv5_relu"].shape == (2, 5, 5, 256) and expected["fc7_relu"].shape == (2, UNITS)
    probe = keras.Model(network.full.inputs[0], [network.full.get_layer(layer).output for layer in expected])
    for (layer, theirs), ours in zip(expected.items(), probe(photos), strict=True):
        assert theirs.std() > 0.05, layer
        assert np.linalg.norm(ours - theirs) < 1e-5 * np.linalg.norm(theirs), layer
    np.testing.assert_array_equal(network.backbone(photos), probe(photos)[-1])


def test_all_of_the_file_but_fc8_is_used_and_counted(case: Case) -> None:
    network, loaded, layers, _ = case
    assert loaded.not_used == ("fc8/kernel", "fc8/bias")
    factors = sum(type_ == "BatchNorm" for _, type_, _ in layers)
    numbers = sum(array.size for name, _, blobs in layers for array in blobs if name != "fc8")
    assert loaded.parameters == network.backbone.count_params() == numbers - factors


@pytest.mark.parametrize(
    ("layer", "mistake"),
    {
        "fc6": lambda kernel: kernel.reshape(-1, 256, 4).transpose(0, 2, 1).reshape(-1, 1024),  # flattened by places first
        "conv2": lambda kernel: np.concatenate([kernel[128:], kernel[:128]]),  # the groups exchanged
        "conv1": lambda kernel: kernel[:, ::-1],  # red and blue exchanged
    }.items(),
    ids=["flattening", "groups", "colours"],
)
def test_a_mistake_in_the_layout_is_noticed(layer: str, mistake: Callable[[np.ndarray], np.ndarray], case: Case) -> None:
    network, loaded, layers, _ = case
    mistaken = [(name, type_, [mistake(blobs[0]), blobs[1]] if name == layer else blobs) for name, type_, blobs in layers]
    photos = np.random.default_rng(1).integers(0, 256, (1, SIZE, SIZE, 3), dtype=np.uint8)
    theirs, ours = by_caffe(photos, mistaken)["fc7_relu"], keras.ops.convert_to_numpy(network.backbone(photos))
    assert loaded.source == "imagenet" and np.linalg.norm(ours - theirs) > 0.1 * np.linalg.norm(theirs)


def test_a_published_file_that_lacks_a_layer_is_refused(case: Case, tmp_path: Path) -> None:
    network, loaded, layers, path = case
    row = PRETRAINED["imagenet", "alexnet"]
    cut = write(tmp_path / path.name, [layer for layer in layers if layer[0] != "fc7/bn"])
    with pytest.raises(UserError, match=rf"{cut.name} holds {loaded.parameters - 2 * UNITS} parameters, not {loaded.parameters}"):
        check_weight_file(cut)
    with pytest.raises(UserError, match=r"fc7_bn/moving_mean is missing; fc7_bn/moving_variance is missing"):
        load_strict(network.backbone, read_weights(cut, row, source="imagenet").tensors, source=cut.name)


def test_groups_of_a_convolution_have_kerass_order() -> None:
    """Caffe's formula, one output at a time: output o is of group o // 2 and sees the inputs of that group alone."""
    kernel, photo = numbers(4, 3, 1, 1), numbers(1, 5, 5, 6)
    layer = keras.layers.Conv2D(4, 1, groups=2, use_bias=False)
    layer.build(photo.shape)
    layer.kernel.assign(kernel.transpose(2, 3, 1, 0))
    expected = np.stack([photo[0, :, :, 3 * (o // 2) : 3 * (o // 2) + 3] @ kernel[o, :, 0, 0] for o in range(4)], axis=2)
    np.testing.assert_allclose(layer(photo)[0], expected, rtol=1e-5, atol=1e-6)
