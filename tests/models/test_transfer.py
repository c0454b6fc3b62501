"""Weights from stage to stage: the trunk whole or not at all, the rest as asked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agerepro.errors import UserError
from agerepro.models.arrays import weights_as_arrays
from agerepro.models.network import Network
from agerepro.models.transfer import assign_all, copy_matching

Slim = Callable[..., Network]
HEAD = ("dense1/kernel", "dense1/bias", "logits/kernel", "logits/bias")


@pytest.mark.parametrize(("part", "fresh"), [("trunk", HEAD), ("dense", HEAD[2:]), ("all", ())])
def test_what_is_asked_for_is_copied_and_the_rest_stays_fresh(part, fresh: tuple[str, ...], slim: Slim) -> None:
    earlier, network = weights_as_arrays(slim(seed=1).full), slim(seed=2)
    before = weights_as_arrays(network.full)
    transfer = copy_matching(earlier, network, part=part)
    assert transfer.fresh == transfer.unused == fresh and set(transfer.copied) == set(earlier) - set(fresh)
    for name, array in weights_as_arrays(network.full).items():
        np.testing.assert_array_equal(array, before[name] if name in fresh else earlier[name], err_msg=name)


def test_layers_of_another_shape_stay_fresh_bias_and_all(slim: Slim) -> None:
    earlier, network = weights_as_arrays(slim(outputs=9, dense=(8,)).full), slim(outputs=5, dense=(8,))
    assert copy_matching(earlier, network, part="all").fresh == HEAD[2:]
    earlier["dense1/kernel"] = earlier["dense1/kernel"][1:]  # the bias alone would fit
    assert copy_matching(earlier, network, part="all").fresh == HEAD


def test_a_trunk_that_does_not_fit_is_refused_with_a_full_list_and_unchanged(slim: Slim) -> None:
    earlier, network = weights_as_arrays(slim(seed=1).full), slim(seed=2)
    before = weights_as_arrays(network.full)
    del earlier["conv1_1/bias"]
    earlier["conv5_3/kernel"] = earlier["conv5_3/kernel"][:1]
    with pytest.raises(UserError) as error:
        copy_matching(earlier, network, part="all")
    assert "conv1_1/bias is missing; conv5_3/kernel is 1x3x64x64, not 3x3x64x64." in str(error.value)
    for name, array in weights_as_arrays(network.full).items():
        np.testing.assert_array_equal(array, before[name])


def test_assigning_all_restores_a_network_and_notices_what_is_left_over(slim: Slim) -> None:
    earlier, network = weights_as_arrays(slim(seed=1).full), slim(seed=2)
    assign_all(network.full, earlier, source="stage imdb")
    for name, array in weights_as_arrays(network.full).items():
        np.testing.assert_array_equal(array, earlier[name])
    with pytest.raises(UserError, match=r"The weights in stage imdb do not fit vgg16: extra/kernel is left over\."):
        assign_all(network.full, earlier | {"extra/kernel": np.ones(1)}, source="stage imdb")
