"""Random generators named by what they are for, so that a draw never depends on what was drawn before."""

from __future__ import annotations

import hashlib

import numpy as np


def rng_for(*purpose: str | int) -> np.random.Generator:
    """The same independent stream for the same purpose, e.g. `("order", seed, stage, epoch)`, in every process."""
    named = hashlib.sha256("\x1f".join(str(part) for part in purpose).encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(named[:16], dtype="<u8")))


def derive_seed(*purpose: str | int) -> int:
    """A seed of 31 bits for libraries that take a number."""
    return int(rng_for(*purpose).integers(2**31 - 1))
