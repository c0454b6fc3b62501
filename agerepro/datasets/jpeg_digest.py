"""A digest of a JPEG's picture alone, the same whatever metadata the file carries."""

from __future__ import annotations

import hashlib

START, END, SCAN = 0xD8, 0xD9, 0xDA
COMMENT = 0xFE


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
