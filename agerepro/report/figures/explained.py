"""Figures of an explanation: mean maps, regions of the face, deletion curves."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.transforms import offset_copy

from agerepro.errors import UserError
from agerepro.explain.explanation import BACKBONES, Explained, backbone_in_words, pairs, tuned
from agerepro.explain.faithfulness import MAPS, ORDERS, Checks, of_check
from agerepro.explain.maps import SENSITIVITY
from agerepro.explain.regions import ALL, EYES_AND_NOSE, REGIONS, face_regions, in_order, usable
from agerepro.explain.run_maps import MeanMaps, sample_photos
from agerepro.report.figures.maps import (
    DIFFERENCES,
    MOST_COMPARED,
    SIDE,
    Face,
    MapWords,
    Network,
    Shown,
    empty_maps_text,
    plot_class_activation,
    plot_compared_maps,
    plot_face,
    plot_map_differences,
    plot_outlines,
)
from agerepro.report.figures.style import BLACK, BLUE, COLOURS, DASHES, MARKERS, VERMILION, Caption, panels, save
from agerepro.report.results import caption_of
from agerepro.report.run_files import read_arrays, read_run_table
from agerepro.report.run_result import RunResult
from agerepro.runs.layout import decoded
from agerepro.tables import PREDICTIONS

MEAN_MAP_COLOURS = "cividis"  # even steps of lightness with any colour vision, and in grey
FACES_SHOWN = 3  # of several networks; of one, which leaves more room, twice as many
_HEIGHT = 1.22  # inches of a row of mean maps
_WORDS = 17  # letters of a label that stand beside a row
_CONTRAST = 1.5  # times even that the colours reach at least, so that noise does not look like a pattern
_SPREAD = 0.62  # of the room of a row that several runs share
_TITLES = {"deletion": "Deletion: to the mean colour", "insertion": "Insertion: from a blur"}
_LABELS = {"map": "the run's maps, hottest first", "random": "random maps, as smooth"}


def plot_explained(
    runs: Sequence[Explained], results: Sequence[RunResult], folder: Path, *, shown: Shown, ages: pd.DataFrame | None = None
) -> list[Path]:
    """Plot maps of a few faces, what tuning changed in them, mean maps, regions, and of a single run its deletion curves; the files.

    Sensitivity maps of several runs are also compared with each other. results: those of the runs, in their order, for the captions;
    ages: both ages of the photos [LoadedRun.both_ages], for faces that have two. Raises UserError for runs that tested no photo in common.
    """
    caption, labels = _caption(runs, results), _labels(runs)
    written = _plot_maps(runs, caption, folder, shown=shown)
    if 1 < len(runs) <= MOST_COMPARED and {run.about["how"] for run in runs} == {SENSITIVITY}:
        ages_of = ages["age"] if ages is not None else results[0].predictions.groupby("photo")["age"].first()
        written += _plot_compared(runs, spread_over_ages(runs, ages_of), caption, folder, shown=shown, ages=ages)
    with_regions = {label: run for label, run in zip(labels, runs) if run.mean is not None}
    left_out = empty_maps_text([heat for run in with_regions.values() for heat in run.maps])
    note = f"{left_out}, left out" if left_out else ""
    if with_regions:
        means = {label: run.mean for label, run in with_regions.items() if run.mean is not None}
        written += plot_mean_maps(means, caption, folder, shown=shown, note=note)
    names = list(with_regions)
    for number, start in enumerate(range(0, len(names), len(COLOURS)), 1):
        summaries = {label: with_regions[label].summary for label in names[start : start + len(COLOURS)]}
        ending = f"-{number}" if len(names) > len(COLOURS) else ""
        written += plot_regions(summaries, caption, folder, name=f"regions{ending}", note=note)
    if len(runs) == 1 and (checks := runs[0].checks) is not None:
        words = MapWords.of(str(runs[0].about["how"]), str(runs[0].about["target"]))
        photos = list(dict.fromkeys(checks.curves["photo"]))
        written += plot_deletion_curves(checks, caption, folder, score=words.score, note=empty_maps_text(list(runs[0].maps_of(photos))))
    return written


def spread_over_ages(runs: Sequence[Explained], ages: pd.Series) -> list[str]:
    """2 x FACES_SHOWN photos that all of the runs tested, youngest first: those nearest to equal steps from the least age to the greatest.

    ages: by photo, years. Of photos as near, the first by name; a photo stands there once.
    """
    left = ages.loc[_tested_by_all(runs)]
    chosen = []
    for age in np.linspace(left.min(), left.max(), min(2 * FACES_SHOWN, len(left))):
        chosen.append((left - age).abs().idxmin())
        left = left.drop(chosen[-1])
    return sorted(chosen, key=lambda photo: (ages[photo], photo))


def plot_mean_maps(
    runs: Mapping[str, MeanMaps], caption: Caption, folder: Path, *, shown: Shown, name: str = "mean-maps", note: str = ""
) -> list[Path]:
    """Plot a row a run and a column an age group, under the mean faces where faces are `shown`; `note` ends the subtitle.

    Raises UserError for no run.
    """
    if not runs:
        raise UserError("No run has photos with landmarks to average maps of.")
    first = next(iter(runs.values()))
    groups = [ALL, *in_order(np.array([group for run in runs.values() for group in run.energy if group != ALL]))]
    top = max(_CONTRAST, max(float(np.nanmax(energy)) for run in runs.values() for energy in run.energy.values()))
    subtitle = "Mean energy of the maps a pixel, times an even spread, after all landmarks were laid on the same places; lines: regions"
    subtitle += note
    above = 1 if shown == "faces" else 0
    shape = (above + len(runs), len(groups))
    with panels("Mean maps by age group", subtitle, caption, height=_HEIGHT * shape[0] + 0.55, shape=shape) as (drawn, axes):
        if above:
            for place, group in zip(axes[0], groups):
                plot_face(place, first.faces.get(group), first.regions)
        for line, (label, run) in zip(axes[above:], runs.items()):
            for place, group in zip(line, groups):
                plot_face(place, None, None)
                if group not in run.energy:
                    place.set_axis_off()
                    continue
                place.imshow(run.energy[group], cmap=MEAN_MAP_COLOURS, vmin=0, vmax=top, extent=(0, 1, 1, 0))
                plot_outlines(place, run.regions, colour="white")
                place.set_xlabel(f"{run.photos[group]:,} photos", fontsize=6.5, labelpad=1.5)
            line[0].set_ylabel("\n".join(textwrap.wrap(label, _WORDS)), fontsize=7)
        for place, group in zip(axes[0], groups):
            place.set_title("all ages" if group == ALL else group, fontsize=9, loc="center", pad=3)
        bar = drawn.colorbar(
            ScalarMappable(Normalize(0, top), MEAN_MAP_COLOURS), ax=axes, location="bottom", shrink=0.5, aspect=35, pad=0.01
        )
        bar.set_label("times an even spread", fontsize=8.5)
        bar.ax.tick_params(labelsize=8)
        return save(drawn, _table(runs), folder, name)


def plot_regions(runs: Mapping[str, pd.DataFrame], caption: Caption, folder: Path, *, name: str = "regions", note: str = "") -> list[Path]:
    """Plot the summaries [explain.regions.SUMMARY] of up to seven runs: left all regions, right eyes and nose by age group.

    `note` ends the subtitle. Raises UserError for no run, or more than there are colours.
    """
    if not runs or len(runs) > len(COLOURS):
        raise UserError(f"{len(runs)} runs cannot stand in one figure of regions: give one to {len(COLOURS)}.")
    groups = in_order(np.array(sorted({group for table in runs.values() for group in table["group"] if group != ALL})))
    subtitle = f"Energy of the maps a pixel, times an even spread (line at 1), with 95 % intervals over people{note}"
    height = (len(REGIONS) + 1) * (0.24 + 0.105 * len(runs)) + 0.75 + (0.2 * len(runs) if len(runs) > 1 else 0)
    with panels("Where the maps lie on the face", subtitle, caption, height=height, shape=(1, 2)) as (drawn, axes):
        regions, ages = axes[0]
        for number, (label, table) in enumerate(runs.items()):
            whole = table.loc[table["group"] == ALL].set_index("region")
            together = table.loc[table["region"] == EYES_AND_NOSE].set_index("group")
            _dots(regions, whole.reindex([EYES_AND_NOSE, *REGIONS]), number, len(runs), label)
            _dots(ages, together.reindex(groups), number, len(runs), label)
        _rows(regions, [EYES_AND_NOSE, *REGIONS], "Region, all ages")
        _rows(ages, groups, "Eyes and nose, by age")
        if len(runs) > 1:
            under = offset_copy(regions.transAxes, drawn, x=-40, y=-36, units="points")
            regions.legend(loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=under, borderaxespad=0, fontsize=8.5)
        return save(drawn, pd.concat([table.assign(run=label) for label, table in runs.items()], ignore_index=True), folder, name)


def plot_deletion_curves(
    checks: Checks, caption: Caption, folder: Path, *, score: str, name: str = "deletion-curves", note: str = ""
) -> list[Path]:
    """Plot the mean score of the checked photos against the share of pixels changed; `score` names the axis, `note` ends the subtitle."""
    means = checks.curves.groupby(["order", "map", "share"], as_index=False).agg(score=("score", "mean"))
    subjects = set(checks.curves["subject"]) - {""}
    photos, of_people = checks.curves["photo"].nunique(), f" of {len(subjects)} people" if subjects else ""
    subtitle = f"Means over {photos} photos{of_people}. Numbers: area under the map's curve less the random one's{note}"
    with panels("Do the maps point at what counts?", subtitle, caption, height=3.3, shape=(1, 2)) as (drawn, axes):
        for place, order in zip(axes[0], ORDERS):
            _curves(place, means.loc[means["order"] == order])
            check = of_check(checks.summary, f"{order} area, map less random")
            better = "less is better" if order == "deletion" else "more is better"
            place.set_title(
                f"{_TITLES[order]}\n{check.value:+.2f} [{check.low:+.2f}, {check.high:+.2f}] ({better})", fontsize=9, linespacing=1.4
            )
            place.set_xlabel("Pixels changed (%)", fontsize=9.5)
        axes[0, 0].set_ylabel(score, fontsize=9.5)
        axes[0, 1].sharey(axes[0, 0])
        under = offset_copy(axes[0, 0].transAxes, drawn, x=0, y=-36, units="points")
        axes[0, 0].legend(loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=under, borderaxespad=0, fontsize=8.5)
        return save(drawn, means, folder, name)


def _table(runs: Mapping[str, MeanMaps]) -> pd.DataFrame:
    """One row a run, group and line of pixels from the top; a column a pixel."""
    parts = []
    for label, run in runs.items():
        for group, energy in run.energy.items():
            lines = pd.DataFrame(energy.round(4), columns=[f"x{x}" for x in range(energy.shape[1])])
            lines.insert(0, "run", label)
            lines.insert(1, "group", group)
            lines.insert(2, "photos", run.photos[group])
            lines.insert(3, "y", range(len(energy)))
            parts.append(lines)
    return pd.concat(parts, ignore_index=True)


def _dots(axes: Axes, rows: pd.DataFrame, number: int, runs: int, label: str) -> None:
    at = np.arange(len(rows)) + (_SPREAD * (number / (runs - 1) - 0.5) if runs > 1 else 0)
    values, low, high = (rows[name].to_numpy(float) for name in ("relative", "relative_low", "relative_high"))
    colour = COLOURS[number]
    axes.hlines(at, low, high, color=colour, linewidth=1.3)
    axes.plot(values, at, MARKERS[number], color=colour, markersize=4, label=label)


def _rows(axes: Axes, names: list[str], title: str) -> None:
    axes.axvline(1, color=BLACK, linewidth=0.9)
    axes.set_yticks(range(len(names)), names, fontsize=8.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.tick_params(axis="x", labelsize=8.5)
    axes.set_title(title, fontsize=9.5)
    axes.set_xlabel("Times an even spread", fontsize=9)
    axes.grid(visible=False, axis="y")


def _curves(axes: Axes, means: pd.DataFrame) -> None:
    for kind, colour, dash in zip(MAPS, (BLUE, VERMILION), DASHES):
        curve = means.loc[means["map"] == kind]
        axes.plot(100 * curve["share"], curve["score"], color=colour, linestyle=dash, label=_LABELS[kind])
    axes.set_xlim(0, 100)
    axes.tick_params(labelsize=8.5)


def _plot_maps(runs: Sequence[Explained], caption: Caption, folder: Path, *, shown: Shown) -> list[Path]:
    """Figure 14 of the runs, on photos that all of them tested."""
    photos = _drawn_by_chance(runs)
    order = {name: place for place, name in enumerate(BACKBONES.values())}
    networks = sorted((_network(run, photos) for run in runs), key=lambda network: order.get(network.backbone, len(order)))
    words = MapWords.of(str(runs[0].about["how"]), *(str(run.about["target"]) for run in runs))
    faces = _faces(runs[0], photos, shown=shown)
    written = plot_class_activation(networks, faces, caption, folder, words=words)
    compared = pairs(runs)
    for before, after in compared:
        name = f"{DIFFERENCES}-{before.run.experiment}-{after.run.experiment}" if len(compared) > 1 else DIFFERENCES
        pair = (_network(before, photos), _network(after, photos))
        written += plot_map_differences(*pair, faces[:FACES_SHOWN], caption, folder, words=words, name=name)
    return written


def _plot_compared(
    runs: Sequence[Explained], photos: list[str], caption: Caption, folder: Path, *, shown: Shown, ages: pd.DataFrame | None
) -> list[Path]:
    """Figure 6 of agustsson2017, runs and photos in the order in which they are given."""
    residuals = [_residuals(run) for run in runs]
    networks = [_network(run, photos) for run in runs]
    networks = [
        replace(network, predictions={photo: f"{text}{_in_brackets(learnt.get(photo))}" for photo, text in network.predictions.items()})
        for network, learnt in zip(networks, residuals)
    ]
    first, second, *_ = (run.photos.set_index("photo")["predicted"] for run in runs)
    gaps = {photo: f"{second[photo] - first[photo]:+.1f}" for photo in photos}
    faces = _faces(runs[0], photos, shown=shown)
    if ages is not None:
        real, apparent = (ages[column] for column in ("age", "apparent_age"))
        faces = [replace(face, truth=f"real {real[face.photo]:.3g}, app. {apparent[face.photo]:.1f}") for face in faces]
    words = MapWords.of(SENSITIVITY, *(str(run.about["target"]) for run in runs))
    return plot_compared_maps(networks, faces, gaps, caption, folder, words=words)


def _drawn_by_chance(runs: Sequence[Explained]) -> list[str]:
    """A few photos that all of the runs tested, the same for every figure."""
    one_network = len({run.experiment.backbone.name for run in runs}) == 1
    return sample_photos(_tested_by_all(runs), FACES_SHOWN * (2 if one_network else 1), rng_key="faces to show")


def _tested_by_all(runs: Sequence[Explained]) -> list[str]:
    """By name; UserError where there is no such photo."""
    shared = set.intersection(*(set(run.photos["photo"]) for run in runs))
    if not shared:
        raise UserError("These runs tested no photo in common, so their maps cannot stand beside each other: explain them one by one.")
    return sorted(shared)


def _residuals(run: Explained) -> dict[str, float]:
    """By photo, the years that a run on residuals adds to what an earlier stage predicts; empty for other runs."""
    if not run.experiment.stages[-1].target.residual_of:
        return {}
    residuals: dict[str, float] = {}
    for fold in sorted(set(run.photos["fold"])):
        place = run.run.fold_folder(int(run.about["seed"]), int(fold))
        tested = decoded(read_run_table(place / "predictions.csv", PREDICTIONS), run.experiment)
        (earlier,) = read_arrays(place / "by_epoch.npz", "offset")
        residuals |= dict(zip(tested["photo"], tested["predicted"].to_numpy() - earlier))
    return residuals


def _in_brackets(residual: float | None) -> str:
    return "" if residual is None else f" ({residual:+.1f})"


def _network(run: Explained, photos: list[str]) -> Network:
    rows = run.photos.set_index("photo").loc[photos]
    texts = {photo: group or f"{age:.1f}" for photo, age, group in zip(photos, rows["predicted"], rows["predicted_group"])}
    maps = dict(zip(photos, run.maps_of(photos)))
    return Network(backbone_in_words(run.experiment), tuned(run.experiment), run.run.experiment, maps, texts)


def _faces(run: Explained, photos: list[str], *, shown: Shown) -> list[Face]:
    rows, landmarks = run.photos.set_index("photo").loc[photos], run.landmarks(photos)
    pictures = list(run.images(photos)) if shown == "faces" else [None] * len(photos)
    regions = [face_regions(points * SIDE, SIDE) if fits else None for points, fits in zip(landmarks, usable(landmarks))]
    truths = [f"{age:.3g}" if age == age else group for age, group in zip(rows["age"], rows["group"])]
    return [Face(*parts) for parts in zip(photos, truths, pictures, regions)]


def _labels(runs: Sequence[Explained]) -> list[str]:
    """The experiments' names; where two runs share one, with the profile, or the folder if they share that, too."""
    names = [
        (run.run.experiment, f"{run.run.experiment} ({run.run.profile})", f"{run.run.experiment} ({run.run.folder.name})") for run in runs
    ]
    short, longer, _ = map(list, zip(*names))
    return [a if short.count(a) == 1 else b if longer.count(b) == 1 else c for a, b, c in names]


def _caption(runs: Sequence[Explained], results: Sequence[RunResult]) -> Caption:
    """That of the runs' results, with how their maps were made."""
    layers = ", ".join(dict.fromkeys(str(run.about["layer"]) for run in runs))
    caption = caption_of(results)
    return replace(caption, run=f"{caption.run} ({runs[0].about['how']} maps, {layers})")
