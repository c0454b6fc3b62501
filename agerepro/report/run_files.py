"""The files of a run, read so that a missing or damaged one is named in a sentence."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agerepro.config.loading import read_experiment
from agerepro.config.schema import Experiment
from agerepro.errors import CheckFailed, UserError
from agerepro.io import verified
from agerepro.tables import PREDICTIONS, Table, read_table

REMAKE = "The same `agerepro run` command makes it anew."
EXPLAIN_AGAIN = "Make it again with `agerepro explain`."
# What readers of JSON, CSV and npz raise where a file is empty, cut off, of another kind or lacks a part.
_DAMAGE = (ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error)
_PROVENANCE = ("changed", "data", "starts", "synthetic")


@contextmanager
def reading(path: Path, remedy: str = REMAKE) -> Iterator[None]:
    """Inside, a file that is missing, damaged or refused by the operating system becomes a UserError with its path and `remedy`.

    Only the reading of this one file belongs inside: a mistake of ours would be taken for damage.
    """
    try:
        yield
    except CheckFailed:  # a checksum that differs says all that there is to say
        raise
    except UserError as error:
        text = str(error) if str(path) in str(error) else f"{path}: {error}"
        raise UserError(f"{text.rstrip('.')}. {remedy}") from None
    except FileNotFoundError:
        raise UserError(f"{path} is missing. {remedy}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}. Make it readable, then start the command again.") from None
    except _DAMAGE as error:
        reason = f"it lacks {error.args[0]}" if isinstance(error, KeyError) and error.args else str(error) or type(error).__name__
        raise UserError(f"{path} is damaged ({reason.rstrip('.')}). {remedy}") from None


def read_settings(folder: Path) -> Experiment:
    """experiment.yaml of a run."""
    path = folder / "experiment.yaml"
    with reading(path):
        return read_experiment(path)


def read_provenance(folder: Path, *, data: str) -> dict[str, Any]:
    """provenance.json of a run, with at least the keys `changed`, `data`, `starts` and `synthetic`, and with data set `data`."""
    path = folder / "provenance.json"
    with reading(path):
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for key in _PROVENANCE:
            about[key]
        about["data"][data]["digest"]
    return about


def read_run_table(path: Path, table: Table) -> pd.DataFrame:
    """A table of a run."""
    with reading(path):
        return read_table(verified(path), table)


def read_history(path: Path, *columns: str) -> pd.DataFrame:
    """A history.csv, a row an epoch, that has at least these columns."""
    with reading(path):
        history = pd.read_csv(verified(path))
        for column in ("epoch", *columns):
            history[column]
    return history


def read_arrays(path: Path, *names: str, remedy: str = REMAKE) -> tuple[np.ndarray, ...]:
    """Arrays of an npz file, in the order of their names."""
    with reading(path, remedy), verified(path).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        return tuple(file[name] for name in names)


def read_fit(path: Path) -> tuple[str, list[tuple[str, float]]]:
    """The engine of a fold's fit.json, and (family, weight) of every model in its ensemble; of one model alone the weight is 1."""
    with reading(path):
        fit = json.loads(verified(path).read_text(encoding="utf-8"))
        members = fit.get("ensemble") or [{"family": fit["chosen"], "weight": 1.0}]
        return str(fit["engine"]), [(str(member["family"]), float(member["weight"])) for member in members]


@dataclass(frozen=True)
class FoldPosteriors:
    """PREDICTIONS of a fold (n rows), its posteriors (n, bins) and their bins (bins,): years, or numbers of groups.

    offset: (n,) years that the bins are added to, where they are residuals; else 0. Without bins, of a network that gives years, the
    posteriors say nothing.
    """

    tested: pd.DataFrame
    posteriors: np.ndarray
    bins: np.ndarray
    offset: np.ndarray


def read_fold_posteriors(folder: Path, *, residual_of: str) -> FoldPosteriors:
    """A fold's posteriors; residual_of: that of the run's target. UserError where rows and posteriors differ in number."""
    tested = read_run_table(folder / "predictions.csv", PREDICTIONS)
    posteriors, bins = read_arrays(folder / "posteriors.npz", "posteriors", "bins")
    offset = read_arrays(folder / "posteriors.npz", "offset")[0] if residual_of else np.zeros(len(tested), np.float32)
    if len(bins) and posteriors.shape != (len(tested), len(bins)):
        raise UserError(
            f"{folder / 'posteriors.npz'} is of shape {posteriors.shape} for {len(tested)} photos and {len(bins)} bins. Remove the "
            f"folder {folder.name} of this fold. {REMAKE}"
        )
    return FoldPosteriors(tested, posteriors, bins, offset)


@dataclass(frozen=True)
class SharedStage:
    """A stage that folds or another stage started from: its name, the epochs it was to train, and its history.csv."""

    name: str
    epochs: int
    history: Path


def shared_stages(runs: Path, start: str) -> list[SharedStage]:
    """The stages that led to `start`, the first to be trained first; it ends where one is no longer in the folder of all `runs`.

    start: digest of a trained stage, or the name of published weights or of no weights, from which nothing leads on.
    """
    chain: list[SharedStage] = []
    while folder := _stage_folder(runs, start):
        path = folder / "settings.json"
        with reading(path):
            settings = json.loads(path.read_text(encoding="utf-8"))
            chain.insert(0, SharedStage(settings["stage"]["name"], int(settings["stage"]["epochs"]), folder / "history.csv"))
            start = str(settings["start"])
    return chain


def _stage_folder(runs: Path, start: str) -> Path | None:
    """The folder of a trained stage by its digest; None for published weights, for scratch, and where it is not on disk."""
    if not start or set(start) - set("0123456789abcdef"):
        return None
    return next((folder for folder in sorted((runs / "stages").glob(f"*-{start}")) if (folder / "history.csv").is_file()), None)
