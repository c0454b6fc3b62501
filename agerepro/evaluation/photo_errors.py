"""How wrong each photo is, in the measure of its run: years, or whether its group is the wrong one."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from agerepro.evaluation.check import tells_groups
from agerepro.evaluation.metrics import Floats, absolute_errors

Measure = Literal["years", "wrong"]


def measure_of(frame: pd.DataFrame) -> Measure:
    """`wrong` for one run that tells age groups apart, `years` for one that predicts ages."""
    return "wrong" if tells_groups(frame) else "years"


def photo_errors(frame: pd.DataFrame) -> Floats:
    """(n,) errors of one run's checked predictions: years off, or 1 for a wrong group and 0 for the right one."""
    if tells_groups(frame):
        return np.asarray(frame["group"] != frame["predicted_group"], dtype="float64")
    return absolute_errors(frame["age"], frame["predicted"])


def truth(frame: pd.DataFrame) -> pd.Series:
    """What a photo should have been given: its age in years, or its group."""
    return frame["group"] if tells_groups(frame) else frame["age"]
