"""The card of a data set: what it is, how to get it, and the counts its authors published."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files


@dataclass(frozen=True)
class Published:
    """Counts as published, None where no source gives one.

    bins: photos by whole years, labelled "0-19" or "80+". funnel: photos left after the cleaning step of that name.
    splits: photos left in each of the authors' lists. people_listed: people the source names before cleaning.
    """

    images: int | None = None
    people: int | None = None
    people_listed: int | None = None
    distinct_ages: int | None = None
    youngest: int | None = None
    oldest: int | None = None
    bins: dict[str, int | None] = field(default_factory=dict)
    funnel: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """One data set: `how_to_get` is a sentence that ends errors about missing files, `layout` the native tree, drawn."""

    name: str
    title: str
    citation: str
    licence: str
    how_to_get: str
    layout: str
    published: Published
    papers: tuple[str, ...]
    faces_may_be_shown: bool = False  # to anyone: the photos are in the public domain
    notes: tuple[str, ...] = ()


def read_card(name: str) -> Card:
    """The card shipped as cards/<name>.yaml; a wrong key in it is a TypeError, since cards are ours."""
    import yaml  # errors about missing files read cards, listing names does not

    text = files("agerepro.datasets.cards").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    entries = yaml.safe_load(text)
    entries["published"] = Published(**entries["published"])
    for key in ("papers", "notes"):
        entries[key] = tuple(entries.get(key, ()))
    return Card(name=name, **entries)
