"""The data sets by name, and what importing the catalog costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from agerepro.datasets import catalog
from agerepro.errors import UserError

PAPERS = {"agustsson2017", "koenig2019", "liu2020", "pan2018", "teh2018"}


def test_listing_names_and_cards_loads_no_pandas():
    code = (
        "import sys; from agerepro.datasets import catalog; [catalog.card(name) for name in catalog.names()];"
        "print(sorted({'pandas', 'numpy', 'scipy', 'requests', 'pooch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", catalog.names())
def test_every_set_has_a_complete_card(name):
    card = catalog.card(name)
    for text in (card.title, card.citation, card.licence, card.layout):
        assert len(text) > 4 and text == text.strip(" ")
    assert card.how_to_get.endswith(".") and "\n" not in card.how_to_get.strip()
    assert card.layout.startswith(f"{name}/\n")
    assert card.published.images and set(card.papers) <= PAPERS


def test_every_card_belongs_to_a_set():
    cards = Path(catalog.__file__).parent / "cards"
    assert {path.stem for path in cards.glob("*.yaml")} == {*catalog.names(), catalog.OWN}


@pytest.mark.parametrize("name", catalog.names())
def test_published_bins_add_up_to_the_published_images(name):
    published = catalog.card(name).published
    if published.bins and None not in published.bins.values():
        assert sum(published.bins.values()) == published.images


def test_a_wrong_key_in_a_card_is_an_error(monkeypatch, tmp_path):
    card = yaml.safe_load((Path(catalog.__file__).parent / "cards" / "fgnet.yaml").read_text())
    card["published"]["imagse"] = 3
    (tmp_path / "fgnet.yaml").write_text(yaml.safe_dump(card))
    monkeypatch.setattr("agerepro.datasets.catalog.files", lambda _package: tmp_path)
    with pytest.raises(TypeError, match="imagse"):
        catalog.card("fgnet")


def test_an_unknown_name_offers_the_near_one(tmp_path):
    with pytest.raises(UserError, match=r"'fg-net'.*'fgnet'.*aadb, adience, agedb"):
        catalog.read("fg-net", tmp_path)
    with pytest.raises(UserError, match="'agedb'"):
        catalog.card("agdb")


@pytest.mark.parametrize("name", catalog.names())
def test_a_missing_folder_says_how_to_get_the_set(name, tmp_path):
    with pytest.raises(UserError) as caught:
        catalog.read(name, tmp_path)
    assert str(tmp_path / name) in str(caught.value)
    assert catalog.card(name).how_to_get in str(caught.value)


@pytest.mark.parametrize("name", catalog.names())
def test_an_empty_folder_says_what_was_expected(name, tmp_path):
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=str(tmp_path / name)) as caught:
        catalog.read(name, tmp_path)
    assert catalog.card(name).how_to_get in str(caught.value)


def test_a_set_is_read_from_the_folder_of_its_name(tmp_path, touch):
    touch(tmp_path, "fgnet/images/001A02.JPG", "agedb/0_MariaCallas_35_f.jpg")
    assert catalog.read("fgnet", tmp_path).table["path"].tolist() == ["images/001A02.JPG"]
    assert catalog.read("agedb", tmp_path).table["path"].tolist() == ["0_MariaCallas_35_f.jpg"]


def test_a_folder_that_is_the_data_set_itself_is_taken(tmp_path):
    from agerepro.datasets import catalog

    itself = tmp_path / "congress-portraits"
    itself.mkdir()
    assert catalog.folder_of("congress", itself) == itself
    assert catalog.folder_of("fgnet", itself) == itself / "fgnet"
    (itself / "congress").mkdir()
    assert catalog.folder_of("congress", itself) == itself / "congress"


@pytest.mark.parametrize(
    ("name", "labels", "complete"),
    [
        ("fgnet", "exact", 1_002), ("agedb", "exact", 16_488), ("imdb", "exact", 171_858), ("congress", "exact", 547),
        ("adience", "exact", 17_393), ("adience", "substring", 17_417),
    ],
)  # fmt: skip
def test_a_partial_copy_falls_short_of_the_published_count(name, labels, complete):
    card = catalog.card(name)
    assert catalog.shortfall(card, complete - 30, group_labels=labels) == f"{complete - 30:,} of {complete:,} photos of {name}"
    assert catalog.shortfall(card, complete, group_labels=labels) == catalog.shortfall(card, complete + 1, group_labels=labels) == ""


@pytest.mark.parametrize(("name", "labels"), [("wiki", "exact"), ("adience", "remap")])
def test_no_copy_falls_short_of_a_count_made_by_another_rule(name, labels):
    assert catalog.shortfall(catalog.card(name), 1, group_labels=labels) == ""


def test_reading_options_have_defaults_and_near_names():
    assert catalog.reading_options("morph") == {"inconsistent_people": "keep"} and catalog.reading_options("fgnet") == {}
    assert catalog.changed_options("appareal", {"pictures": "crops", "ignored": "drop"}) == {"ignored": "drop"}
    for given, words in (
        ({"inconsistent": "drop"}, "Did you mean 'inconsistent_people'"),
        ({"inconsistent_people": "dropp"}, "Did you mean 'drop'"),
    ):
        with pytest.raises(UserError, match=words):
            catalog.reading_options("morph", given)
    with pytest.raises(UserError, match="fgnet has no options"):
        catalog.reading_options("fgnet", {"pictures": "whole"})
    with pytest.raises(UserError, match="Did you mean 'morph'"):
        catalog.reading_options("morf", {})


def test_a_set_read_without_some_photos_falls_short_of_nothing():
    card = catalog.card("morph")
    assert catalog.shortfall(card, 55_000) and not catalog.shortfall(card, 55_000, reading={"inconsistent_people": "drop"})
    assert catalog.shortfall(catalog.card("appareal"), 7_000, reading={"pictures": "whole"})
