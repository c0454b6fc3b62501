"""What a run was made from, with licences: its data sets and its published weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from agerepro.datasets.card import read_card
from agerepro.evaluation.standing import standing
from agerepro.experiment.schema import Experiment
from agerepro.faces.align_dataset import counted_as
from agerepro.faces.crop_faces import BY_SOURCE
from agerepro.models.sources import SOURCES
from agerepro.runs.banner import banner
from agerepro.runs.folder import Run


@dataclass(frozen=True)
class DataSource:
    """A data set of a stage: photos that were left after cleaning, and the licence of its card or what a drawn set is."""

    stage: str
    title: str
    photos: int
    citation: str
    licence: str
    synthetic: bool


@dataclass(frozen=True)
class Sources:
    """banner: what the run may be taken for, "" for a complete run of real faces. weights: the published ones, or None."""

    banner: str
    data: tuple[DataSource, ...]
    weights: tuple[str, str, str] | None  # name, file with its SHA-256, licence
    code: str
    packages: dict[str, str]

    @property
    def synthetic(self) -> bool:
        """Whether faces were drawn in any stage."""
        return any(one.synthetic for one in self.data)


def sources_of(run: Run, experiment: Experiment) -> Sources:
    """Read the run's provenance and the cards of its data sets."""
    about = json.loads((run.folder / "provenance.json").read_text(encoding="utf-8"))
    data = tuple(_data(stage.name, stage.data, about) for stage in experiment.stages)
    total = int(run.folds()["fold"].nunique())
    done = len({fold for _, fold in run.done(experiment.seeds)})
    said = banner(run.profile, synthetic=any(one.synthetic for one in data), changed=about["changed"])
    return Sources(standing(said, done, total), data, _weights(experiment, about), about["code"], about["packages"])


def cut_by_source(run: Run, experiment: Experiment) -> int:
    """How many of the tested data's faces were cut by boxes that the data set brings, which one's own photos lack."""
    about = json.loads((run.folder / "provenance.json").read_text(encoding="utf-8"))
    return int(about["data"][experiment.stages[-1].data]["faces"].get(counted_as("ok", BY_SOURCE), 0))


def _data(stage: str, name: str, about: dict[str, Any]) -> DataSource:
    card, photos = read_card(name), int(about["data"][name]["photos"])
    if name in about["synthetic"]:
        made = "Drawn by agerepro in the layout of this data set: no photo of a person is in it, and its licence does not apply."
        return DataSource(stage, f"synthetic {name}", photos, "", made, True)
    return DataSource(stage, card.title, photos, card.citation, card.licence, False)


def _weights(experiment: Experiment, about: dict[str, Any]) -> tuple[str, str, str] | None:
    backbone = experiment.backbone
    if backbone.weights == "none" or all(stage.start_from == "scratch" for stage in experiment.stages):
        return None
    file = next(iter(about["starts"].values())) if experiment.stages[-1].start_from == "weights" else ""
    return f"{backbone.weights}, {backbone.name}", file, SOURCES[backbone.weights, backbone.name].licence
