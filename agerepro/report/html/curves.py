"""Chart: training and validation loss by epoch, as the mean of all folds with the band that holds four fifths of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from agerepro.report.html.histories import History
from agerepro.report.html.svg import WIDTH, Drawn, Scale, across, chart, curve, dot, upwards

_TOP, _BOTTOM, _LEFT = 24, 174, 44
_LINES = (("loss", "training", 0), ("validation_loss", "validation", 1))


def training_curves(history: History) -> Drawn | None:
    """Solid: training loss; dashed: validation loss, where there is one. None where no loss is finite."""
    tables = {column: _by_epoch(history, column) for column, _, _ in _LINES}
    finite = [table.to_numpy()[np.isfinite(table.to_numpy())] for table in tables.values()]
    if not any(len(values) for values in finite):
        return None
    everything = np.concatenate(finite)
    low, high = float(everything.min()), float(np.quantile(everything, 0.995))
    epochs = max(len(table) for table in tables.values())
    right, up = Scale(1, max(epochs, 2), _LEFT, WIDTH - 12), Scale(min(low, high * 0.9), high, _BOTTOM, _TOP)
    pieces = across(right, top=_TOP, bottom=_BOTTOM, label="Epoch") + upwards(up, left=_LEFT, right=WIDTH - 12, label="Loss")
    told = []
    for column, name, place in _LINES:
        table = tables[column].dropna(how="all")
        if table.empty:
            continue
        mean = table.mean(axis=1)
        pieces += _band(table, right, up, place)
        points = [(right(float(str(epoch))), up(min(float(value), high))) for epoch, value in mean.items()]
        pieces.append(curve(points, f"run s{place} d{place}") if len(points) > 1 else dot(*points[0], 4, f"mark s{place}"))
        told.append(f"{name} loss from {mean.iloc[0]:.2f} to {mean.iloc[-1]:.2f}")
    said = f"{history.stage}: {', '.join(told)} in {epochs} epoch{'' if epochs == 1 else 's'}."
    return Drawn(history.stage, said, chart(pieces, height=_BOTTOM + 38, told=said))


def _by_epoch(history: History, column: str) -> pd.DataFrame:
    """Epochs down, trainings across; infinite losses count as missing."""
    table = pd.concat([one.set_index("epoch")[column] for one in history.trainings], axis=1)
    return table.replace([np.inf, -np.inf], np.nan)


def _band(table: pd.DataFrame, right: Scale, up: Scale, place: int) -> list[str]:
    if table.shape[1] < 3 or len(table) < 2:
        return []
    low, high = (table.quantile(share, axis=1).clip(lower=up.low, upper=up.high) for share in (0.1, 0.9))
    there, back = ([(right(float(str(epoch))), up(float(value))) for epoch, value in end.items()] for end in (low, high))
    return [curve([*there, *back[::-1]], f"band s{place}", closed=True)]
