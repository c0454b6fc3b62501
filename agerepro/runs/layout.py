"""Where a run lies on disk, which of its folds are done, and what its numbers may be taken for."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agerepro.config.loading import PAPER, to_dict
from agerepro.config.schema import Experiment
from agerepro.errors import UserError
from agerepro.io import config_hash, finished_by, read_manifest, verified
from agerepro.tables import FOLDS, PREDICTIONS, read_table
from agerepro.training.naming import check_same_settings

MOST_FOLDS = 100_000  # more than any protocol has people


@dataclass(frozen=True)
class Run:
    """One experiment under one profile: runs/<paper>/<experiment>/<profile>-<digest>/."""

    folder: Path

    @property
    def experiment(self) -> str:
        """The experiment file's name without ending."""
        return self.folder.parent.name

    @property
    def profile(self) -> str:
        """The profile's name."""
        return self.folder.name.rpartition("-")[0]

    def fold_folder(self, seed: int, fold: int) -> Path:
        """folds/007, or folds/007-seed1 for another seed than 0: a fold keeps its name when seeds are added."""
        return self.folder / "folds" / (f"{fold:03d}" if seed == 0 else f"{fold:03d}-seed{seed}")

    def provenance(self) -> dict[str, Any]:
        """What provenance.json holds. UserError where it is missing or damaged."""
        path = self.folder / "provenance.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read ({error}). The same `agerepro run` command writes it anew.") from None
        if not isinstance(content, dict) or "data" not in content:
            raise UserError(f"{path} is no provenance of a run. The same `agerepro run` command writes it anew.")
        return content

    @property
    def command(self) -> str:
        """What fits or trains its folds: `agerepro run`, or `agerepro regress` on exported features."""
        try:
            return "agerepro regress" if "features" in self.provenance() else "agerepro run"
        except UserError:
            return "agerepro run"

    def folds(self) -> pd.DataFrame:
        """The FOLDS table of the run."""
        return read_table(self.folder / "folds.csv", FOLDS)

    def done(self, seeds: Sequence[int]) -> list[tuple[int, int]]:
        """(seed, fold) of every fold that is whole, by its manifest and the sizes of its files; no other file is opened.

        Raises CheckFailed for a fold that was made by other settings, data or start than the run says.
        """
        folds, tasks = sorted(set(self.folds()["fold"])), self.provenance().get("tasks", {})
        done = []
        for seed in seeds:
            for fold in folds:
                made_by = finished_by(self.fold_folder(seed, fold))
                if made_by is None:
                    continue
                check_same_settings(self.fold_folder(seed, fold), made_by, tasks.get(str(seed), made_by))
                done.append((seed, fold))
        return done

    def predictions(self, seeds: Sequence[int]) -> pd.DataFrame:
        """PREDICTIONS of all finished folds in one table."""
        tables = [read_table(verified(self.fold_folder(s, f) / "predictions.csv"), PREDICTIONS) for s, f in self.done(seeds)]
        if not tables:
            raise UserError(f"No fold of {self.folder} is finished yet. Continue it with the same `{self.command}` command.")
        return pd.concat(tables, ignore_index=True)


def inputs_digest(run: Run, experiment: Experiment) -> str:
    """Names what a run's tables and figures are made of: its seeds and decoding, what it is compared with, and its finished folds."""
    manifests = [read_manifest(run.fold_folder(seed, fold)) for seed, fold in run.done(experiment.seeds)]
    return config_hash([list(experiment.seeds), experiment.decode, to_dict(experiment.reproduces), manifests])


