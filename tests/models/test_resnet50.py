"""ResNet-50's parameters against counts of keras-vggface and of koenig2019."""

from __future__ import annotations

from agerepro.experiment.schema import Backbone, Classes
from agerepro.models.network import build_network


def test_parameters_are_those_of_keras_vggface() -> None:
    network = build_network(Backbone(name="resnet50"), Classes(), outputs=100, size=224, seed=0)
    assert network.trunk.count_params() == 23_561_152  # keras-vggface 0.6 without top, counted by building it
    assert network.full.count_params() == 23_561_152 + 2048 * 100 + 100


def test_the_thesis_count_matches_another_resnet50_only() -> None:
    """koenig2019 prints 23,867,786. No plain head on the VGGFace net has that many.

    The only simple match is the sum below, with ImageNet's ResNet-50. It is arithmetic, not a fact about what was run.
    """
    imagenet = 23_587_712  # ResNet50 of keras.applications without top, its convolutions with bias
    head = (2048 * 128 + 128) + (128 * 128 + 128) + (128 * 10 + 10)
    assert imagenet + head == 23_867_786
    biases = 64 + 3 * 6 * 64 + 4 * 6 * 128 + 6 * 6 * 256 + 3 * 6 * 512 + 4 * (64 + 128 + 256 + 512)
    assert imagenet - biases == 23_561_152  # the two bases differ by the convolutions' biases
    assert 23_867_786 - 23_561_152 != 2048 * 100  # what the head that fits SENet-50 would need
