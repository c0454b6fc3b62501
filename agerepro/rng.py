"""Random generators named by what they are for, so that a draw never depends on what was drawn before."""

from __future__ import annotations

import hashlib

import numpy as np


def rng_for(*rng_key: str | int) -> np.random.Generator:
    """The same independent stream for the same rng_key, e.g. `("order", seed, stage, epoch)`, in every process."""
    named = hashlib.sha256("\x1f".join(str(part) for part in rng_key).encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(named[:16], dtype="<u8")))


def derive_seed(*rng_key: str | int) -> int:
    """A seed of 31 bits for libraries that take a number."""
    return int(rng_for(*rng_key).integers(2**31 - 1))
