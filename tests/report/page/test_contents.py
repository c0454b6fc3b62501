"""Histories: the shared stages in the order of training, then the folds."""

from __future__ import annotations

import json

import pytest

from agerepro.datasets import catalog
from agerepro.io import write_json, write_text
from agerepro.report.page.contents import decide, histories, load


def test_shared_stages_are_followed_back_from_what_the_folds_start_from(make_folder):
    made = make_folder()
    stages = made.folder.parents[2] / "stages"
    for name, digest, start in (("people", "aaaa", "scratch"), ("imdb", "bbbb", "aaaa"), ("other", "cccc", "scratch")):
        folder = stages / f"{name}-vgg16-{digest}"
        write_json(folder / "settings.json", {"stage": {"name": name}, "start": start})
        write_text(folder / "history.csv", "epoch,loss,validation_loss\n1,2.5,\n")
    about = json.loads((made.folder / "provenance.json").read_text(encoding="utf-8"))
    write_json(made.folder / "provenance.json", {**about, "starts": {"0": "bbbb"}})
    found = histories(load(made.folder, partial=False))
    assert [one.stage for one in found] == ["people, shared", "imdb, shared", "fgnet, 6 folds"]
    assert [len(one.trainings) for one in found] == [1, 1, 6]


def test_stages_that_are_gone_are_left_out(make_folder):
    assert [one.stage for one in histories(load(make_folder().folder, partial=False))] == ["fgnet, 6 folds"]


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
