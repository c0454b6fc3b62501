"""pan2018's equations on numbers by hand; a wrong sign, factor or term is seen by the differences."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from agerepro.published.pan2018 import equations as eq

P = np.array([[0.25, 0.5, 0.25], [0.0, 0.5, 0.5]])  # means 2 and 2.5, variances 0.5 and 0.25
LABELS = np.array([3.0, 2.0])
BATCH = eq.example_batch()
PROBABLE = eq.softmax(BATCH.z)


def test_means_variances_and_losses_by_hand():
    assert eq.means(P)[:, 0].tolist() == [2, 2.5]
    assert eq.variances(P)[:, 0].tolist() == [0.5, 0.25]
    assert eq.mean_loss(P, LABELS) == pytest.approx((1 + 0.25) / 4)
    assert eq.variance_loss(P) == pytest.approx(0.375)
    assert eq.softmax_loss(P, LABELS) == pytest.approx(-(np.log(0.25) + np.log(0.5)) / 2)
    assert eq.joint_loss_by_photo(P, LABELS, (0.2, 0.05)) == pytest.approx(1.0397208 + 0.2 * 0.3125 + 0.05 * 0.375)


def test_gradients_by_hand():
    assert eq.equation_11(P, LABELS).tolist() == [[0.125, 0, -0.125], [0, -0.0625, 0.0625]]
    assert eq.equation_14(P).tolist() == [[0.0625, -0.125, 0.0625], [0, 0, 0]]


@pytest.mark.parametrize(
    "wrong",
    [
        -eq.equation_11(PROBABLE, BATCH.labels),
        2 * eq.equation_11(PROBABLE, BATCH.labels),
        eq.equation_11(PROBABLE, BATCH.labels + 0.001),
        eq.equation_8(PROBABLE, BATCH.labels),  # by p, not by z
    ],
)
def test_a_wrong_gradient_of_the_mean_loss_is_seen(wrong):
    assert not eq.near(wrong, eq.gradient_by_z("mean", BATCH))


def test_a_wrong_gradient_of_the_variance_loss_is_seen():
    without_alpha = eq.equation_14(PROBABLE) + PROBABLE * eq.variances(PROBABLE) / len(PROBABLE)
    assert not eq.near(without_alpha, eq.gradient_by_z("variance", BATCH))
    assert not eq.near(eq.equation_12_short(PROBABLE) * 2, eq.gradient_by_p("variance", BATCH))


def test_the_drawn_batch_has_labels_on_both_sides_of_the_mean_and_classes_in_and_out_of_the_deviation():
    above = eq.means(PROBABLE)[:, 0] < BATCH.labels
    assert above.any() and not above.all()
    assert eq.within_deviation(PROBABLE).any(axis=1).all() and not eq.within_deviation(PROBABLE).all(axis=1).any()


def test_the_printed_rho_is_1_for_every_order_and_the_squared_one_is_spearmans():
    ranks = np.arange(1.0, 6.0)
    for order in permutations(ranks):
        estimated = np.array(order)
        assert eq.printed_rho(ranks, estimated) == 1
        assert eq.squared_rho(ranks, estimated) == pytest.approx(eq.spearman(ranks, estimated))
