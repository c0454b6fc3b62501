"""The age group that a label of Adience's fold files stands for, by one of three policies."""

from __future__ import annotations

import re

from agerepro.errors import UserError, near

# As the fold files print the eight groups -> as the photos table does.
PRINTED = {
    "(0, 2)": "0-2",
    "(4, 6)": "4-6",
    "(8, 12)": "8-12",
    "(15, 20)": "15-20",
    "(25, 32)": "25-32",
    "(38, 43)": "38-43",
    "(48, 53)": "48-53",
    "(60, 100)": "60-100",
}
# The step of the funnel that each policy is; its name is where the card puts the published count.
POLICIES = {
    "exact": "label is one of the eight groups",
    "substring": "label is part of a group's printed label",
    "remap": "label lies in one group",
}
MISSING = ("None", "")
MENDED = {"(25, 23)": "(25, 32)"}  # 72 labels of the older fold files, which the authors changed so in the current ones
_AGE, _PAIR = re.compile(r"\d+"), re.compile(r"\((\d+), (\d+)\)")


def group_of(label: str, policy: str) -> str:
    """The group of a label, for instance 25-32; "" when the policy leaves the label out. UserError for an unknown policy.

    exact: only the eight groups as they are printed.
    substring: every label whose text is part of the text of a group, and the first such group takes it [koenig2019]. The thesis
    does not say so; this rule gives its 17,417 photos and the rows of its Table 6. So the ages 2 and 32 come to their groups,
    and the age 3 to 25-32, since a 3 is in "(25, 32)".
    remap: a single age goes to the group that holds it, and a pair to the group that holds both its ends; what lies between two
    groups or reaches over them is left out. (25, 23) is read as the authors mended it. Not in a paper.
    """
    if policy not in POLICIES:
        raise UserError(f"There is no label policy {policy!r}.{near(policy, POLICIES)}")
    if label in MISSING:
        return ""
    if policy == "substring":
        return next((group for printed, group in PRINTED.items() if label in printed), "")
    if policy == "remap":
        return _holder(label)
    return PRINTED.get(label, "")


def why_not(label: str) -> str:
    """Why a photo with this label is left out, when it is."""
    if label in MISSING:
        return "no age label"
    if _AGE.fullmatch(label):
        return "the label is a single age that is taken for no group"
    if _PAIR.fullmatch(label):
        return "the label is a pair of ages that is taken for no group"
    return "the label cannot be read"


def _holder(label: str) -> str:
    first, last = _ends(MENDED.get(label, label))
    ranges = {group: tuple(map(int, group.split("-"))) for group in PRINTED.values()}
    return next((group for group, (low, high) in ranges.items() if low <= first <= last <= high), "")


def _ends(label: str) -> tuple[int, int]:
    """The ages that a label names, twice the same for a single one, and (-1, -1), which no group holds, for other text."""
    if _AGE.fullmatch(label):
        return int(label), int(label)
    pair = _PAIR.fullmatch(label)
    return (-1, -1) if pair is None else (int(pair[1]), int(pair[2]))
