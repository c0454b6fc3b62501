"""The data sets by name: their cards, and their readers, imported when first used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from agerepro.errors import UserError, suggest

if TYPE_CHECKING:
    from agerepro.config.schema import OwnData
    from agerepro.datasets.layout import Layout
    from agerepro.datasets.photos import Photos


READERS = {
    "imdb": "agerepro.datasets.imdb_wiki:read_imdb",
    "wiki": "agerepro.datasets.imdb_wiki:read_wiki",
    "agedb": "agerepro.datasets.agedb:read",
    "fgnet": "agerepro.datasets.fgnet:read",
    "adience": "agerepro.datasets.adience:read",
    "vggface2": "agerepro.datasets.vggface2:read",
    "congress": "agerepro.datasets.congress:read",
    "utkface": "agerepro.datasets.utkface:read",
    "morph": "agerepro.datasets.morph:read",
    "appareal": "agerepro.datasets.appareal:read",
    "clap2015": "agerepro.datasets.clap:read_2015",
    "clap2016": "agerepro.datasets.clap:read_2016",
    "aadb": "agerepro.datasets.aadb:read",
    "imdbwiki": "agerepro.datasets.imdb_wiki:read_both",
}
OWN = "own"  # a user's own photos: known to `card`, `read` and `folder_of`, but no published set
GROUPED = ("adience",)  # readers that take a policy for the labels of age groups


@dataclass(frozen=True)
class Option:
    """One way in which a reader may be told how to read: its values, the usual one first; with those of `fewer` it leaves photos out."""

    values: tuple[str, ...]
    fewer: tuple[str, ...] = ()


PARTS = {"imdbwiki": ("imdb", "wiki")}  # sets that are several, each in a folder of its name

# Options of readers, which take them by name: {data set: {option: its values}}.
OPTIONS = {
    "morph": {"inconsistent_people": Option(("keep", "drop"), fewer=("drop",))},
    "appareal": {"pictures": Option(("crops", "whole")), "ignored": Option(("keep", "drop"), fewer=("drop",))},
}


@dataclass(frozen=True)
class Published:
    """Counts as published, None where no source gives one.

    bins: photos by whole years, labelled "0-19" or "80+". funnel: photos left after the cleaning step of that name.
    splits: photos left in each of the authors' lists. people_listed: people the source names before cleaning. people_also: the number of
    people by another source that counted the same photos. same_rule: whether `images` were counted by the rule of our reader, so
    that a complete copy has as many.
    """

    images: int | None = None
    people: int | None = None
    people_listed: int | None = None
    people_also: int | None = None
    distinct_ages: int | None = None
    youngest: int | None = None
    oldest: int | None = None
    bins: dict[str, int | None] = field(default_factory=dict)
    funnel: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    same_rule: bool = True


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


def names() -> tuple[str, ...]:
    """The names of all published data sets, which are also the names of their folders under --data."""
    return tuple(READERS)


def card(name: str) -> Card:
    """The card of a data set. UserError with the near name when there is no such set."""
    return read_card(name if name == OWN else _known(name))


def reading_options(name: str, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """All options of a data set's reader (OPTIONS) with their values, the usual one where none is given.

    UserError with the near name for an unknown data set, option or value.
    """
    known, given = OPTIONS.get(name if name == OWN else _known(name), {}), given or {}
    for option, value in given.items():
        if not known:
            raise UserError(f"The reader of {name} has no options: leave {option!r} out. Those of {', '.join(sorted(OPTIONS))} have.")
        if option not in known:
            raise UserError(f"The reader of {name} has no option {option!r}.{suggest(option, known)}")
        if value not in known[option].values:
            raise UserError(f"{name}: {option} cannot be {value!r}.{suggest(value, known[option].values)}")
    return {option: given.get(option, choice.values[0]) for option, choice in known.items()}


def changed_options(name: str, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The options of a data set's reader that are not as usual; UserError as `reading_options`."""
    return {option: value for option, value in reading_options(name, given).items() if value != OPTIONS[name][option].values[0]}


def leaves_out(name: str, given: Mapping[str, str] | None = None) -> bool:
    """Whether the options of a data set's reader leave photos out, so that its published counts are not to be met."""
    return any(value in OPTIONS[name][option].fewer for option, value in changed_options(name, given).items())


