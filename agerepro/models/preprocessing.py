"""The first layer of every model: RGB values 0..255 become what the weights were trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import keras

Order = Literal["rgb", "bgr"]
Divisor = float | tuple[float, float, float]  # of all channels, or of each in the preprocessing's order


@dataclass(frozen=True)
class Preprocessing:
    """(pixel in `order` - means) / divisor; `means` and a divisor of each channel are in that same order, in grey values."""

    order: Order
    means: tuple[float, float, float]
    divisor: Divisor


VGGFACE2 = Preprocessing("bgr", (91.4953, 103.8827, 131.0912), 1.0)  # keras-vggface, version 2
CAFFE = Preprocessing("bgr", (103.939, 116.779, 123.68), 1.0)  # ImageNet's means [Simonyan and Zisserman; keras.applications, "caffe"]
# torchvision divides by 255, subtracts (0.485, 0.456, 0.406) and divides by (0.229, 0.224, 0.225): the same in grey values.
TORCHVISION = Preprocessing("rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))

# (weights, backbone) -> what these weights expect. VGG-16 is published for VGGFace 1 only, whose means differ from VGGFace2's.
PREPROCESSING = {
    ("vggface", "vgg16"): Preprocessing("bgr", (93.5940, 104.7624, 129.1863), 1.0),  # keras-vggface, version 1
    ("vggface2", "resnet50"): VGGFACE2,
    ("vggface2", "senet50"): VGGFACE2,
    ("imagenet", "vgg16"): CAFFE,
    ("imagenet", "vgg16_bn"): TORCHVISION,
    ("imagenet", "resnet50_v1_5"): TORCHVISION,
    ("imagenet", "alexnet"): Preprocessing("bgr", (0.0, 0.0, 0.0), 1.0),  # the net's first layer is a batch norm [cvjena/cnn-models]
    ("dlib", "dlib_resnet"): Preprocessing("rgb", (122.782, 117.001, 104.298), 256.0),  # dlib's input_rgb_image_sized
}
# Without published weights: about unit variance for photos, which is what He's initialisation assumes.
PLAIN = Preprocessing("rgb", (127.5, 127.5, 127.5), 64.0)


@keras.saving.register_keras_serializable(package="agerepro")
class Preprocess(keras.layers.Layer):
    """(n, h, w, 3) RGB, uint8 or float 0..255 -> (n, h, w, 3) float32; always computed in float32, has no weights."""

    def __init__(self, order: Order, means: tuple[float, float, float], divisor: Divisor, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})
        self.order: Order = order
        self.means = tuple(means)
        self.divisor: Divisor = divisor if isinstance(divisor, int | float) else (divisor[0], divisor[1], divisor[2])

    def call(self, pixels: Any) -> Any:
        """Cast, order the channels, subtract the means, divide."""
        pixels = keras.ops.cast(pixels, "float32")
        if self.order == "bgr":
            pixels = keras.ops.flip(pixels, axis=-1)
        centred = pixels - keras.ops.convert_to_tensor(self.means, dtype="float32")
        return centred if self.divisor == 1.0 else centred / keras.ops.convert_to_tensor(self.divisor, dtype="float32")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's own shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """All numbers, so that a saved model is complete without our table."""
        return {**super().get_config(), "order": self.order, "means": list(self.means), "divisor": self.divisor}