def decoded(predictions: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """PREDICTIONS with `predicted` as the experiment decodes now: a fold keeps every decoding of its posterior beside each other, so
    that another choice among them trains nothing. Ages of a regression, and age groups, are what they are."""
    if experiment.decode in predictions.columns and not experiment.stages[-1].target.labels:
        return predictions.assign(predicted=predictions[experiment.decode])
    return predictions


def run_folder(runs: Path, *, paper: str, experiment: str, profile: str, digest: str) -> Run:
    """The run of an experiment with these settings and data."""
    return Run(runs / paper / experiment / f"{profile}-{digest[:12]}")


def find_run(place: Path) -> Run:
    """The run at `place`: a run folder, or a folder above exactly one. UserError, listing them, when there are none or several."""
    if (place / "experiment.yaml").is_file():
        return Run(place)
    folders = sorted(file.parent for file in place.glob("**/experiment.yaml")) if place.is_dir() else []
    if len(folders) == 1:
        return Run(folders[0])
    if not folders:
        raise UserError(f"{place} holds no run. Runs lie in runs/<paper>/<experiment>/<profile>-<digest>/ and are made by `agerepro run`.")
    raise UserError(
        f"{place} holds {len(folders)} runs; name one of:\n" + "\n".join(f"  {folder}{_in_words(folder)}" for folder in folders)
    )


def _in_words(folder: Path) -> str:
    """Of a run that is one of several: on how many photos of what it was made, and when; "" where that cannot be read."""
    try:
        about = Run(folder).provenance()
        data = ", ".join(f"{facts['photos']:,} photos of {name}" for name, facts in about["data"].items())
        return f" ({data}; {about['written']})"
    except (UserError, KeyError, TypeError, ValueError):
        return ""


def parse_folds(text: str | None, count: int | None) -> list[int]:
    """`0-5,7` -> [0, 1, 2, 3, 4, 5, 7]; None -> all. UserError for bad text or a fold that the protocol lacks.

    count: folds of the protocol; None where it is not known yet: then no fold is refused but one beyond MOST_FOLDS.
    """
    limit = MOST_FOLDS if count is None else count
    if text is None:
        return list(range(limit))
    folds: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if not match:
            raise UserError(f"--folds {text!r}: write numbers and ranges, for instance 0-5,7.")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last:
            raise UserError(f"--folds {text!r}: a range rises, for instance {last}-{first}.")
        if last >= limit:
            raise UserError(f"--folds {text!r}: there are folds 0 to {limit - 1}, not {last}.")
        folds.update(range(first, last + 1))
    return sorted(folds)


def disclaimer(profile: str, *, synthetic: bool, changed: Sequence[str] = (), partial_copies: Sequence[str] = ()) -> str:
    """`demo: synthetic faces; changed: seeds=[0, 1]`; "" for the paper's own settings on real faces, all of them.

    partial_copies: what there is of each data set that is not complete, for instance "972 of 1,002 photos of fgnet".
    """
    kind = f"{profile}: synthetic faces" if synthetic else "" if profile == PAPER else f"{profile} settings, not the paper's"
    copies = "partial copy: " + ", ".join(partial_copies) if partial_copies else ""
    changes = "changed: " + ", ".join(changed) if changed else ""
    return "; ".join(part for part in (kind, copies, changes) if part)


def shortfalls(data: Mapping[str, Mapping[str, Any]], *, synthetic: Collection[str]) -> list[str]:
    """What each real data set lacks, in words, from what a run notes of its data sets; older runs have noted nothing.

    synthetic: names of the drawn sets, which are no copies.
    """
    return [facts["shortfall"] for name, facts in data.items() if name not in synthetic and facts.get("shortfall")]


def run_status(banner: str, folds_done: int, folds_total: int, *, people: str = "") -> str:
    """The run's own banner ("demo: synthetic faces" or ""), "partial: 61 of 82 folds" when folds are missing, and what is said of people.

    Empty but for `people` for a complete run that needs no warning: only then do numbers stand beside the paper's as a reproduction.
    people: what `describe_overlap` says of the folds; a paper may divide its images and mean it.
    """
    count = folds_text(folds_done, folds_total)
    missing = f"partial: {count}" if folds_done < folds_total and count not in banner else ""
    return "; ".join(part for part in (banner, missing, people) if part)


def folds_text(folds_done: int, folds_total: int) -> str:
    """`82 folds`, or `61 of 82 folds` when some are missing."""
    if folds_done < folds_total:
        return f"{folds_done} of {folds_total} folds"
    return f"{folds_total} fold{'' if folds_total == 1 else 's'}"
