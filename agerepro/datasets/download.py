"""The congress portraits fetched from their public repository, every picture checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pooch
import requests

from agerepro.datasets.congress import labels
from agerepro.datasets.jpeg_digest import jpeg_digest
from agerepro.errors import UserError
from agerepro.files import write_then_rename

PORTRAITS = "https://raw.githubusercontent.com/Hainish/congress-images-225x275/20531e981f99/images"
AT_ONCE = 8
TRIES = 3
TIMEOUT_S = 30


def download_congress(
    root: Path,
    *,
    base: str = PORTRAITS,
    wait: Callable[[float], object] = time.sleep,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> int:
    """Fetch all labelled portraits from `base` into `root`/images, and say how many had to be fetched.

    Pictures that are already right, there or in `root` itself, are left alone, so a broken download goes on where it stopped.
    A picture appears under its name only when its `jpeg_digest` is that of the labels. `progress` gets pictures done and all.
    Raises UserError when offline or when pictures stay wrong; the right ones are kept.
    """
    table = labels()
    digests: dict[str, str] = dict(zip(table["file"], table["jpeg_digest"], strict=True))
    lacking = [name for name in digests if not any(_is_right(folder / name, digests[name]) for folder in (root / "images", root))]
    done = len(digests) - len(lacking)
    progress(done, len(digests))
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        fetched = {pool.submit(_fetch, f"{base}/{name}", root / "images" / name, digests[name], wait): name for name in lacking}
        for finished in as_completed(fetched):
            error = finished.exception()
            if isinstance(error, requests.ConnectionError):
                pool.shutdown(cancel_futures=True)
                raise UserError(
                    f"Cannot reach {base} ({len(digests) - done} of {len(digests)} portraits are lacking). Try again when "
                    f"online, or copy the pictures by hand to {root / 'images'}."
                )
            if isinstance(error, (requests.RequestException, ValueError)):
                failed[fetched[finished]] = str(error)
            elif isinstance(error, OSError):
                pool.shutdown(cancel_futures=True)
                raise UserError(f"Cannot write {error.filename or root / 'images'}: {error.strerror}.")
            elif error is not None:
                raise error
            else:
                done += 1
                progress(done, len(digests))
    if failed:
        first = min(failed)
        raise UserError(
            f"{len(failed)} of {len(digests)} portraits could not be fetched from {base}; {first}: {failed[first]}. "
            f"Run the same command again for these, or copy them by hand to {root / 'images'}."
        )
    return len(lacking)


def _is_right(path: Path, digest: str) -> bool:
    try:
        return jpeg_digest(path.read_bytes()) == digest
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False


def _fetch(address: str, path: Path, digest: str, wait: Callable[[float], object]) -> None:
    """Fetch and check one picture, with a second and a third try after 1 and 2 seconds; the last error is raised."""

    def write(temporary: Path) -> None:
        pooch.HTTPDownloader(timeout=TIMEOUT_S)(address, str(temporary), None)
        found = jpeg_digest(temporary.read_bytes())
        if found != digest:
            raise ValueError(f"it is another picture than the labelled one (digest {found[:12]} instead of {digest[:12]})")

    for again in range(1, TRIES + 1):
        try:
            write_then_rename(path, write)
            return
        except (requests.RequestException, ValueError):
            if again == TRIES:
                raise
            wait(float(again))
