"""The primitives of dlib's serialised files: integers, floats, texts, truth values and tensors from bytes."""

from __future__ import annotations

import math

import numpy as np


class Malformed(Exception):
    """The bytes do not hold what should be there; the text says where."""


class DlibBytes:
    """A position in dlib's bytes; every method reads one thing there, moves on, and raises Malformed when it is not there."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count < 0 or self.at + count > len(self.content):
            raise Malformed(f"it ends at byte {len(self.content)}, within what begins at byte {self.at}")
        self.at += count
        return self.content[self.at - count : self.at]

    def integer(self) -> int:
        """A control byte (low 4 bits: how many bytes; top bit: negative), then the magnitude, little-endian."""
        control = self.take(1)[0]
        length = control & 0x0F
        if control & 0x70 or not 1 <= length <= 8:
            raise Malformed(f"no integer begins at byte {self.at - 1}")
        magnitude = int.from_bytes(self.take(length), "little")
        return -magnitude if control & 0x80 else magnitude

    def real(self) -> float:
        """Mantissa, then exponent of two. (dlib marks infinities and NaN by exponents from 32000; none belongs here.)"""
        mantissa, exponent = self.integer(), self.integer()
        if abs(exponent) > 1000:
            raise Malformed(f"the number before byte {self.at} is not finite")
        return math.ldexp(mantissa, exponent)

    def text(self) -> str:
        """Length, then that many bytes of ASCII."""
        content = self.take(self.integer())
        if not content.isascii():
            raise Malformed(f"the text before byte {self.at} is not ASCII")
        return content.decode("ascii")

    def truths(self, count: int) -> None:
        """`count` truth values, one byte "0" or "1" each."""
        if not set(self.take(count)) <= {ord("0"), ord("1")}:
            raise Malformed(f"no truth values stand before byte {self.at}")

    def tensor(self, *shape: int) -> np.ndarray:
        """Version 2, four sizes that must be `shape`, then float32, little-endian, C order."""
        self.expect(2, *shape)
        return np.frombuffer(self.take(4 * math.prod(shape)), "<f4").reshape(shape).astype(np.float32)

    def shape(self, *shape: int) -> None:
        """A shape without data (dlib's alias tensor): version 1, then the four sizes."""
        self.expect(1, *shape)

    def expect(self, *integers: int) -> None:
        """Integers with exactly these values."""
        for expected in integers:
            if (found := self.integer()) != expected:
                raise Malformed(f"the integer before byte {self.at} is {found}, not {expected}")

    def expect_text(self, expected: str) -> None:
        """A text with exactly this value."""
        if (found := self.text()) != expected:
            raise Malformed(f"the text before byte {self.at} is {found!r}, not {expected!r}")

    def expect_real(self, expected: float) -> None:
        """A number with this value, as exactly as float32 holds it."""
        if (found := self.real()) != float(np.float32(expected)):
            raise Malformed(f"the number before byte {self.at} is {found:.9g}, not {expected:.9g}")

    def expect_end(self) -> None:
        """Nothing more."""
        if self.at != len(self.content):
            raise Malformed(f"{len(self.content) - self.at} bytes follow its end at byte {self.at}")
