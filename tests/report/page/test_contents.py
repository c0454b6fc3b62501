"""Histories: the shared stages in the order of training, then the folds."""

from __future__ import annotations

import json

import pytest
import yaml

from agerepro.datasets import catalog
from agerepro.io import write_json, write_text
from agerepro.report.loading import load_run
from agerepro.report.page.contents import check_leakage, choice_of, decide_faces, first_seed_histories, funnel_page
from agerepro.tables import PHOTOS, read_table, write_table


def test_shared_stages_are_followed_back_from_what_the_folds_start_from(make_folder):
    made = make_folder()
    folders = made.folder.parents[2] / "stages"
    for name, digest, start in (("people", "aaaa", "scratch"), ("imdb", "bbbb", "aaaa"), ("other", "cccc", "scratch")):
        folder = folders / f"{name}-vgg16-{digest}"
        write_json(folder / "settings.json", {"stage": {"name": name, "epochs": 1}, "start": start})
        write_text(folder / "history.csv", "epoch,loss,validation_loss\n1,2.5,\n")
    about = json.loads((made.folder / "provenance.json").read_text(encoding="utf-8"))
    write_json(made.folder / "provenance.json", {**about, "starts": {"0": "bbbb"}})
    stages = first_seed_histories(load_run(made.folder, partial=False))
    assert [stage.stage for stage in stages] == ["people, shared", "imdb, shared", "fgnet, 6 folds"]
    assert [len(stage.histories) for stage in stages] == [1, 1, 6]


def test_stages_that_are_gone_are_left_out(make_folder):
    assert [stage.stage for stage in first_seed_histories(load_run(make_folder().folder, partial=False))] == ["fgnet, 6 folds"]


def test_of_all_data_sets_only_the_portraits_are_in_the_public_domain():
    assert [name for name in catalog.names() if catalog.card(name).faces_may_be_shown] == ["congress"]


@pytest.mark.parametrize(
    ("name", "drawn", "choice", "shown"),
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
def test_the_decision(name, drawn, choice, shown):
    assert decide_faces(catalog.card(name), drawn=drawn, choice=choice).shown == shown


def test_a_licensed_set_is_left_out_in_the_words_of_its_licence():
    card = catalog.card("agedb")
    why = decide_faces(card, drawn=False, choice="as licensed").why
    assert card.licence.rstrip(".") in why and "--faces" in why
    assert "do not pass it on" in decide_faces(card, drawn=False, choice="in").why
    assert "--no-faces" in decide_faces(card, drawn=True, choice="out").why


@pytest.mark.parametrize(("flag", "choice"), [(None, "as licensed"), (True, "in"), (False, "out")])
def test_flags_of_the_command_line_are_three_choices(flag, choice):
    assert choice_of(flag) == choice


def test_the_funnel_begins_with_what_a_partial_copy_has(make_folder):
    real = make_folder(synthetic=(), shortfall="15 of 1,002 photos of fgnet")
    assert funnel_page(load_run(real.folder, partial=False)).rows[0] == ("fgnet", "partial copy", "15 of 1,002 photos of fgnet")
    drawn = make_folder(name="drawn", shortfall="15 of 1,002 photos of fgnet")  # nobody has a whole copy of drawn people
    assert funnel_page(load_run(drawn.folder, partial=False)).rows[0] == ("fgnet (drawn)", "age known", "18 kept, 1 removed")


def test_people_on_two_sides_are_leaks_of_a_protocol_by_person_and_a_count_of_one_by_image(make_folder):
    made = make_folder()
    people, settings = made.folder / "photos.csv", made.folder / "experiment.yaml"
    by_person, photos = yaml.safe_load(settings.read_text(encoding="utf-8")), read_table(people, PHOTOS)
    by_image = {**by_person, "stages": [*by_person["stages"][:-1], {**by_person["stages"][-1], "protocol": {"image_kfold": 6}}]}
    count = len(set(photos["subject"]))

    def read(subject, experiment):
        write_table(people, photos.assign(subject=subject), PHOTOS)
        settings.write_text(yaml.safe_dump(experiment), encoding="utf-8")
        run = load_run(made.folder, partial=False)
        check = check_leakage(run)
        assert check.overlap == run.result.people
        return check.leaks, check.overlap, run.result.protocol

    assert read(photos["subject"], by_person)[:2] == ((), "")
    leaks, overlap, _ = read("ann", by_person)
    assert len(leaks) == count and all("ann" in leak for leak in leaks)
    assert overlap == "100 % of test people also in training"
    assert read("ann", by_image)[:2] == ((), overlap)
    assert read("", by_image)[:2] == ((), "people unknown")
    assert "6-fold by image" in read("", by_image)[2]
