"""RUN/explain itself holds what was made last; every choice of settings has a folder of its own below."""

from __future__ import annotations

from pathlib import Path

from agerepro.files import write_bytes

ABOUT = "about.json"
LEFT_OUT = ("folds", "checks")  # what a stopped call goes on with


def make_latest(folder: Path) -> Path:
    """Copy the finished results of `folder` (RUN/explain/<settings>) to RUN/explain, and return that.

    about.json goes first and comes last: while it is missing, the others may be of two settings.
    """
    above = folder.parent
    new = [
        path.relative_to(folder)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in LEFT_OUT
    ]
    (above / ABOUT).unlink(missing_ok=True)
    for old in [*above.glob("*.*"), *(above / "figures").glob("*.*")]:
        if old.is_file() and old.relative_to(above) not in new:
            old.unlink()
    for name in sorted(new, key=lambda one: one.name == ABOUT):
        if not name.name.startswith("."):
            write_bytes(above / name, (folder / name).read_bytes())
    return above
