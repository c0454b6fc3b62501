"""Adam with a smaller learning rate for some variables: a new classifier learns fast while the backbone is only nudged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import keras


class SlowedAdam(keras.optimizers.Adam):
    """Keras' Adam, where the variables of `slowed` (by path) take steps of `share` times the learning rate.

    Scaling their gradients would do nothing: Adam's step hardly depends on a gradient's size.
    """

    def __init__(self, learning_rate: float, *, slowed: Collection[str], share: float, **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.slowed, self.share = frozenset(slowed), share
        self.known: set[int] = set()

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make the moments, and note which variables are slowed: steps are asked for by Keras variable or by TensorFlow's inside."""
        super().build(variables)
        self.known = {id(one) for variable in variables if variable.path in self.slowed for one in (variable, variable.value)}

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's step."""
        super().update_step(gradient, variable, learning_rate * self.share if id(variable) in self.known else learning_rate)