def read(
    name: str,
    data: str | PathLike[str],
    *,
    group_labels: str = "exact",
    own: OwnData | None = None,
    reading: Mapping[str, str] | None = None,
) -> Photos:
    """The photos of the data set in `data/<name>`; of the set `own`, whose `data` may also be a CSV file or the folder itself.

    group_labels: which labels count in a set of age groups whose labels are untidy (`GROUPED`); others do not care.
    own: where the labels of the set `own` stand; other sets do not care. reading: options of this set's reader, {option: value}.

    UserError when the name, an option or its value is unknown, the folder is missing, or it does not hold the native layout; the last
    two say how to get the data.
    """
    if name == OWN:
        from agerepro.config.schema import OwnData
        from agerepro.datasets.own import read as read_own

        return read_own(Path(data), own or OwnData())
    module, _, function = READERS[_known(name)].partition(":")
    reader = getattr(import_module(module), function)
    root = existing_folder(name, Path(data))
    options = reading_options(name, reading)
    photos: Photos = reader(root, labels=group_labels) if name in GROUPED else reader(root, **options)
    return photos


def shortfall(card: Card, usable_photos: int, *, group_labels: str = "exact", reading: Mapping[str, str] | None = None) -> str:
    """What a partial copy holds of the published set: "972 of 1,002 photos of fgnet"; "" for a whole one.

    usable_photos: those that are there, can be read, and pass the cleaning. Also "" where the card has no count to compare with: of a
    set counted by another rule, of a policy for group labels that nobody has published with, or read with an option that leaves
    photos out.
    """
    if leaves_out(card.name, reading):
        return ""
    complete = card.published.images
    if card.name in GROUPED:
        from agerepro.datasets.adience import POLICIES  # it loads pandas

        complete = card.published.funnel.get(POLICIES[group_labels])
    if not card.published.same_rule or complete is None or usable_photos >= complete:
        return ""
    return f"{usable_photos:,} of {complete:,} photos of {card.name}"


def folder_of(name: str, data: Path) -> Path:
    """Where the data set is looked for: `data/<name>`, and where there is none, in this order:

    `data` itself when that is called so (`fgnet`, `congress-portraits`); the folder in `data`, then the folder in a folder of
    `data`, that is called so in whatever case and with whatever signs (`FGNET`, `FG-NET`, `imdb_crop`), when there is exactly one;
    `data` itself when it directly holds the native files. Of the set `own`: the folder that its paths are relative to.
    """
    if name == OWN:
        from agerepro.datasets.own import folder_of as folder_of_own

        return folder_of_own(data)
    if (data / name).is_dir() or not data.is_dir():
        return data / name
    if _is_called(data.resolve().name, name):
        return data
    from agerepro.datasets.layout import SEARCH_FOLDERS, folders_in  # it loads pandas

    beside = [data / folder for folder in folders_in(data)]
    deeper = [place / folder for place in beside[:SEARCH_FOLDERS] for folder in folders_in(place)]
    for folders in (beside, deeper):
        for fits in (_is_spelt, _is_called):
            if len(fitting := [folder for folder in folders if fits(folder.name, name)]) == 1:
                return fitting[0]
    return data if name in READERS and _layout(name).holds(data) else data / name


def existing_folder(name: str, data: Path) -> Path:
    """`folder_of` the data set; UserError when it does not exist, which says where such files lie, or how to get them."""
    root = folder_of(name, data)
    if root.is_dir():
        return root
    if name == OWN:
        raise UserError(f"{data} does not exist. {card(OWN).how_to_get}")
    from agerepro.datasets.layout import where_else

    hint = where_else(name, data, _layout(name), place=root) if data.is_dir() else ""
    raise UserError(f"The folder {root} does not exist. {hint or card(name).how_to_get}")


def _layout(name: str) -> Layout:
    layouts: dict[str, Layout] = import_module(READERS[_known(name)].partition(":")[0]).LAYOUTS
    return layouts[name]


def _is_spelt(folder: str, name: str) -> bool:
    return "".join(filter(str.isalnum, folder.lower())) == name


def _is_called(folder: str, name: str) -> bool:
    return _is_spelt(folder, name) or re.split(r"[^a-z0-9]", folder.lower())[0] == name


def _known(name: str) -> str:
    if name not in READERS:
        raise UserError(f"There is no data set {name!r}.{suggest(name, (*READERS, OWN))}")
    return name
