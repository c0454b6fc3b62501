"""What a run warns of."""

from __future__ import annotations

import pytest

from agerepro.runs.banner import banner


@pytest.mark.parametrize(
    ("profile", "synthetic", "changed", "said"),
    [
        ("paper", False, [], ""),
        ("demo", True, [], "demo: synthetic faces"),
        ("demo", False, [], "demo settings, not the paper's"),
        ("paper", True, ["seeds=[0, 1]"], "paper: synthetic faces; changed: seeds=[0, 1]"),
        ("paper", False, ["a=1", "b=2"], "changed: a=1, b=2"),
    ],
)
def test_only_the_papers_own_settings_on_real_faces_go_without(profile: str, synthetic: bool, changed: list[str], said: str) -> None:
    assert banner(profile, synthetic=synthetic, changed=changed) == said
