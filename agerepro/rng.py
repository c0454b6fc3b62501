"""Random generators named by what they are for, so that a draw never depends on what was drawn before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

# Philox4x64-10 [Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"]: multipliers, what is added to the key a round.
MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
WEYL = np.array([0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B], np.uint64)
ROUNDS, WORDS = 10, 4
ROWS_AT_ONCE = 4096  # their numbers stay in the processor's cache


def rng_for(*rng_key: str | int) -> np.random.Generator:
    """The same independent stream for the same rng_key, e.g. `("order", seed, stage, epoch)`, in every process."""
    named = hashlib.sha256(_text(rng_key)).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(named[:16], dtype="<u8")))


def uniforms(rng_key: tuple[str | int, ...], names: Sequence[str], count: int) -> np.ndarray:
    """(n, count) float64 in [0, 1): row i equals `rng_for(*rng_key, names[i]).random(count)` to the bit.

    The streams are computed side by side, at less than a tenth of the time of a generator each.
    """
    first = hashlib.sha256(_text((*rng_key, "")))
    digests = bytearray()
    for name in names:
        hashed = first.copy()
        hashed.update(name.encode())
        digests += hashed.digest()[:16]
    keys = np.frombuffer(bytes(digests), dtype="<u8").astype(np.uint64).reshape(-1, 2)
    drawn = np.empty((len(keys), count))
    for start in range(0, len(keys), ROWS_AT_ONCE):
        part = keys[start : start + ROWS_AT_ONCE]
        # NumPy raises the counter before it is used first, and takes the upper 53 bits of a word.
        blocks = [_philox(part, counter) for counter in range(1, 1 + -(-count // WORDS))]
        words = np.concatenate(blocks, axis=1)[:, :count]
        drawn[start : start + ROWS_AT_ONCE] = (words >> np.uint64(11)) * 2.0**-53
    return drawn


def derive_seed(*rng_key: str | int) -> int:
    """A seed of 31 bits for libraries that take a number."""
    return int(rng_for(*rng_key).integers(2**31 - 1))


def _text(rng_key: tuple[str | int, ...]) -> bytes:
    return "\x1f".join(str(part) for part in rng_key).encode()


def _philox(keys: np.ndarray, counter: int) -> np.ndarray:
    """(n, 2) uint64 keys -> the (n, WORDS) uint64 that Philox makes of the counter (counter, 0, 0, 0) under each."""
    words = [np.full(len(keys), word, np.uint64) for word in (counter, 0, 0, 0)]
    key, other = keys[:, 0].copy(), keys[:, 1].copy()
    for _ in range(ROUNDS):
        (high, low), (other_high, other_low) = _product(words[0], MULTIPLIERS[0]), _product(words[2], MULTIPLIERS[1])
        words = [other_high ^ words[1] ^ key, other_low, high ^ words[3] ^ other, low]
        key, other = key + WEYL[0], other + WEYL[1]
    return np.stack(words, axis=1)


def _product(words: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """The upper and lower 64 bits of the 128 of (n,) uint64 times a factor, by halves of 32 bits."""
    half, low_bits = np.uint64(32), np.uint64(0xFFFFFFFF)
    low, high = words & low_bits, words >> half
    factor_low, factor_high = np.uint64(factor & 0xFFFFFFFF), np.uint64(factor >> 32)
    middle = high * factor_low + (low * factor_low >> half)  # no sum here exceeds 64 bits
    other = low * factor_high + (middle & low_bits)
    return high * factor_high + (middle >> half) + (other >> half), words * np.uint64(factor)
