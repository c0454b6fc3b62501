"""All figures of explained runs: those of one run, and those of several beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agerepro.diagnosis.before_after import pairs
from agerepro.diagnosis.chosen import drawn
from agerepro.diagnosis.explained import Explained
from agerepro.diagnosis.stages import BACKBONES, backbone_in_words, tuned
from agerepro.errors import UserError
from agerepro.evaluation.standing import folds_text
from agerepro.explain.regions import face_regions, usable
from agerepro.report.figures.class_activation import Face, Network, draw_class_activation
from agerepro.report.figures.deletion_curves import draw_deletion_curves
from agerepro.report.figures.face_map import SIDE, Shown
from agerepro.report.figures.map_differences import NAME, draw_map_differences
from agerepro.report.figures.map_words import MapWords
from agerepro.report.figures.mean_maps import draw_mean_maps
from agerepro.report.figures.regions import draw_regions
from agerepro.report.figures.style import COLOURS, Caption
from agerepro.report.load import load_result

FACES_SHOWN = 3  # of several networks; of one, which leaves more room, twice as many


def draw_explained(runs: Sequence[Explained], folder: Path, *, shown: Shown) -> list[Path]:
    """Draw maps of a few faces, what tuning changed in them, mean maps, regions, and of a single run its deletion curves; the files."""
    caption, labels = _caption(runs), _labels(runs)
    written = _maps(runs, caption, folder, shown=shown)
    with_regions = {label: one for label, one in zip(labels, runs) if one.mean is not None}
    if with_regions:
        means = {label: one.mean for label, one in with_regions.items() if one.mean is not None}
        written += draw_mean_maps(means, caption, folder, shown=shown)
    names = list(with_regions)
    for number, start in enumerate(range(0, len(names), len(COLOURS)), 1):
        few = {label: with_regions[label].summary for label in names[start : start + len(COLOURS)]}
        written += draw_regions(few, caption, folder, name="regions" + (f"-{number}" if len(names) > len(COLOURS) else ""))
    if len(runs) == 1 and runs[0].checks is not None:
        words = MapWords.of(str(runs[0].about["how"]), str(runs[0].about["target"]))
        written += draw_deletion_curves(runs[0].checks, caption, folder, score=words.score)
    return written


def _maps(runs: Sequence[Explained], caption: Caption, folder: Path, *, shown: Shown) -> list[Path]:
    """Figure 14 of the runs, on photos that all of them tested."""
    shared = set.intersection(*(set(one.tested["photo"]) for one in runs))
    if not shared:
        raise UserError("These runs tested no photo in common, so their maps cannot stand beside each other: explain them one by one.")
    one_network = len({one.experiment.backbone.name for one in runs}) == 1
    photos = drawn(sorted(shared), FACES_SHOWN * (2 if one_network else 1), purpose="faces to show")
    order = {name: place for place, name in enumerate(BACKBONES.values())}
    networks = sorted((_network(one, photos) for one in runs), key=lambda network: order.get(network.backbone, len(order)))
    ((how, target),) = {(str(one.about["how"]), str(one.about["target"])) for one in runs}
    words = MapWords.of(how, target)
    faces = _faces(runs[0], photos, shown=shown)
    written = draw_class_activation(networks, faces, caption, folder, words=words)
    found = pairs(runs)
    for before, after in found:
        both = f"{NAME}-{before.run.experiment}-{after.run.experiment}" if len(found) > 1 else NAME
        few = (_network(before, photos), _network(after, photos))
        written += draw_map_differences(*few, faces[:FACES_SHOWN], caption, folder, words=words, name=both)
    return written


def _network(one: Explained, photos: list[str]) -> Network:
    rows = one.tested.set_index("photo").loc[photos]
    said = {photo: group or f"{age:.1f}" for photo, age, group in zip(photos, rows["predicted"], rows["predicted_group"])}
    return Network(
        backbone_in_words(one.experiment), tuned(one.experiment), one.run.experiment, dict(zip(photos, one.maps_of(photos))), said
    )


def _faces(one: Explained, photos: list[str], *, shown: Shown) -> list[Face]:
    rows, landmarks = one.tested.set_index("photo").loc[photos], one.landmarks(photos)
    pictures = list(one.images(photos)) if shown == "faces" else [None] * len(photos)
    regions = [face_regions(points * SIDE, SIDE) if fits else None for points, fits in zip(landmarks, usable(landmarks))]
    truths = [f"{age:.3g}" if age == age else group for age, group in zip(rows["age"], rows["group"])]
    return [Face(*parts) for parts in zip(photos, truths, pictures, regions)]


def _labels(runs: Sequence[Explained]) -> list[str]:
    """The experiments' names; where two runs share one, with the profile, or the folder if they share that, too."""
    several = [
        [one.run.experiment, f"{one.run.experiment} ({one.run.profile})", f"{one.run.experiment} ({one.run.folder.name})"] for one in runs
    ]
    columns = list(zip(*several))
    return [next((names[k] for k in range(2) if columns[k].count(names[k]) == 1), names[2]) for names in several]


def _caption(runs: Sequence[Explained]) -> Caption:
    def joined(values: Sequence[str], between: str = ", ") -> str:
        return between.join(dict.fromkeys(value for value in values if value))

    results = [load_result(one.run.folder, partial=True) for one in runs]
    protocols = [f"{result.protocol}, {folds_text(result.folds_done, result.folds_total)}" for result in results]
    about = runs[0].about
    return Caption(
        run=joined([one.run.experiment for one in runs]) + f" ({about['how']} maps, {joined([one.about['layer'] for one in runs])})",
        profile=joined([one.run.profile for one in runs]),
        protocol=joined(protocols, "; "),
        banner=joined([part for result in results for part in result.standing.split("; ")], "; "),
    )
