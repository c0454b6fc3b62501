"""What camera, film and paper do to a picture: exposure, warmth, blur, grain, grey or sepia prints."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from agerepro.datasets.synthetic.easel import Array
from agerepro.datasets.synthetic.scene import Scene
from agerepro.datasets.synthetic.textures import pixel_noise


def develop(picture: Array, scene: Scene) -> npt.NDArray[np.uint8]:
    """RGB (h, w, 3), 0..1 -> RGB uint8 as the scene's film shows it."""
    side = max(picture.shape[:2])
    if scene.blur * side > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), scene.blur * side)
    gains = np.array([1 + 0.05 * scene.warmth, 1.0, 1 - 0.07 * scene.warmth]) * scene.exposure
    if scene.film == "colour":
        picture = cv2.transform(picture, np.diag(gains))
    else:
        grey = scene.exposure * np.array([0.299, 0.587, 0.114])
        tones = np.array([1.07, 0.97, 0.80]) if scene.film == "sepia" else np.ones(3)
        # A scan stretched to the paper's range, whose black is not black.
        plain = cv2.transform(picture, grey[None, :])
        low, high = np.percentile(plain[::4, ::4], (2, 98))
        stretch = 0.80 / max(float(high - low), 0.35)
        picture = cv2.merge([plain * np.float32(stretch * tone) + np.float32((0.07 - stretch * low) * tone) for tone in tones])
    if scene.grain > 0.004:
        shape = picture.shape[:2]
        grain = pixel_noise((shape[0], shape[1]), (scene.backdrop % 499, scene.backdrop % 503), 0.0 if scene.film == "colour" else 0.7)
        picture = picture + np.float32(scene.grain) * grain[..., None]
    # A soft shoulder, so that bright skin does not burn out.
    picture = np.clip(picture, 0, 1.4)
    picture = np.where(picture > 0.82, 0.82 + (picture - 0.82) * 0.45, picture)
    return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)


def encode(image: npt.NDArray[np.uint8], quality: int) -> bytes:
    """RGB uint8 (h, w, 3) as JPEG bytes."""
    done, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"OpenCV could not encode an image of shape {image.shape} as JPEG.")
    return bytes(content)
