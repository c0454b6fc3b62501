"""Photos of a data set whose labels stand in its file names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from agerepro.datasets.native import below, names_in, native_folder
from agerepro.datasets.reading import Photos, Skip, photos_of


def photos_by_name(
    dataset: str,
    root: Path,
    nestings: Iterable[str],
    pattern: re.Pattern[str],
    labels: Callable[[re.Match[str]], dict[str, Any]],
    *,
    form: str,
) -> Photos:
    """Photos whose names match `pattern` in the first nesting that has one; `labels` turns the match into columns.

    Keys do not depend on the nesting, so the same photos have the same keys wherever the archive was unpacked. Other names are
    skipped, and so is a name that differs from an earlier one in upper and lower case only: it is a copy of the same photo.
    `form` says in errors and reasons how a name looks. Raises UserError when no name fits.
    """

    def holds(folder: Path) -> bool:
        return any(pattern.fullmatch(name) for name in names_in(folder))

    folder = native_folder(dataset, root, nestings, holds, f"photos named {form}")
    prefix = below(folder, root)
    rows: list[dict[str, Any]] = []
    skipped: list[Skip] = []
    seen: dict[str, str] = {}
    for name in names_in(folder):
        match = pattern.fullmatch(name)
        if match is None:
            skipped.append(Skip(prefix + name, f"the name is not of the form {form}"))
        elif name.casefold() in seen:
            skipped.append(Skip(prefix + name, f"the same name as {seen[name.casefold()]} but for upper and lower case"))
        else:
            seen[name.casefold()] = name
            rows.append({"photo": f"{dataset}/{name}", "path": prefix + name, **labels(match)})
    return photos_of(rows, skipped)
