"""Public-domain portraits fetched by name, each checked by a digest of its pixels' JPEG scan."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pooch
import requests

from agerepro.datasets.congress import labels
from agerepro.errors import UserError
from agerepro.io import atomic_write

PORTRAITS = "https://raw.githubusercontent.com/Hainish/congress-images-225x275/20531e981f99/images"
AT_ONCE = 8
TRIES = 3
TIMEOUT_S = 30
START, END, SCAN = 0xD8, 0xD9, 0xDA
COMMENT = 0xFE


def download_congress(
    root: Path,
    *,
    base: str = PORTRAITS,
    wait: Callable[[float], object] = time.sleep,
    progress: Callable[[int, int], object] = lambda count, total: None,
) -> int:
    """Fetch all labelled portraits from `base` into `root`/images, and say how many had to be fetched.

    Pictures that are already right, there or in `root` itself, are left alone, so a broken download goes on where it stopped.
    A picture appears under its name only when its `jpeg_digest` is that of the labels. `progress` gets pictures done and all.
    Raises UserError when offline or when pictures stay wrong; the right ones are kept.
    """
    table = labels()
    digests: dict[str, str] = dict(zip(table["file"], table["jpeg_digest"], strict=True))
    lacking = [name for name in digests if not any(_is_right(folder / name, digests[name]) for folder in (root / "images", root))]
    count = len(digests) - len(lacking)
    progress(count, len(digests))
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        names = {pool.submit(_fetch, f"{base}/{name}", root / "images" / name, digests[name], wait): name for name in lacking}
        for future in as_completed(names):
            error = future.exception()
            if isinstance(error, requests.ConnectionError):
                pool.shutdown(cancel_futures=True)
                raise UserError(
                    f"Cannot reach {base} ({len(digests) - count} of {len(digests)} portraits are lacking). Try again when "
                    f"online, or copy the pictures by hand to {root / 'images'}."
                )
            if isinstance(error, (requests.RequestException, ValueError)):
                failed[names[future]] = str(error)
            elif isinstance(error, OSError):
                pool.shutdown(cancel_futures=True)
                raise UserError(f"Cannot write {error.filename or root / 'images'}: {error.strerror}.")
            elif error is not None:
                raise error
            else:
                count += 1
                progress(count, len(digests))
    if failed:
        first = min(failed)
        raise UserError(
            f"{len(failed)} of {len(digests)} portraits could not be fetched from {base}; {first}: {failed[first]}. "
            f"Run the same command again for these, or copy them by hand to {root / 'images'}."
        )
    return len(lacking)


def jpeg_digest(content: bytes) -> str:
    """SHA-256, in hex, over the segments that code the picture: all but APP0 to APP15 and comments, up to the end marker.

    Two copies of one JPEG, of which one lost its camera data, have one digest; bytes after the end marker do not count.
    Raises ValueError when the bytes are no complete JPEG.
    """
    if content[:2] != bytes((0xFF, START)):
        raise ValueError("the file does not begin as a JPEG")
    total = hashlib.sha256()
    at = 2
    while True:
        if content[at : at + 1] != b"\xff":
            raise ValueError(f"no JPEG marker at byte {at}")
        while content[at + 1 : at + 2] == b"\xff":  # fill bytes
            at += 1
        marker = _byte(content, at + 1)
        if marker == END:
            return total.hexdigest()
        size = _byte(content, at + 2) << 8 | _byte(content, at + 3)
        end = at + 2 + size
        if size < 2 or end > len(content):
            raise ValueError(f"the JPEG ends inside the segment at byte {at}")
        if marker == SCAN:
            end = _end_of_scan(content, end)
        if not (0xE0 <= marker <= 0xEF or marker == COMMENT):
            total.update(content[at:end])
        at = end


def _end_of_scan(content: bytes, at: int) -> int:
    """The next marker that is neither a stuffed 0xFF nor a restart."""
    while True:
        at = content.find(b"\xff", at)
        following = _byte(content, at + 1) if at >= 0 else None
        if following is None:
            raise ValueError("the JPEG ends inside its picture")
        if following != 0 and following != 0xFF and not 0xD0 <= following <= 0xD7:
            return at
        at += 1 if following == 0xFF else 2


def _byte(content: bytes, at: int) -> int:
    if at >= len(content):
        raise ValueError("the JPEG ends too early")
    return content[at]


def _is_right(path: Path, digest: str) -> bool:
    try:
        return jpeg_digest(path.read_bytes()) == digest
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False


def _fetch(address: str, path: Path, digest: str, wait: Callable[[float], object]) -> None:
    """Fetch and check one picture, with a second and a third try after 1 and 2 seconds; the last error is raised."""

    def write(temporary: Path) -> None:
        pooch.HTTPDownloader(timeout=TIMEOUT_S)(address, str(temporary), None)
        actual = jpeg_digest(temporary.read_bytes())
        if actual != digest:
            raise ValueError(f"it is another picture than the labelled one (digest {actual[:12]} instead of {digest[:12]})")

    for attempt in range(1, TRIES + 1):
        try:
            atomic_write(path, write)
            return
        except (requests.RequestException, ValueError):
            if attempt == TRIES:
                raise
            wait(float(attempt))
