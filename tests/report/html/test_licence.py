"""Whose faces a page may show."""

from __future__ import annotations

import pytest

from agerepro.datasets import catalog
from agerepro.report.html.licence import decide


def test_of_all_data_sets_only_the_portraits_are_in_the_public_domain():
    assert [name for name in catalog.names() if catalog.card(name).faces_may_be_shown] == ["congress"]


@pytest.mark.parametrize(
    ("name", "drawn", "wish", "shown"),
    [
        ("fgnet", True, "as licensed", True),
        ("congress", False, "as licensed", True),
        ("fgnet", False, "as licensed", False),
        ("agedb", False, "as licensed", False),
        ("fgnet", False, "in", True),
        ("fgnet", True, "out", False),
        ("congress", False, "out", False),
    ],
)
def test_the_decision(name, drawn, wish, shown):
    assert decide(catalog.card(name), drawn=drawn, wish=wish).shown == shown


def test_a_licensed_set_is_left_out_in_the_words_of_its_licence():
    card = catalog.card("agedb")
    said = decide(card, drawn=False, wish="as licensed").why
    assert card.licence.rstrip(".") in said and "--faces" in said
    assert "do not pass it on" in decide(card, drawn=False, wish="in").why
    assert "--no-faces" in decide(card, drawn=True, wish="out").why
