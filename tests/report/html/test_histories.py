"""Histories: the shared stages in the order of training, then the folds."""

from __future__ import annotations

import json

from agerepro.files import write_json, write_text
from agerepro.report.html.histories import histories
from agerepro.report.html.loaded import load


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
