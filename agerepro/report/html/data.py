"""The numbers behind the interactive parts of the page: one JSON-able value, columns instead of rows."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from agerepro.evaluation.photo_errors import photo_errors
from agerepro.protocols.groups import years
from agerepro.report.html.loaded import Loaded
from agerepro.report.html.maps import Maps
from agerepro.report.html.posteriors import Beliefs

_BREAKS_OUT = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def run_data(run: Loaded, label: str, *, beliefs: Beliefs | None, maps: Maps | None, faces: int | None) -> dict[str, Any]:
    """One run. `faces` is the place of its pictures in the page's list of face sets, None where they are left out.

    A fold's error is the mean over its photos of the first seed, in years or as a share of wrong groups.
    """
    frame = run.first_seed_predictions
    errors = photo_errors(frame)
    folds = _folds(frame.assign(error=errors, years=_years(run, frame)))
    place = {fold: index for index, fold in enumerate(folds["fold"])}
    groups = list(run.result.groups)
    number = {group: index for index, group in enumerate(groups)}
    told = bool(groups)
    return {
        "label": label,
        "measure": run.result.measure,
        "groups": groups,
        "faces": faces,
        "bins": list(beliefs.bins) if beliefs else [],
        "beliefs": beliefs.packed if beliefs else "",
        "folds": folds,
        "photos": {
            "photo": list(frame["photo"]),
            "subject": list(frame["subject"]),
            "fold": [place[int(fold)] for fold in frame["fold"]],
            "truth": [number[group] for group in frame["group"]] if told else _rounded(frame["age"]),
            "said": [number[group] for group in frame["predicted_group"]] if told else _rounded(frame["predicted"]),
            "error": _rounded(pd.Series(errors)),
        },
        "maps": [maps.pictures.get(photo, "") for photo in frame["photo"]] if maps else [],
    }


def json_block(value: Any) -> str:
    """JSON that may stand inside a script element: what could end the element, or a line, is written as an escape."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).translate(_BREAKS_OUT)


def _folds(frame: pd.DataFrame) -> dict[str, list[Any]]:
    rows = []
    for fold, part in frame.groupby("fold", sort=True):
        people = sorted(set(part["subject"]))
        name = people[0] if len(people) == 1 and people[0] else f"fold {fold}: {len(people)} people"
        rows.append((int(str(fold)), name, len(part), round(float(part["error"].mean()), 3), part["years"].min(), part["years"].max()))
    columns = ("fold", "name", "photos", "error", "youngest", "oldest")
    return {column: [row[place] for row in rows] for place, column in enumerate(columns)}


def _years(run: Loaded, frame: pd.DataFrame) -> pd.Series:
    """An age in years by which photos are filtered: the true one, or the first year of the true group."""
    if run.result.groups:
        return frame["group"].map({group: float(years(group)[0]) for group in run.result.groups})
    return frame["age"].round(2)


def _rounded(values: pd.Series) -> list[float]:
    return [round(float(value), 2) for value in values]
