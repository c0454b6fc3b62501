"""Which group a label of Adience stands for."""

from __future__ import annotations

import pytest

from agerepro.datasets.adience_labels import MENDED, POLICIES, PRINTED, group_of, why_not
from agerepro.errors import UserError


@pytest.mark.parametrize("policy", POLICIES)
def test_the_eight_groups_are_themselves_under_every_policy(policy):
    assert {printed: group_of(printed, policy) for printed in PRINTED} == PRINTED


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("label", ["None", "", "13", "35", "(8, 23)", "(38, 48)", "(8, 13)?", "(32, 25)"])
def test_what_no_policy_takes(policy, label):
    # The empty text is part of every text, so the substring policy must not be asked about it.
    assert group_of(label, policy) == ""


@pytest.mark.parametrize(
    ("label", "substring", "remap"),
    [
        ("2", "0-2", "0-2"),
        ("3", "25-32", ""),  # a 3 is in "(25, 32)", while three years lie between 0-2 and 4-6
        ("32", "25-32", "25-32"),
        ("29", "", "25-32"),
        ("42", "", "38-43"),
        ("(27, 32)", "", "25-32"),
        ("(38, 42)", "", "38-43"),
        ("(25, 23)", "", "25-32"),
    ],
)
def test_odd_labels(label, substring, remap):
    assert [group_of(label, policy) for policy in ("exact", "substring", "remap")] == ["", substring, remap]


def test_the_substring_policy_is_pythons_in_and_the_first_group_wins():
    for text in ("2", "3", "5", "8", "0", "1", "4", "53", "100", "12", ", "):
        holders = [group for printed, group in PRINTED.items() if printed.find(text) >= 0]
        assert group_of(text, "substring") == holders[0]


def test_mended_labels_are_groups():
    assert set(MENDED.values()) <= set(PRINTED)


def test_reasons_name_the_kind_of_label():
    assert why_not("None") == why_not("") == "no age label"
    assert "single age" in why_not("35")
    assert "pair of ages" in why_not("(8, 23)")
    assert why_not("child") == "the label cannot be read"


def test_an_unknown_policy_offers_the_near_one():
    with pytest.raises(UserError, match="Did you mean 'remap'"):
        group_of("3", "remapp")
