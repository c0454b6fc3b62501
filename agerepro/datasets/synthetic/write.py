"""Synthetic data sets in the native layouts of the real ones, for the same readers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agerepro.datasets.synthetic import adience, agedb, fgnet, imdb_wiki, vggface2
from agerepro.datasets.synthetic.batch import draw_all
from agerepro.datasets.synthetic.plan import Plan
from agerepro.datasets.synthetic.truth import known, write_truth
from agerepro.errors import UserError, near
from agerepro.experiment.schema import Synthetic
from agerepro.files import write_json

WRITERS: dict[str, Callable[[Synthetic], Plan]] = {
    "imdb": imdb_wiki.plan_imdb,
    "wiki": imdb_wiki.plan_wiki,
    "agedb": agedb.plan,
    "fgnet": fgnet.plan,
    "vggface2": vggface2.plan,
    "adience": adience.plan,
}
RENDERER = 3  # raise it when the same settings give other pictures
FINISHED = "synthetic.json"
STARTED = ".synthetic-started.json"


def write(name: str, root: Path, settings: Synthetic, *, jobs: int, on_progress: Callable[[int, int], None]) -> None:
    """Draw data set `name` (one of WRITERS) into `root` in its native layout, with `synthetic-truth.csv` beside it.

    The same settings give the same bytes for any number of processes (`jobs`). Safe to repeat and to kill: finished photos
    are kept, and a finished set (`synthetic.json`) returns at once. `on_progress` gets photos done and photos in all.
    Raises UserError for an unknown name, for a folder drawn with other settings, and for one that holds anything else.
    """
    if name not in WRITERS:
        raise UserError(f"No synthetic version of the data set {name!r} exists.{near(name, WRITERS)}")
    order = {"dataset": name, "renderer": RENDERER, "settings": dataclasses.asdict(settings)}
    if _is_finished(root, order):
        return
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / STARTED, order)
    plan = WRITERS[name](settings)
    draw_all(root, plan.photos, jobs=jobs, on_progress=on_progress)
    truth = known(plan.photos)
    plan.write_labels(root, truth)
    write_truth(root, truth)
    write_json(root / FINISHED, order)
    (root / STARTED).unlink(missing_ok=True)


def _is_finished(root: Path, order: dict[str, Any]) -> bool:
    """Whether `root` holds exactly what is ordered; UserError when it holds something else."""
    for marker in (FINISHED, STARTED):
        if not (root / marker).exists():
            continue
        found = _read(root / marker)
        if found != order:
            raise UserError(
                f"{root} holds a synthetic data set drawn with other settings ({json.dumps(found)}). "
                "Delete the folder to draw it anew, or name another one."
            )
        return marker == FINISHED
    if root.is_dir() and any(not path.name.startswith(".") for path in root.iterdir()):
        raise UserError(f"{root} is not empty and was not drawn here. Name an empty or new folder, so that no data is mixed or lost.")
    return False


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}). Delete the folder to draw the data set anew.") from None
