"""SENet-50's parameters against counts of keras-vggface and of koenig2019."""

from __future__ import annotations

from agerepro.experiment.schema import Backbone, Classes
from agerepro.models.network import build_network


def test_parameters_are_those_of_keras_vggface_and_of_the_thesis() -> None:
    network = build_network(Backbone(name="senet50"), Classes(), outputs=100, size=224, seed=0)
    assert network.trunk.count_params() == 26_092_144  # keras-vggface 0.6 without top, counted by building it
    assert network.full.count_params() - 100 == 26_296_944  # koenig2019's count fits 100 outputs without bias; ours have one
