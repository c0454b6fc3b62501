"""Maps stretched and scaled, by hand and beside Keras's own resizing."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from agerepro.explain.heat import mean_maps, to_unit, upsampled


def test_upsampling_by_hand() -> None:
    # Centres at 0.5 and 1.5 of 2; those of 4 lie at 0.25, 0.75, 1.25, 1.75 of it: edge, 1/4, 3/4, edge.
    found = upsampled(np.array([[[0.0, 4.0], [8.0, 12.0]]]), 4)
    assert found[0, 0].tolist() == [0, 1, 3, 4]
    assert found[0, :, 0].tolist() == [0, 2, 6, 8]
    assert upsampled(np.full((1, 1, 1), 3.0), 2).tolist() == [[[3, 3], [3, 3]]]


@pytest.mark.parametrize(("height", "width", "size"), [(3, 3, 48), (7, 7, 224), (5, 4, 13), (14, 14, 14)])
def test_upsampling_is_keras_bilinear(height: int, width: int, size: int) -> None:
    maps = np.random.default_rng(0).normal(size=(2, height, width)).astype(np.float32)
    resized = keras.ops.image.resize(maps[..., None], (size, size), interpolation="bilinear")
    np.testing.assert_allclose(upsampled(maps, size), keras.ops.convert_to_numpy(resized)[..., 0], atol=1e-5)


def test_unit_maps_are_what_lies_above_zero_over_the_largest() -> None:
    maps = np.array([[[-2.0, 1.0], [4.0, 0.0]], [[-1.0, -3.0], [0.0, -2.0]]])
    assert to_unit(maps).tolist() == [[[0, 0.25], [1, 0]], [[0, 0], [0, 0]]]


def test_means_go_by_group() -> None:
    maps = np.array([[[1.0]], [[5.0]], [[3.0]]])
    means = mean_maps(maps, np.array(["18-29", "0-17", "18-29"]))
    assert {name: found.tolist() for name, found in means.items()} == {"0-17": [[5.0]], "18-29": [[2.0]]}
