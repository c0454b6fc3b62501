"""What a run's numbers may be taken for, told by its profile, its faces and its changed settings."""

from __future__ import annotations

from collections.abc import Sequence

from agerepro.experiment.read import PAPER


def banner(profile: str, *, synthetic: bool, changed: Sequence[str] = ()) -> str:
    """`demo: synthetic faces; changed: seeds=[0, 1]`; "" for the paper's own settings on real faces."""
    said = [f"{profile}: synthetic faces"] if synthetic else [] if profile == PAPER else [f"{profile} settings, not the paper's"]
    return "; ".join([*said, *(["changed: " + ", ".join(changed)] if changed else [])])
