"""A photo file as upright RGB pixels, reduced where it is very large; a broken file is a counted skip."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image, features

# What a picture's name ends in, lower case, where a folder is looked through for pictures.
PICTURE_ENDINGS = (
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif",
    ".tiff", ".webp",
)  # fmt: skip
LARGEST_PIXELS = 89_478_485  # Pillow's own bomb limit (a quarter GiB of RGB); checked on the header, before any pixel is decoded
LARGEST_SIDE = 2048  # pixels after `downscale`; it bounds memory, too: 2 x 64 photos of at most 12 MiB are under way
NEUTRAL_GREY = 128  # behind transparent pixels: neither of the two colours that a cut-out's hidden pixels usually have
# Named, so that no photo can start one of Pillow's rarer readers (EPS runs a separate program).
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM")
# Brands of ISO base media files (ISO/IEC 23008-12, annex B; AVIF specification, section 6): Pillow reads AVIF, pillow-heif the others.
AVIF_BRANDS = (b"avif", b"avis")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
ORIENTATION = 0x0112
# What Pillow's readers raise on broken files, as found by flipping and cutting bytes of each format.
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, KeyError, IndexError, TypeError, OverflowError, MemoryError,
    RuntimeError,
)  # fmt: skip


class DecodeError(Exception):
    """A photo that cannot become pixels; `reason` is a short clause for the faces table."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MissingDecoderError(DecodeError):
    """A photo of a kind that only a package that is not installed here can read: nothing is wrong with the photo."""


def decode(content: bytes) -> np.ndarray:
    """Upright RGB uint8 pixels (height, width, 3) of a JPEG, PNG, WebP, TIFF, BMP, GIF, PNM, HEIC or AVIF photo.

    EXIF orientation is applied; in HEIC and AVIF the file's own rotation and mirroring count instead, as their standard says, and
    once, though telephones note them in EXIF too. Grey, palette and CMYK become RGB; more than 8 bits are scaled to 8; transparency
    is laid on neutral grey. Raises DecodeError for empty, truncated, foreign or broken files and for pictures over 89 megapixels,
    MissingDecoderError where a HEIC or AVIF photo needs a package that is not installed.
    """
    if not content:
        raise DecodeError("empty file")
    formats = _formats(content)
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            width, height = image.size
            if width * height > LARGEST_PIXELS:
                raise DecodeError(f"too large: {width}x{height} pixels")
            image.load()
            return _turned(_rgb(image), _orientation(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DecodeError(f"too large: over {LARGEST_PIXELS // 1_000_000} megapixels") from None
    except Image.UnidentifiedImageError:
        raise DecodeError("not a picture" if formats == FORMATS else "broken file") from None
    except BROKEN as error:
        raise DecodeError(f"broken file: {error}" if str(error) else "broken file") from None


def downscale(photo: np.ndarray) -> tuple[np.ndarray, float]:
    """The photo (height, width, 3), its longer side at most LARGEST_SIDE, and how many times larger it was; no side becomes 0."""
    longer = max(photo.shape[:2])
    if longer <= LARGEST_SIDE:
        return photo, 1.0
    shrink = LARGEST_SIDE / longer
    if min(photo.shape[:2]) * shrink < 1:  # a strip: OpenCV refuses a side that rounds to 0
        height, width = (max(1, round(side * shrink)) for side in photo.shape[:2])
        return cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA), longer / LARGEST_SIDE
    return cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), longer / LARGEST_SIDE


def _formats(content: bytes) -> tuple[str, ...]:
    """Pillow's names of the formats to try."""
    if content[4:8] != b"ftyp":
        return FORMATS
    end = min(int.from_bytes(content[:4], "big"), 256)
    brands = [content[8:12], *(content[start : start + 4] for start in range(16, end, 4))]
    if any(brand in AVIF_BRANDS for brand in brands):
        if not features.check("avif"):
            raise MissingDecoderError("an AVIF photo, which needs a build of the package pillow with AVIF")
        return ("AVIF",)
    if any(brand in HEIF_BRANDS for brand in brands):
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            raise MissingDecoderError("a HEIC photo, which needs the package pillow-heif") from None
        register_heif_opener()
        return ("HEIF",)
    return FORMATS


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        # Pillow's own conversion to RGB cuts 16-bit values off at 255 instead of scaling them.
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise DecodeError("grey values outside 16 bits")
        grey = np.rint(values / 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode == "F":
        raise DecodeError("floating-point pixels, whose range is unknown")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        behind = Image.new("RGBA", image.size, (NEUTRAL_GREY, NEUTRAL_GREY, NEUTRAL_GREY, 255))
        return np.array(Image.alpha_composite(behind, image.convert("RGBA")).convert("RGB"))
    return np.array(image.convert("RGB"))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except BROKEN:  # a damaged EXIF block does not spoil the pixels
        return 1


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """EXIF 2.32, tag 274: which corner of the scene the first pixel is."""
    turned = {
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: np.rot90(p, -1),
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: np.rot90(p, 1),
    }.get(orientation, lambda p: p)(pixels)
    return np.ascontiguousarray(turned)
