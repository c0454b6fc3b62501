"""Whether the network has seen a photo in training, as far as its file name can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agerepro.protocols.divide import TEST
from agerepro.runs.folder import Run
from agerepro.tables import PHOTOS, read_table


@dataclass(frozen=True)
class KnownPhotos:
    """The file names of a run's own photos, and the folds that test each.

    A run folder keeps paths and no digests of photos, so a copy under another name is not recognised, and a stranger's photo of
    the same name is. Photos of earlier stages are not listed in it at all.
    """

    tested_in: dict[str, frozenset[int]]

    def warnings(self, path: Path, folds: Sequence[int]) -> tuple[str, ...]:
        """At most one warning: which of these folds have the photo among those that they were trained or chosen by."""
        tested = self.tested_in.get(path.name.lower())
        if tested is None or not (trained := [fold for fold in folds if fold not in tested]):
            return ()
        instead = f"; tested by fold {', '.join(map(str, sorted(tested)))}" if tested else ""
        return (f"a photo of this name trained fold {', '.join(map(str, trained))}: its estimate is too good{instead}",)


def known_photos(run: Run) -> KnownPhotos:
    """Read the run's photos and folds."""
    photos, folds = read_table(run.folder / "photos.csv", PHOTOS), run.folds()
    tested: dict[str, set[int]] = defaultdict(set)
    for fold, photo in folds.loc[folds["part"] == TEST, ["fold", "photo"]].itertuples(index=False):
        tested[photo].add(int(fold))
    named: dict[str, set[int]] = defaultdict(set)
    for photo, path in zip(photos["photo"], photos["path"]):
        named[PurePosixPath(path.replace("\\", "/")).name.lower()] |= tested[photo]
    return KnownPhotos({name: frozenset(found) for name, found in named.items()})
