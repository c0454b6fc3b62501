"""What a run's numbers may be taken for: the banner that every table and picture of it carries."""

from __future__ import annotations


def standing(banner: str, folds_done: int, folds_total: int) -> str:
    """The run's own banner ("demo: synthetic faces" or ""), and "partial: 61 of 82 folds" when folds are missing.

    Empty for a complete run that needs no warning: only then do numbers stand beside the paper's as a reproduction.
    """
    count = folds_text(folds_done, folds_total)
    missing = f"partial: {count}" if folds_done < folds_total and count not in banner else ""
    return "; ".join(part for part in (banner, missing) if part)


def folds_text(folds_done: int, folds_total: int) -> str:
    """`82 folds`, or `61 of 82 folds` when some are missing."""
    if folds_done < folds_total:
        return f"{folds_done} of {folds_total} folds"
    return f"{folds_total} fold{'' if folds_total == 1 else 's'}"
